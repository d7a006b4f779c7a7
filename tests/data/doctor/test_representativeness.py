"""Production against test and train: told apart or not, what is missing, and the arithmetic."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import building
import numpy as np
import pytest

from tailorbird.data.doctor._two_samples import (
    auc_interval,
    clusters,
    effective_rows,
    excess_variation,
    kinds,
    tell_apart,
    topics,
    word_features,
)
from tailorbird.data.doctor.base import Finding, Part, Patient, make_check
from tailorbird.data.doctor.examine import examine, examine_task
from tailorbird.task.types import Example
from tailorbird.testing import check_check

TOPICS = {
    topic: [f"{topic}{a}{b}" for a in "abcdefghijklmnop" for b in "qrstuvwxyz"]
    for topic in ("parcel", "refund", "login")
}
"""Topic -> its words: as many as real mails have, so that no word is in every twentieth."""
ONLY = ["representativeness"]


def mails(n: int, seed: int, *topics: str) -> list[str]:
    rng = np.random.default_rng(seed)
    chosen = rng.choice(list(topics or TOPICS), n)
    return [" ".join(rng.choice(TOPICS[t], 10)) + " please help" for t in chosen]


def rows(texts: Sequence[str], part: str) -> list[Example]:
    return [Example(f"{part}-{i}", text, "ok") for i, text in enumerate(texts)]


def found(test: list[str], production: list[str], **settings: Any) -> list[Finding]:
    parts: dict[Part, list[Example]] = {"test": rows(test, "test")}
    seen = rows(production, "seen")
    patient = Patient(None, {"test": len(test)}, Path("nowhere"), seen, quiet=True)
    wanted = {"representativeness": {"by": "words", "kinds": 3} | settings}
    return list(examine(patient, parts, ONLY, wanted).findings)


def test_a_group_counts_once():
    """Ten rows of each conversation have its own words, and say no more than one of them."""

    def talks(n: int, each: int) -> list[Example]:
        return [
            Example(f"{g}-{i}", f"{text} case{chr(97 + g % 26)}{chr(97 + g // 26)}", "ok",
                    group=str(g))
            for g, text in enumerate(mails(n, 0)) for i in range(each)
        ]  # fmt: skip

    seen = rows(mails(300, 1), "seen")
    settings = {"representativeness": {"by": "words", "kinds": 3}}

    def said(test: list[Example]) -> Finding:
        patient = Patient(None, {"test": len(test)}, Path("nowhere"), seen, quiet=True)
        [finding] = examine(patient, {"test": test}, ONLY, settings).findings
        return finding

    finding = said(talks(80, 10))
    assert (finding.level, finding.affected) == ("note", 80)
    assert finding.details["AUC, 95 % interval from"] < 0.6
    few = said(talks(30, 10))
    assert few.text.startswith("test has 30 independent rows in its sample")


# ---- findings --------------------------------------------------------------------------------


def test_samples_of_one_source_cannot_be_told_apart():
    [finding] = found(mails(300, 0), mails(300, 1))
    assert finding.level == "note"
    assert finding.text.startswith("production cannot be told from test: AUC 0.")
    low, high = (finding.details[f"AUC, 95 % interval {end}"] for end in ("from", "to"))
    assert low < 0.5 < high
    assert finding.effect < 0.03


def test_a_kind_that_the_test_lacks_is_named_with_inputs_to_label():
    [finding] = found(mails(200, 0, "parcel", "refund"), mails(200, 1, "parcel", "login"))
    assert finding.level == "warning"
    assert "production can be told from test" in finding.text
    assert "It lacks inputs about" in finding.text
    named = finding.text.split("It lacks inputs about ")[1].split(" (")[0].split(", ")
    assert set(named) <= set(TOPICS["login"])
    assert {s.part for s in finding.samples} == {"unlabelled"}
    assert all(set(s.text.split()[:10]) <= set(TOPICS["login"]) for s in finding.samples)
    # Half of one mix is what the other has none of.
    assert finding.effect == pytest.approx(0.5, abs=0.1)
    [weighted] = [v for k, v in finding.details.items() if "weighted" in k]
    assert weighted < 190


def test_longer_inputs_are_said():
    [finding] = found(mails(100, 0), [f"{m} {m} {m}" for m in mails(100, 1)])
    assert "half of its inputs have over" in finding.text
    assert finding.details["characters, quartiles"]["half, production"] > 80


def test_of_train_no_effect_is_claimed_and_the_labels_are_compared():
    texts = {"train": mails(150, 2), "test": mails(150, 0)}
    split = {
        s: [Example(f"{s}-{i}", t, next(la for la, w in TOPICS.items() if t.split()[0] in w))
            for i, t in enumerate(some)]
        for s, some in texts.items()
    }  # fmt: skip
    task = building.task(split["train"], split["test"])
    seen = rows(mails(150, 1, "login"), "seen")
    settings = {"representativeness": {"by": "words", "kinds": 3}}
    diagnosis = examine_task(task, Path("nowhere"), seen, ONLY, settings, quiet=True)
    of_train, of_labels = (
        next(f for f in diagnosis.findings if word in f.text) for word in ("from train", "labels")
    )
    assert of_train.effect == 0
    assert "label such ones first" in of_train.text
    assert of_labels.text.split("(than here): ")[1].startswith("login")
    assert "parcel" not in of_labels.text
    assert 0.4 < of_labels.effect < 2 / 3, "the classifier is not sure of a third of the mix"
    assert sum(of_labels.details["production"].values()) == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize(
    "text", ["{}", "where is it", "请问我的包裹{}在哪里", "🙂 {}", "1{}2", "a {}", "?" * 40]
)
@pytest.mark.parametrize("by", ["words", "encoder"])
def test_no_text_stops_it(text: str, by: str, monkeypatch: pytest.MonkeyPatch):
    def embed(texts: Sequence[str], cache: Path) -> Any:
        return np.random.default_rng(0).normal(size=(len(texts), 8))

    monkeypatch.setattr("tailorbird.models.encoder.embed", embed)
    few, many = ([text.format(i) for i in range(n)] for n in (50, 120))
    for test, production in ((few, few), (many, many)):
        [finding] = found(test, production, by=by)
        assert 0 <= finding.effect <= 1


def test_chinese_is_told_apart_by_its_characters():
    here = [f"请问我的{a}什么时候送到{b}" for a in "壶灯椅桌钟镜" for b in "家店门前院里楼下巷口"]
    there = [f"我想把{a}退掉因为{b}坏了" for a in "壶灯椅桌钟镜" for b in "盖柄脚面针框线钮漆角"]
    [finding] = found(here, there)
    assert finding.details["AUC"] > 0.95


def test_it_needs_a_sample_and_the_suite_holds(tmp_path: Path):
    check = make_check("representativeness", {"by": "words", "kinds": 4})
    parts: dict[Part, Sequence[Example]] = {
        "train": rows(mails(80, 0), "train"), "test": rows(mails(60, 1, "parcel"), "test"),
        "unlabelled": rows(mails(60, 2), "u"),
    }  # fmt: skip
    counts = {part: len(examples) for part, examples in parts.items()}

    def patient(n: int) -> Patient:
        return Patient(None, counts, tmp_path, parts["unlabelled"][:n], quiet=True)

    assert "no sample of production" in str(check.missing(patient(0)))
    assert "has 20 inputs, 50 are needed" in str(check.missing(patient(20)))
    assert len(check_check("representativeness", check, patient(60), parts)) == 2


# ---- arithmetic ------------------------------------------------------------------------------


def test_the_area_is_that_of_scikit_learn_and_the_interval_covers_it():
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(1)
    second = np.arange(300) >= 150
    truth = 0.7602  # P(X < Y) where Y lies one deviation higher: Phi(1 / sqrt(2))
    scores = rng.normal(size=(1_000, 300)) + second
    found = np.array([auc_interval(some, second) for some in scores])
    for some, (auc, _, _) in zip(scores[:20], found):
        assert auc == pytest.approx(roc_auc_score(second, some))
    covered = ((found[:, 1] < truth) & (truth < found[:, 2])).mean()
    assert covered == pytest.approx(0.95, abs=0.02)


def test_samples_that_do_not_overlap_have_an_area_without_width():
    second = np.array([False] * 5 + [True] * 5)
    assert auc_interval(np.arange(10.0), second) == (1, 1, 1)
    assert auc_interval(np.zeros(10), second)[0] == 0.5


def test_effective_rows_are_kishs():
    assert effective_rows(np.full(40, 0.5)) == pytest.approx(40)
    assert effective_rows(np.full(40, 0.9)) == pytest.approx(40), "weights that are equal"
    # Weights 1, 1 and 3: 25 / 11.
    assert effective_rows(np.array([0.5, 0.5, 0.75])) == pytest.approx(25 / 11)


def test_variation_beyond_chance():
    second = np.arange(400) >= 200
    apart = np.stack([~second, second], axis=1)
    assert excess_variation(apart, second, 0) == pytest.approx(1, abs=0.06)
    by_lot = np.random.default_rng(0).random(400) < 0.5
    mixed = np.stack([by_lot, ~by_lot], axis=1)
    assert excess_variation(mixed, second, 0) < 0.05


def test_kinds_are_described_by_their_own_words():
    texts = [*mails(100, 0, "parcel"), *mails(100, 1, "login")]
    second = np.arange(200) >= 100
    features, terms = word_features(texts)
    meaning = topics(features, 0)
    assert meaning.shape[0] == 200
    one, two = kinds(features, terms, meaning, clusters(meaning, 2, 0), second)
    assert (one.shares, two.shares) == ((0, 1), (1, 0))
    assert set(one.words) <= set(TOPICS["login"])
    assert set(two.words) <= set(TOPICS["parcel"])
    assert one.p_value < 1e-9 < two.p_value
    assert len(one.typical) == 100
    assert sorted(one.typical) == list(range(100))


def test_a_classifier_judges_rows_that_it_has_not_seen():
    """Texts of one word each cannot be told apart, whichever sample they are of."""
    texts = [f"word{chr(97 + i % 26)}{chr(97 + i // 26)}" for i in range(120)]
    second = np.arange(120) >= 60
    told = tell_apart(word_features(texts)[0], second, 0)
    assert told.low <= 0.5 <= told.high
