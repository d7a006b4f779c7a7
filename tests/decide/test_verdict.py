import json

import pytest
from ladders import N, results, rung, spec

from tailorbird.decide.verdict import decide
from tailorbird.errors import BenchmarkError, DataError
from tailorbird.evaluate.results import Results
from tailorbird.evaluate.statistics import Estimate
from tailorbird.task.bar import Criterion


def verdict(found, **bar):
    return decide(found, spec(found, **bar))


def outcome(v, *pair):
    return next(c.outcome for c in v.contrasts if {c.rung, c.against} == set(pair))


class TestEnough:
    def test_cheapest_that_meets(self):
        v = verdict(results(rung("linear", 100), rung("rag", 150), rung("fine_tuned", 160)))
        assert (v.enough, v.missing, v.best) == ("rag", (), "fine_tuned")
        assert v.headline == (
            "rag is enough: the cheapest rung that meets the bar. "
            "It answers 75 % right [69, 80], at least 60 % is asked."
        )

    def test_ladder_order_is_that_of_the_task(self):
        found = results(rung("dear", 150), rung("cheap", 150))
        task = spec(results(*reversed(found.rungs)))
        assert decide(found, task).enough == "cheap"

    def test_none(self):
        v = verdict(results(rung("linear", 60), rung("rag", 114)))
        assert v.enough is None
        assert v.closest == "rag"
        assert v.missing == ("label: 57 % [50, 64] where at least 60 % is asked",)
        assert v.headline.startswith("No rung meets the bar. rag comes closest, on label with 57 %")

    def test_rounding_does_not_hide_a_gap(self):
        v = verdict(results(rung("rag", 119)), at_least=0.599)
        assert "59.5 % [53, 66] where at least 59.9 %" in v.missing[0]
        v = verdict(results(rung("rag", 1199, n=2000), n=2000))
        assert "59.95 % [58, 62] where at least 60 %" in v.missing[0]

    def test_proof_by_interval(self):
        found = results(rung("rag", 125))
        assert verdict(found).enough == "rag"
        assert any("not for certain" in r for r in verdict(found).reasons)
        strict = verdict(found, proof="interval")
        assert strict.enough is None
        assert "proof by interval" in strict.missing[0]
        assert verdict(results(rung("rag", 150)), proof="interval").enough == "rag"

    def test_statuses(self):
        guards = (
            Criterion(metric="latency_p95", at_most=2),
            Criterion(metric="unsupported", at_most=0.05),
            Criterion(metric="cost_per_1000", at_most=1),
        )
        v = verdict(results(rung("rag", 125, guard=30)), guards=guards)
        assert [c.status for c in v.checks] == ["met but uncertain", "met", "missed", "unmeasured"]
        assert (
            v.missing[1]
            == "cost_per_1000 was not measured, and at most 1 EUR per 1,000 answers is asked"
        )

    def test_an_open_interval_is_no_proof(self):
        found = results(rung("rag", 150))
        found.rungs[0].timings["latency_p95"] = Estimate(1, 0.9, float("inf"), 24, 24, "ranks")
        guards = (Criterion(metric="latency_p95", at_most=2),)
        assert verdict(found, guards=guards).enough == "rag"
        v = verdict(found, guards=guards, proof="interval")
        assert v.enough is None
        json.dumps(v.to_json(), allow_nan=False)

    def test_lower_is_better(self):
        found = results(rung("rag", 100, guard=60), rung("dear", 100, guard=10))
        v = verdict(found, primary=Criterion(metric="unsupported", at_most=0.1))
        assert (v.enough, v.best) == ("dear", "dear")
        assert outcome(v, "dear", "rag") == "better"

    def test_nothing_measured_and_nothing_run(self):
        v = verdict(results(rung("rag", None)))
        assert v.headline == "No rung meets the bar: label could not be measured on any."
        with pytest.raises(BenchmarkError):
            verdict(results())


