"""What each detector sees, what it does not see, and that all keep the protocol."""

from pathlib import Path
from typing import Any

import pytest

from tailorbird.errors import ModelError, StoreError, TaskError
from tailorbird.evaluate.hallucination import judge as judging
from tailorbird.evaluate.hallucination import nli
from tailorbird.evaluate.hallucination._sentences import claims_of, negations, sentences
from tailorbird.evaluate.hallucination.base import Case, Claim, Detector, make_detector, weakest
from tailorbird.evaluate.hallucination.combined import PACKAGED, Calibration, features, fit
from tailorbird.models.scripted import Scripted
from tailorbird.registry import names
from tailorbird.store import write_json
from tailorbird.testing import tiny_checkpoint

SOURCE = (
    "You may return an item within 14 days of 1 March 2026. A repair costs £35. "
    "Complaints are read by Nadia Holm in Leeds."
)


@pytest.fixture(scope="module")
def nli_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random sequence classifier whose labels are those of NLI."""
    import transformers

    folder = tiny_checkpoint(tmp_path_factory.mktemp("nli"), [SOURCE])
    config = transformers.AutoConfig.from_pretrained(
        folder, num_labels=3, id2label={0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT"}
    )
    transformers.LlamaForSequenceClassification(config).save_pretrained(folder)
    return folder


@pytest.fixture
def settings(nli_model: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Settings of the detectors that need some."""
    monkeypatch.setattr(
        "tailorbird.models.load.load_model", lambda *_: Scripted({"Leeds": "yes"}, default="no")
    )
    return {"nli": {"model": str(nli_model)}, "judge": {"model": "scripted"}}


def examine(name: str, answer: str, sources: tuple[str, ...] = (SOURCE,), **settings: Any) -> Any:
    (claims,) = make_detector({name: settings}).examine([Case(answer, sources, "What now?")])
    return claims


# ---- every detector --------------------------------------------------------------------------


@pytest.mark.parametrize("name", names("evaluate.hallucination"))
def test_detector_keeps_the_protocol(name: str, settings: dict[str, Any], tmp_path: Path):
    detector = make_detector({name: settings.get(name, {})})
    assert isinstance(detector, Detector)
    assert 0 <= detector.threshold <= 1
    cases = [
        Case("A repair costs £99. Call Bo Lund.", (SOURCE,), "What does a repair cost?"),
        Case("", (SOURCE,)),
        Case("A repair costs £35.", ()),
        Case("\x00 🙂 ", ("",), ""),
        Case("word " * 300, (SOURCE * 5,)),
    ]
    ticks: list[int] = []
    together = detector.examine(cases, tmp_path, ticks.append)
    assert sum(ticks) == len(cases)
    assert together[1] == ()
    claims = [c for row in together for c in row]
    assert claims
    assert all(c.text and (c.support is None or 0 <= c.support <= 1) for c in claims)
    alone = [detector.examine([c])[0] for c in cases]
    for one, other in zip(alone, together, strict=True):
        assert [c.text for c in one] == [c.text for c in other]
        assert [c.support for c in one] == pytest.approx([c.support for c in other], abs=1e-3)
    assert detector.examine([]) == []


def test_unknown_detectors_and_settings_are_refused():
    with pytest.raises(TaskError, match='did you mean "overlap"'):
        make_detector("overlaps")
    with pytest.raises(TaskError, match='has no setting "treshold"; did you mean "threshold"'):
        make_detector({"overlap": {"treshold": 0.5}})
    with pytest.raises(TaskError, match="threshold"):
        make_detector({"overlap": {"threshold": 2}})


def test_weakest():
    assert weakest([]) == 1.0
    assert weakest([Claim("a", 0.7), Claim("b", 0.2), Claim("c", None)]) == 0.2
    assert weakest([Claim("c", None)]) is None


# ---- sentences -------------------------------------------------------------------------------


def test_sentences_end_where_they_end():
    text = (
        "Ask Mr. Holm, e.g. today. Open from 8 a.m. to 7 p.m. on Sunday.\n- First item\n2. Second"
    )
    assert sentences(text) == (
        "Ask Mr. Holm, e.g. today.",
        "Open from 8 a.m. to 7 p.m. on Sunday.",
        "First item",
        "Second",
    )


def test_a_wrapped_line_goes_on():
    assert sentences("You may return\nan item.\nA repair\n\n- costs £35") == (
        "You may return an item.",
        "A repair",
        "costs £35",
    )


