"""The stream of documents: seeded, shared out as promised, and true to itself."""

import gzip
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from random import Random

import pytest

from tailorbird.data.lookup import lookup
from tailorbird.data.overlap import Protected
from tailorbird.models.fledgling.mix import SHARES, Document, documents
from tailorbird.models.fledgling.tasks import few_shot, letters, passage_qa
from tailorbird.models.fledgling.tasks.domains import domains
from tailorbird.models.fledgling.tasks.grammar import capital, say
from tailorbird.models.fledgling.tasks.labels import label_set
from tailorbird.models.fledgling.tasks.passages import shelf
from tailorbird.models.fledgling.tasks.values import VALUES
from tailorbird.task.task import load_spec

SLOTS = {
    *("v", "it", "noun", "name", "first", "date", "amount", "code", "place", "town"),
    *("month", "weekday", "number", "who", "org"),
}
REAL = ("real_questions", "cloze", "plain", "dialogue")


@pytest.fixture(scope="module")
def text_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of the right shape with invented text in it."""
    folder = tmp_path_factory.mktemp("text")
    paragraph = "The lighthouse stood alone. Nobody visited the lighthouse in winter. " * 4
    works = "\n\n".join(f"Title {i}\n" + f"{paragraph}\n" * 6 for i in range(40))
    turns = [{"speaker": s, "text": f"{s} {i}"} for i in range(6) for s in ("USER", "SYSTEM")]
    dialogues = "\n".join(json.dumps({"turns": turns}) for _ in range(40))
    for name, text in (
        ("enwiki_plain/train.txt.gz", works),
        ("eltec_eng_novels/novels.txt.gz", works),
        ("sgd_dialogues/train.jsonl.gz", dialogues),
    ):
        (folder / name).parent.mkdir()
        (folder / name).write_bytes(gzip.compress(text.encode()))
    return folder


def take(count: int, seed: int = 0, folder: Path | None = None) -> list[Document]:
    return list(islice(documents(seed, folder), count))


def test_same_seed_same_documents(text_folder: Path) -> None:
    assert take(200, 3, text_folder) == take(200, 3, text_folder)
    assert take(200, 3) == take(200, 3)
    assert take(200, 3) != take(200, 4)


def test_shares_are_kept(text_folder: Path) -> None:
    assert sum(SHARES.values()) == 100
    counts = Counter(d.family for d in take(6000, 0, text_folder))
    for family, share in SHARES.items():
        assert counts[family] / 60 == pytest.approx(share, abs=2.0), family


def test_without_text_no_real_families() -> None:
    assert {d.family for d in take(2000)} == set(SHARES) - set(REAL)


def test_every_document_is_well_formed(text_folder: Path) -> None:
    for document in take(3000, 1, text_folder):
        assert (document.messages is None) != (document.text is None)
        if document.text is not None:
            assert document.text.strip()
            continue
        assert document.messages is not None
        roles = [message["role"] for message in document.messages]
        turns = roles[1:] if roles[0] == "system" else roles
        assert turns == ["user", "assistant"] * (len(turns) // 2)
        assert turns
        assert all(message["content"].strip() for message in document.messages)
        told = "".join(m["content"] for m in document.messages if m["role"] == "system")
        assert not set(told) & set("|{}"), "a template was left unexpanded"


def test_answers_can_be_read_off() -> None:
    """Digits of an answer stand in the prompt; otherwise it would teach to invent."""
    for seed in range(300):
        *prompt, answer = passage_qa.sample(Random(seed))
        known = "".join(message["content"] for message in prompt)
        numbers = {word.strip(".,;:()[]") for word in answer["content"].split()}
        for number in (n for n in numbers if any(c.isdigit() for c in n)):
            assert number in known, (seed, number)


def test_passages_state_their_points() -> None:
    for seed in range(200):
        books = shelf(Random(seed))
        for point in books.points:
            title, text = books.passages[point.passage - 1]
            assert point.stated in text
            # A value that begins the sentence has a capital there: "Seven km a day are included."
            stated = point.stated
            assert point.value in stated or stated.startswith(capital(point.value))
            assert not point.named or point.it.lower() in (title + text).lower()
        said = [(point.fact.noun, point.it) for point in books.points]
        assert len(set(said)) == len(said)
        assert not {(p.fact.noun, p.it) for p in books.missing} & set(said)


def test_wordings_are_many() -> None:
    rng = Random(0)
    books = shelf(rng)
    asked = {letters.question(rng, books.points[0]) for _ in range(400)}
    assert len(asked) > 100
    prompts = [passage_qa.sample(rng)[0]["content"] for _ in range(400)]
    assert len(set(prompts)) > 300


def test_domains_are_complete() -> None:
    assert len(domains()) >= 70
    assert len({domain.name for domain in domains()}) == len(domains())
    for domain in domains():
        assert len(domain.facts) > 4, domain.name
        for fact in domain.facts:
            assert fact.choices or fact.kind in VALUES, (domain.name, fact)
            assert fact.says, (domain.name, fact)
            assert fact.asks, (domain.name, fact)
            assert all(template.count("{v}") == 1 for template in fact.says), fact


def test_labels_are_distinct() -> None:
    for seed in range(50):
        names = [label.name for label in label_set(Random(seed), 12)]
        assert len(names) == len(set(names)) >= 2


def test_few_shot_keeps_its_shape() -> None:
    assert all(len(few_shot.sample(Random(seed))) >= 6 for seed in range(50))


def test_grammar() -> None:
    assert {say(Random(i), "[a|b[c|]]{x}", x="!") for i in range(50)} == {"a!", "bc!", "b!"}
    assert say(Random(0), "{x}", x="[1] {y}") == "[1] {y}"
    for broken in ("[a|b", "a]"):
        with pytest.raises(ValueError, match="Template"):
            say(Random(0), broken)


STUDIES = Path(__file__).parents[3] / "studies"


@pytest.mark.parametrize("study", ["insurance-email", "procedure-qa", "vagov-procedures"])
def test_no_study_is_in_the_mix(study: str) -> None:
    """Test mails share no run of ten words with what the templates can say."""
    spec = load_spec(STUDIES / study / "task.yaml")
    rows = (STUDIES / study / "test.jsonl").read_text(encoding="utf-8").splitlines()
    asked = {
        str(i): str(lookup(json.loads(r), spec.data.columns.input)) for i, r in enumerate(rows)
    }
    protected = Protected(asked)
    assert len(protected.unchecked) < len(asked) / 10
    assert protected.found_in_all(_everything_templates_say()) == []


def _everything_templates_say() -> Iterator[str]:
    """Every template several times over, and documents as they are put together."""
    rng = Random(0)
    slots = defaultdict(lambda: "thing", v="seven", it="Silver pass")
    said = [line for lines in letters.phrases().values() for line in lines]
    for domain in domains():
        for fact in domain.facts:
            said += [*fact.says, *fact.asks, *fact.situations]
    for template in said:
        for _ in range(8):
            yield say(rng, template, **{name: slots[name] for name in SLOTS})
    for document in take(1500, 5):
        yield " ".join(message["content"] for message in document.messages or ())
