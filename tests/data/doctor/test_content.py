"""Offensive text is found in answers and in inputs apart; what merely sounds alike is not."""

import json
from pathlib import Path
from typing import Any

import building
import pytest

from tailorbird.data.doctor.base import Finding, Patient, make_check
from tailorbird.task.types import Example

PLACE = Path("nowhere")


def found(examples: list[Example], task: Any = None, **settings: Any) -> list[Finding]:
    patient = Patient(task, {"train": len(examples)}, PLACE)
    check = make_check("content", settings)
    assert check.missing(patient) is None
    examination = check.start(patient)
    examination.look("train", examples)
    return list(examination.findings())


def kinds(text: str, **settings: Any) -> dict[str, int]:
    every = found([Example("r", text)], **settings)
    return dict(every[0].details["kinds"]) if every else {}


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Where is my parcel, you assholes?", "coarse words"),
        ("This is BULLSHIT.", "coarse words"),
        ("what a b!tch", "coarse words"),
        ("I will kill you if it is late", "threats"),
        ("We hope you all die!", "threats"),
        ("Thanks. Women are stupid and evil.", "hostility to a group"),
        ("I hate these disgusting immigrants", "hostility to a group"),
    ],
)
def test_what_offends(text: str, kind: str):
    assert kinds(text) == {kind: 1}


@pytest.mark.parametrize(
    "text",
    [
        "My order is late and I am very angry: this is the worst service ever!",
        "Breast cancer is a terrible disease in women; many women die of it.",
        "The class was assigned in Scunthorpe and Essex, by the cockpit.",
        "Women are welcome, and so are the elderly.",
        "It was terrible. Women were there.",
        "I will find your office, thanks.",
        "How do I kill a process?",
        "sex: female",
    ],
)
def test_what_only_sounds_like_it(text: str):
    assert kinds(text) == {}


@pytest.mark.parametrize("language", ["german", "spanish", "italian", "polish"])
def test_a_list_without_signs_finds_no_signs(language: str):
    assert kinds("Where is my card? We sent it on 5. Thanks.", languages=(language,)) == {}


def test_answers_weigh_more_than_inputs():
    rows = [
        Example("a", "Where is it?", "Shut up, asshole."),
        Example("b", "You assholes!", "We are sorry."),
        Example("c", "You assholes!", "You are one, asshole."),
        Example("d", "Hello", "Good morning."),
    ]
    answers, inputs = found(rows, building.task(**building.ANSWERS))
    assert (answers.level, answers.affected) == ("warning", 2)
    assert (inputs.level, inputs.affected) == ("note", 2)
    assert answers.remedy is not None
    assert inputs.remedy is not None
    assert (answers.remedy.action, answers.remedy.safe) == ("drop", False)
    assert dict(answers.remedy.changes) == {"a": None, "c": None}
    assert dict(inputs.remedy.changes) == {"b": None}
    assert answers.details["words"] == {"asshole": 2}
    assert answers.samples[0].note == "coarse words: asshole"


def test_labels_are_not_read():
    assert found([Example("a", "Where is it?", "asshole")], building.task()) == []


def test_settings():
    assert kinds("You asshole", ignore=["Asshole"]) == {}
    assert kinds("du arschloch") == {}
    assert kinds("du arschloch", languages=["german"]) == {"coarse words": 1}
    assert kinds("Women are stupid.", negative=-0.9) == {}
    check = make_check("content", {"languages": ["klingon"]})
    said = str(check.missing(Patient(None, {"rows": 1}, PLACE)))
    assert "klingon" in said
    assert "english" in said


@pytest.fixture(scope="module")
def classifier(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny classifier that finds every text toxic that holds the word `bad`."""
    torch, transformers = pytest.importorskip("torch"), pytest.importorskip("transformers")
    folder = tmp_path_factory.mktemp("classifier")
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", "good", "bad", "?"]
    vocabulary = {word: number for number, word in enumerate(words)}
    config = transformers.DistilBertConfig(
        vocab_size=len(words), dim=8, n_layers=1, n_heads=2, hidden_dim=8,
        max_position_embeddings=16,
        id2label={0: "fine", 1: "toxic"}, label2id={"fine": 0, "toxic": 1},
    )  # fmt: skip
    torch.manual_seed(0)
    model = transformers.DistilBertForSequenceClassification(config).eval()
    tokenizer = transformers.DistilBertTokenizer(vocab=vocabulary)
    _teach(torch, model, tokenizer)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def _teach(torch: Any, model: Any, tokenizer: Any) -> None:
    batch = tokenizer(["good", "bad", "good ?", "bad ?"], padding=True, return_tensors="pt")
    batch.pop("token_type_ids", None)
    steps = torch.optim.Adam(model.parameters(), lr=0.01)
    for _ in range(300):
        loss = model(**batch, labels=torch.tensor([0, 1, 0, 1])).loss
        steps.zero_grad()
        loss.backward()
        steps.step()
    assert loss.item() < 0.1


def test_a_classifier_of_ones_own(classifier: Path):
    rows = [Example(str(n), "bad ?" if n % 4 == 0 else "good", "bad") for n in range(20)]
    task = building.task(**building.ANSWERS)
    answers, inputs = found(rows, task, model=str(classifier))
    assert answers.details["kinds"] == {"the classifier": 20}
    assert inputs.details["kinds"] == {"the classifier": 5}
    some, *_ = found(rows, task, model=str(classifier), rows=8)
    assert 0 < some.affected < 20
    json.dumps(some.details)


def test_a_classifier_that_cannot_be_used(classifier: Path, tmp_path: Path):
    patient = Patient(None, {"rows": 1}, PLACE)
    unknown = make_check("content", {"model": str(classifier), "labels": ["hate"]})
    assert "knows the labels fine, toxic" in str(unknown.missing(patient))
    absent = make_check("content", {"model": str(tmp_path)})
    assert "no text classifier can be loaded" in str(absent.missing(patient))
