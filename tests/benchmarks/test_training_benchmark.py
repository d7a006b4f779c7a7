"""What the benchmark of training makes of its rounds, and the material that it makes itself."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))


def row(contender: str, number: int, rate: float, memory: float) -> dict[str, Any]:
    return {
        "size": "S", "contender": contender, "round": number, "tokens_per_second": rate,
        "tokens_per_cpu_second": rate, "cpu_seconds": 1000 / rate, "peak_mb": memory,
        "until_first_step": 1.0, "ceiling_per_cpu_second": 1e9, "useful_flops": 1e9,
    }  # fmt: skip


def test_ratios_are_those_of_one_round() -> None:
    from training import summary

    rounds = [
        row("ours", 0, 100, 50), row("trl", 0, 20, 200),
        row("ours", 1, 50, 50), row("trl", 1, 10, 100),
        row("ours", 2, 90, 50), {"size": "S", "contender": "trl", "round": 2, "failed": 1},
    ]  # fmt: skip
    ours, trl = summary(rounds)
    assert (ours["runs"], trl["runs"]) == (3, 2)
    assert ours["tokens_per_second"] == 90
    assert trl["ours_faster"] == [5, 5, 5]
    assert trl["memory_of_ours"] == [0.375, 0.25, 0.5]
    assert ours["utilisation"] == pytest.approx(0.09)


@pytest.mark.parametrize("method", ["sft", "dpo"])
def test_the_material_fits_and_is_counted(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training_peers import material

    words = [
        "a",
        "colour",
        "is",
        "a",
        "word",
        "for",
        "what",
        "is",
        "seen",
        "and",
        "a",
        "number",
        "is",
        "another",
    ] * 400
    monkeypatch.setattr(material, "words_of_the_library", lambda: words)
    monkeypatch.setitem(material.SIZES, "S", material.Size(300, 16, 24, 1, 2, 5))
    model, rows, tokens = material.make("S", method, tmp_path, "cpu")
    found = [json.loads(line) for line in rows.read_text().splitlines()]
    assert (model / "model.safetensors").is_file()
    assert len(found) == 5
    assert len(material.chats_of(found[0])) == (1 if method == "sft" else 2)
    assert 5 * 20 < tokens < 10 * 512
    assert material.make("S", method, tmp_path, "cpu") == (model, rows, tokens)