def test_courtesy_and_questions_claim_nothing():
    answer = (
        "Dear customer,\nThank you for your e-mail. A repair costs £35. Is that clear?\n"
        "Kind regards"
    )
    assert [s for s in claims_of(answer) if "£35" in s] == ["A repair costs £35."]
    assert "Thank you for your e-mail." not in claims_of(answer)
    assert "Kind regards" not in claims_of(answer)
    assert "Is that clear?" not in claims_of(answer)


def test_negations_are_counted():
    assert negations("You may not return it, and can't exchange it without a receipt.") == 3
    assert negations("A notable knot.") == 0


# ---- what each sees --------------------------------------------------------------------------


def supports(name: str, answer: str, **settings: Any) -> list[float]:
    return [c.support for c in examine(name, answer, **settings)]


def test_facts_are_found_or_not():
    assert supports("facts", "It costs £35 until March 1, 2026.") == [1, 1]
    assert supports("facts", "It costs £36.") == [0]
    assert supports("facts", "Ask our people in Leeds.") == [1]
    assert supports("facts", "Ask our people in Hull.") == [0]
    assert supports("facts", "Ask our people in Hull.", names=False) == []
    assert supports("facts", "You may not return it.") == []  # known: polarity is no fact


def test_what_the_question_says_is_no_invention():
    (claims,) = make_detector("facts").examine([Case("For £99?", (SOURCE,), "Does it cost £99?")])
    assert claims == (Claim("£99", 1.0),)
    said = Case("The yellow kettle repair costs £35.", (SOURCE,), "What of the yellow kettle?")
    assert make_detector("overlap").examine([said])[0][0].support == 1


def test_overlap_is_the_share_of_the_words():
    assert supports("overlap", "The repair costs £35.") == [1]
    assert supports("overlap", "The repair costs diamonds.") == [pytest.approx(2 / 3)]
    assert supports("overlap", "Elephants sing loudly.") == [0]
    (claim,) = examine("overlap", "The repair costs £35.")
    assert claim.reason == "nearest: A repair costs £35."


def test_polarity_sees_not_and_nothing_else():
    assert supports("polarity", "You may not return an item within 14 days.")[0] < 0.3
    assert supports("polarity", "You may return an item within 14 days.") == [1]
    assert supports("polarity", "You may keep an item within 14 days.") == [1]
    assert supports("polarity", "Elephants never sing.") == [1]


def test_the_encoder_hears_the_subject_not_the_figure():
    near, wrong, far = supports(
        "encoder", "Repairs cost £35. Repairs cost £36. The moon is made of green cheese."
    )
    assert near > far
    assert abs(near - wrong) < 0.15  # known: another figure is as near
    assert far < make_detector("encoder").threshold


def test_nli_takes_the_best_piece_of_the_sources(nli_model: Path):
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    (claim,) = examine("nli", "A repair costs £35.", model=str(nli_model), premise_words=8)
    tokenizer = AutoTokenizer.from_pretrained(nli_model)
    model = AutoModelForSequenceClassification.from_pretrained(nli_model).eval()
    by_piece = []
    for piece in sentences(SOURCE):
        row = tokenizer(piece, "A repair costs £35.", return_tensors="pt")
        with torch.inference_mode():
            by_piece.append(float(model(**row).logits.softmax(-1)[0, 2]))
    assert claim.support == pytest.approx(max(by_piece), abs=1e-5)
    best = sentences(SOURCE)[by_piece.index(max(by_piece))]
    assert claim.reason == f"nearest: {best}"


def test_nli_without_sources_supports_nothing(nli_model: Path):
    (claim,) = examine("nli", "A repair costs £35.", (), model=str(nli_model))
    assert claim.support == 0


def test_pieces_are_whole_sentences():
    assert list(nli.pieces("One two. Three four. Five six seven.", 4)) == [
        "One two. Three four.",
        "Five six seven.",
    ]


def test_a_model_without_entailment_is_refused(tmp_path: Path):
    labels = {0: "not_entailment", 1: "entailment"}
    assert nli.entailment_class(labels, "m") == 1
    with pytest.raises(ModelError, match="spam, ham, and none of them is entailment"):
        nli.entailment_class({0: "spam", 1: "ham"}, "m")
    with pytest.raises(ModelError, match="no NLI model can be loaded"):
        examine("nli", "A repair.", model=str(tmp_path / "nothing"))


# ---- the judge -------------------------------------------------------------------------------


class Writing(Scripted):
    """It writes, and cannot score: an endpoint."""

    can_score = False  # type: ignore[assignment]