class TestContrasts:
    def test_sentence(self):
        v = verdict(results(rung("rag", 80), rung("fine_tuned", 142)), at_least=0.8)
        assert v.sentences == (
            "fine_tuned answers 71 % right [64, 77] against rag's 40 % [33, 47]: "
            "+31 points [24, 37], p < 0.001.",
        )

    def test_every_rung_against_the_best_and_tuned_against_untuned(self):
        names = ("majority", "linear", "rag", "fine_tuned", "fine_tuned_rag")
        v = verdict(results(*(rung(n, 50 + 20 * i) for i, n in enumerate(names))))
        pairs = {frozenset((c.rung, c.against)) for c in v.contrasts}
        assert len(v.contrasts) == 5  # 4 against the best, and fine_tuned against rag
        assert frozenset(("fine_tuned", "rag")) in pairs
        assert "after correcting for 10 pairs of rungs" in v.sentences[0]
        assert all(c.p_adjusted >= c.comparison.p_value for c in v.contrasts)

    def test_equivalent(self):
        n = 2000
        v = verdict(results(rung("rag", 1400, n=n), rung("fine_tuned", 1404, n=n), n=n))
        assert outcome(v, "rag", "fine_tuned") == "equivalent"
        assert "equivalent within the margin of 2 points" in v.sentences[0]

    def test_cannot_tell_names_a_larger_n(self):
        v = verdict(results(rung("rag", 80), rung("fine_tuned", 88, step=7)))
        (contrast,) = v.contrasts
        assert contrast.outcome == "cannot tell"
        assert contrast.n_to_tell > 2 * N
        assert "test items could." in v.sentences[0]

    def test_openings_make_claims_stricter(self):
        rungs = rung("rag", 80), rung("fine_tuned", 105, step=7)
        first, third = verdict(results(*rungs)), verdict(results(*rungs, openings=3))
        (before,), (after,) = first.contrasts, third.contrasts
        assert (before.outcome, after.outcome) == ("better", "cannot tell")
        assert before.p_adjusted == pytest.approx(1.25 * before.comparison.p_value)
        assert after.p_adjusted == pytest.approx(30 * before.comparison.p_value)
        assert "after correcting for 3 openings of the test set; cannot" in third.sentences[0]
        assert after.comparison.level == pytest.approx(1 - 2 * 0.05 / 30)
        assert after.comparison.low < before.comparison.low

    def test_openings_make_meeting_the_bar_stricter(self):
        found = results(rung("rag", 136)), results(rung("rag", 136), openings=5)
        statuses = [verdict(f, at_least=0.61).checks[0].status for f in found]
        assert statuses == ["met", "met but uncertain"]

    def test_rungs_that_were_dropped_still_count(self):
        rungs = rung("rag", 80), rung("fine_tuned", 105, step=7)
        found = Results("t", "d", (None,) * N, rungs, tried=5)
        assert "after correcting for 10 pairs of rungs" in verdict(found).sentences[0]

    def test_not_inferior(self):
        n = 2000
        rungs = rung("linear", 1200, n=n), rung("rag", 1395, n=n), rung("fine_tuned", 1400, n=n)
        v = verdict(results(*rungs, n=n), at_least=0.99)
        assert v.not_inferior == "rag"
        assert any(
            "rag is cheaper than fine_tuned, the best, and not inferior" in r for r in v.reasons
        )
        assert verdict(results(rung("rag", 80), rung("dear", 90, step=7))).not_inferior is None
        assert verdict(results(rung("rag", 150), rung("dear", 80))).not_inferior is None

    def test_not_inferior_where_lower_is_better(self):
        found = results(rung("rag", 100, guard=10), rung("dear", 100, guard=10))
        found = results(*reversed(found.rungs))
        primary = Criterion(metric="unsupported", at_most=0.01)
        assert verdict(found, primary=primary).not_inferior is None  # the first of equals is best
        worse = results(rung("rag", 100, guard=11), rung("dear", 100, guard=10))
        assert verdict(worse, primary=primary, margin=0.05).not_inferior == "rag"
        assert verdict(worse, primary=primary, margin=0.01).not_inferior is None

    def test_groups_ask_for_more_items(self):
        rungs = rung("rag", 80), rung("fine_tuned", 90, step=7)
        groups = tuple(f"g{i * 7 % N // 10}" for i in range(N))
        alone, grouped = verdict(results(*rungs)), verdict(results(*rungs, groups=groups))
        assert grouped.contrasts[0].n_to_tell > alone.contrasts[0].n_to_tell


class TestFineTune:
    @pytest.mark.parametrize(
        ("rag", "tuned", "at_least", "advice", "words"),
        [
            (
                140,
                170,
                0.6,
                "do not fine-tune",
                "rag meets the bar without fine-tuning. More could",
            ),
            (140, 141, 0.6, "do not fine-tune", "rag meets the bar without fine-tuning."),
            (100, 101, 0.6, "do not fine-tune", "Not yet: no tuned rung is shown to be better"),
            (80, 140, 0.6, "fine-tune", "fine_tuned meets the bar and beats the best rung"),
            (80, 140, 0.9, "fine-tune", "Fine-tuning helps but is not enough: fine_tuned still"),
            (118, 121, 0.6, "cannot tell", "the gain may be chance"),
        ],
    )
    def test_advice(self, rag, tuned, at_least, advice, words):
        v = verdict(results(rung("rag", rag), rung("fine_tuned", tuned)), at_least=at_least)
        assert v.fine_tune == advice
        assert words in v.fine_tune_reason

    def test_no_tuned_rung(self):
        v = verdict(results(rung("rag", 80)))
        assert (v.fine_tune, "no tuned rung was run" in v.fine_tune_reason) == ("cannot tell", True)
        assert verdict(results(rung("rag", 180))).fine_tune == "do not fine-tune"

    def test_only_tuned_rungs(self):
        assert verdict(results(rung("fine_tuned", 180))).fine_tune == "cannot tell"

    def test_equivalent_gain_is_no_reason(self):
        n = 2000
        v = verdict(results(rung("rag", 1198, n=n), rung("fine_tuned", 1202, n=n), n=n))
        assert (v.enough, v.fine_tune) == ("fine_tuned", "do not fine-tune")

    def test_a_tuned_rung_that_is_not_better_may_keep_a_guard(self):
        guards = (Criterion(metric="unsupported", at_most=0.05),)
        found = results(rung("rag", 100, guard=40), rung("fine_tuned", 101, guard=2))
        v = verdict(found, guards=guards)
        assert v.fine_tune == "do not fine-tune"
        assert "But fine_tuned keeps what rag breaks: unsupported" in v.fine_tune_reason
        both = results(rung("rag", 100, guard=40), rung("fine_tuned", 101, guard=30))
        assert "keeps what" not in verdict(both, guards=guards).fine_tune_reason

    def test_only_the_tuned_rung_keeps_the_guards(self):
        guards = (Criterion(metric="unsupported", at_most=0.05),)
        found = results(rung("rag", 150, guard=40), rung("fine_tuned", 140, guard=2))
        v = verdict(found, guards=guards)
        assert (v.enough, v.fine_tune) == ("fine_tuned", "fine-tune")
        assert "rag, the best rung without tuning, lacks unsupported: 20 %" in v.fine_tune_reason
        assert any("rag is best on label but breaks a guard" in r for r in v.reasons)

    def test_tuned_below_a_dear_rung_that_also_meets(self):
        found = results(rung("rag", 80), rung("fine_tuned", 130), rung("big", 140, step=1))
        v = verdict(found)
        assert (v.enough, v.fine_tune) == ("fine_tuned", "fine-tune")
        assert "without tuning it takes big" in v.fine_tune_reason


