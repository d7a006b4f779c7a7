"""Every measure has its unit."""

import pytest

from tailorbird.decide.words import amount
from tailorbird.task.bar import MEASURES

SAID = {
    "facts": "71 %",
    "latency_p50": "0.71 s",
    "latency_first_p95": "0.71 s",
    "prompt_tokens": "1 tokens",
    "cost_per_1000": "0.71 EUR per 1,000 answers",
    "cost_per_correct": "0.71 EUR per right answer",
    "training_minutes": "1 minutes",
}


@pytest.mark.parametrize("metric", SAID)
def test_an_amount_is_said_with_its_unit(metric: str) -> None:
    assert amount(metric, 0.71, "EUR") == SAID[metric]


def test_no_measure_of_money_or_time_is_counted_in_tokens() -> None:
    units = {m: amount(m, 2.0, "EUR").partition(" ")[2] for m in MEASURES}
    assert {m for m, unit in units.items() if unit == "tokens"} == {
        "prompt_tokens", "completion_tokens",
    }  # fmt: skip