def test_a_judge_that_writes():
    def say(prompt: Any) -> str:
        asked = prompt[-1].content
        if "Broken" in asked:
            raise ModelError("out of order")
        return "Perhaps." if "Maybe" in asked else "Yes." if "£35" in asked[-60:] else "NO"

    lm = Writing(say)
    case = Case("It costs £35. It costs a lot. Maybe it costs. Broken claims here.", ("S £9",), "Q")
    (claims,) = judging.examine(lm, [case])
    assert [c.support for c in claims] == [1, 0, None, None]
    assert "neither yes nor no" in claims[2].reason
    assert claims[3].reason == "out of order"
    assert "S £9" in lm.calls[0][-1].content
    assert "\nIt costs £35.\n" in lm.calls[0][-1].content


def test_a_judge_that_scores_gives_a_probability():
    lm = Scripted({"Leeds": "yes"}, default="no")
    (claims,) = judging.examine(lm, [Case("It is in Leeds. It is in Hull.", ("S",))])
    assert claims[0].support > 0.9
    assert claims[1].support < 0.1


def test_sources_that_do_not_fit_are_not_judged():
    lm = Scripted({}, default="no", context=90)
    long = Case("It is in Hull.", ("word " * 200,))
    claims = judging.examine(lm, [long, Case("It is in Hull.", ("S",))])
    assert claims[0][0].support is None
    assert "longer than the judge's context" in claims[0][0].reason
    assert claims[1][0].support is not None


# ---- combined --------------------------------------------------------------------------------

TRUE = ["A repair costs £35.", "You may return it within 14 days.", "Nadia Holm reads complaints."]
FALSE = ["A repair costs £99.", "You may return it within 90 days.", "Bo Lund reads complaints."]


def test_combined_weighs_what_detectors_say(tmp_path: Path):
    cases = [Case(a, (SOURCE,)) for a in TRUE + FALSE]
    made = fit(cases, [True] * 3 + [False] * 3, ["facts", "overlap"], {"data": "made up"})
    assert made.weights[0] > 0
    made.save(tmp_path / "mine.json")
    assert Calibration.load(tmp_path / "mine.json") == made
    (claims,) = make_detector({"combined": {"file": str(tmp_path / "mine.json")}}).examine(
        [Case(f"{TRUE[0]} {FALSE[1]}", (SOURCE,))]
    )
    assert [c.text for c in claims] == [TRUE[0], FALSE[1]]
    assert claims[0].support > 0.5 > claims[1].support
    rows = features([Case(FALSE[1], (SOURCE,))], made.detectors)
    assert claims[1].support == pytest.approx(made.supports(rows)[0])


def test_combined_equals_scikit_learn():
    from sklearn.linear_model import LogisticRegression

    cases, truth = [Case(a, (SOURCE,)) for a in TRUE + FALSE], [True] * 3 + [False] * 3
    made = fit(cases, truth, ["facts", "overlap"], {})
    rows = features(cases, ["facts", "overlap"])
    theirs = LogisticRegression(class_weight="balanced", max_iter=1000).fit(rows, truth)
    assert made.supports(rows) == pytest.approx(theirs.predict_proba(rows)[:, 1], abs=1e-5)


def test_what_a_detector_cannot_judge_is_not_judged(tmp_path: Path, monkeypatch: Any):
    monkeypatch.setattr(
        "tailorbird.models.load.load_model", lambda *_: Scripted({}, default="no", context=1)
    )
    given = Calibration(({"facts": {}}, {"judge": {"model": "m"}}), (1.0, 1.0), 0.0)
    given.save(tmp_path / "c.json")
    (claim,) = examine("combined", TRUE[0], file=str(tmp_path / "c.json"))
    assert claim.support is None
    assert claim.reason == "not judged by judge"


def test_a_calibration_that_is_none_is_refused(tmp_path: Path):
    write_json(tmp_path / "c.json", {"detectors": []})
    with pytest.raises(StoreError, match="is no calibration"):
        Calibration.load(tmp_path / "c.json")


def test_the_packaged_calibration_says_where_it_comes_from():
    packaged = Calibration.load(PACKAGED)
    assert all(w > 0 for w in packaged.weights), "more support must never mean less"
    assert {"data", "sha256", "answers", "command", "date"} <= set(packaged.provenance)
    (true,) = examine("combined", "A repair costs £35.")
    (false,) = examine("combined", "A repair costs £99.")
    (negated,) = examine("combined", "A repair does not cost £35.")
    assert true.support > 0.5 > max(false.support, negated.support)