class TestCaveats:
    def said(self, words, *rungs, **more):
        found = results(*rungs, **more)
        return any(words in r for r in verdict(found).reasons)

    def test_too_small(self):
        rungs = rung("rag", 80), rung("fine_tuned", 120, step=7)
        assert self.said("200 test items show differences of about", *rungs)
        assert self.said("(measured: the two best rungs differ on ", *rungs)
        assert self.said("(assumed: another rung that is as good and errs independently)", rungs[0])
        big = [rung(n, 5 * r, n=40_000) for n, r in (("rag", 4000), ("fine_tuned", 4200))]
        assert not self.said("test items show differences", *big, n=40_000)

    def test_opened_often(self):
        assert self.said("opened 3 times", rung("rag", 150), openings=3)
        assert self.said("multiplied by 30", rung("rag", 150), openings=3)
        assert self.said("99.67 % intervals", rung("rag", 150), openings=3)
        assert not self.said("opened", rung("rag", 150))

    def test_majority(self):
        floor = rung("majority", 100)
        assert self.said("No rung is shown to beat majority", floor, rung("rag", 104, step=7))
        assert self.said("No rung is shown to beat majority", floor, rung("rag", 40))
        assert not self.said("No rung is shown", floor, rung("rag", 180))

    def test_errors_and_unmarked(self):
        assert self.said("rag failed on 12 of 200", rung("rag", 150, errors=12))
        broken = rung("rag", 150)
        broken.scores["label"] = (None, *broken.scores["label"][1:])
        assert self.said("could not be marked on 1 of 200 of rag", broken)

    def test_dominated(self):
        rungs = rung("linear", 150), rung("few_shot", 140), rung("fine_tuned", 160)
        assert verdict(results(*rungs)).dominated == {"few_shot": "linear"}
        assert self.said("few_shot (linear)", *rungs)

    def test_a_rung_that_breaks_a_guard_by_more_dominates_nobody(self):
        guards = (Criterion(metric="unsupported", at_most=0.1),)
        careless, careful = rung("nearest", 150, guard=60), rung("fine_tuned", 140, guard=10)
        assert verdict(results(careless, careful), guards=guards).dominated == {}
        within = rung("nearest", 150, guard=18), rung("fine_tuned", 140, guard=10)
        assert verdict(results(*within), guards=guards).dominated == {"fine_tuned": "nearest"}

    def test_measured_cost_beats_the_order_of_the_ladder(self):
        rungs = rung("few_shot", 140, cost=5.0), rung("fine_tuned", 160, cost=1.0)
        assert verdict(results(*rungs)).dominated == {"few_shot": "fine_tuned"}


def test_results_round_trip():
    found = results(rung("rag", 150, guard=3, cost=0.5), rung("fine_tuned", 160), openings=2)
    written = json.dumps(found.to_json(), allow_nan=False)
    assert Results.from_json(json.loads(written)) == found
    with pytest.raises(DataError, match="version"):
        Results.from_json({"version": 2})


def test_results_refuse_marks_of_another_length():
    with pytest.raises(DataError, match="200 marks for label, expected one for each of 199"):
        results(rung("rag", 150), n=199)


def test_verdict_is_deterministic_and_writes_json():
    found = results(rung("rag", 100), rung("fine_tuned", 150))
    once, again = verdict(found), verdict(found)
    assert once == again
    written = json.loads(json.dumps(once.to_json(), allow_nan=False))
    assert written["checks"][0]["criterion"] == "label >= 0.6"
    assert written["contrasts"][0]["comparison"]["n"] == N
