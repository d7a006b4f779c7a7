"""The search finds a better prompt where there is one, resists luck, and repeats no work."""

import math
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from building import ANSWERS, examples, task

from tailorbird.approaches import _prompted, prompt_search
from tailorbird.approaches._demonstrations import brief, scattered, spread, varied
from tailorbird.approaches._halving import evaluations, halve, plan, rounds
from tailorbird.approaches._prompted import Demonstration, Prompted, instructions
from tailorbird.approaches._wordings import PLAIN, proposals, typical_words, wordings
from tailorbird.approaches.base import Run, make_approach
from tailorbird.approaches.prompt_search import PromptSearch
from tailorbird.models.scripted import Scripted
from tailorbird.store import read_jsonl
from tailorbird.task.benchmark import Task
from tailorbird.task.types import Example, Prompt

Runs = Callable[..., Run]
COLOURS = ("red", "blue")


def rows(count: int, split: str) -> tuple[Example, ...]:
    return tuple(
        Example(f"{split}-{i}", f"Item {split} {i} is {COLOURS[i % 2]}ish.", COLOURS[i % 2])
        for i in range(count)
    )


@pytest.fixture
def colours() -> Task:
    """90 training rows and 60 dev items."""
    return task(rows(90, "train"), rows(12, "test"), dev=rows(60, "dev")).without_test()


@pytest.fixture
def answering(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Prompt], str]], Scripted]:
    """A model that answers by a function of the prompt, and cannot score labels."""
    monkeypatch.setattr("os.fsync", lambda handle: None)  # a test's files need not survive a crash
    monkeypatch.setattr(Scripted, "can_score", False)

    def make(answer: Callable[[Prompt], str]) -> Scripted:
        lm = Scripted(answer)
        monkeypatch.setattr(_prompted, "load_model", lambda *_, **__: lm)
        monkeypatch.setattr(prompt_search, "load_model", lambda *_, **__: lm)
        return lm

    return make


def right(prompt: Prompt) -> str:
    return next(c for c in COLOURS if f"{c}ish" in prompt[-1].content)


def right_if(holds: Callable[[Prompt], bool]) -> Callable[[Prompt], str]:
    return lambda prompt: right(prompt) if holds(prompt) else "red"


def search(made: Task, run: Run, **settings: Any) -> Prompted:
    solver = make_approach("prompt_search", {"budget": 500} | settings).fit(made, run)
    assert isinstance(solver, Prompted)
    return solver


def trace(run: Run) -> str:
    return (run.folder / "prompts.md").read_text("utf-8")


# ---- what is found ---------------------------------------------------------------------------


def test_an_instruction_of_ones_own_is_found(colours: Task, run: Runs, answering: Any):
    answering(right_if(lambda p: "shade" in p[0].content))
    solver = search(colours, run(), instructions=["Name it.", "Name the shade."])
    assert solver.system == "Name the shade."
    assert "so it is used" in trace(run())


def test_demonstrations_that_help_are_found(colours: Task, run: Runs, answering: Any):
    answering(right_if(lambda p: len({m.content for m in p if m.role == "assistant"}) == 2))
    solver = search(colours, run())
    assert solver.demonstrations
    assert solver.labels == ("blue", "red")


def test_without_shots_only_instructions_are_searched(colours: Task, run: Runs, answering: Any):
    lm = answering(right_if(lambda p: "alone" in p[0].content))
    solver = search(colours, run(), shots=0)
    assert "alone" in solver.system
    assert all(len(prompt) == 2 for prompt in lm.calls)


def test_a_proposal_of_the_writer_is_found(colours: Task, run: Runs, answering: Any):
    def answer(prompt: Prompt) -> str:
        if "write instructions" in prompt[0].content:
            assert "Do it." in prompt[-1].content
            assert "It answered: red\nRight is: blue" in prompt[-1].content
            return '"Look at the colour."'
        return right_if(lambda p: "Look at the colour." in p[0].content)(prompt)

    answering(answer)
    solver = search(colours, run(), writer=True)
    assert solver.system.startswith("Look at the colour.\nAnswer with one of these labels: blue")


def test_of_equals_the_shorter_prompt_wins(colours: Task, run: Runs, answering: Any):
    answering(right)
    search(colours, run(), instructions=["Go."])
    first_row = trace(run()).split("| --- | --- | --- | --- |\n")[1].split("\n")[0]
    assert first_row.startswith("| own 1, nothing shown | 1.000 |")


def test_a_metric_where_less_is_better_is_searched_downwards(run: Runs, answering: Any):
    bar = {"primary": {"metric": "unsupported", "at_most": 0.1}}
    documents = {"prices": "It costs 3 pounds."}
    train = [
        Example(f"t{i}", f"What does item {i} cost?", "It costs 3 pounds.", ("prices",))
        for i in range(60)
    ]
    dev = [replace(e, id=f"d{e.id}", input=f"Tell me: {e.input}") for e in train[:40]]
    made = task(train, dev=dev, documents=documents, **(ANSWERS | {"bar": bar}))

    def answer(prompt: Prompt) -> str:
        return "It costs 3 pounds." if "brief" in prompt[0].content else "It costs 99 pounds."

    answering(answer)
    solver = search(made.without_test(), run(), shots=0)
    assert "Be brief" in solver.system


# ---- the guard -------------------------------------------------------------------------------


def test_luck_is_not_taken_for_better(colours: Task, run: Runs, answering: Any):
    """Answers by chance: some prompt wins the search, and the plain one is used."""

    def by_chance(prompt: Prompt) -> str:
        text = "".join(m.content for m in prompt)
        return COLOURS[sum(map(ord, text)) // 7 % 2]

    answering(by_chance)
    solver = search(colours, run(), budget=300)
    assert solver.system == instructions(colours)
    assert solver.demonstrations == ()
    assert "so the plain prompt is used" in trace(run()) or "plain prompt won" in trace(run())


def test_a_winner_on_too_few_items_is_not_taken(run: Runs, answering: Any):
    answering(right_if(lambda p: "shade" in p[0].content))
    few = task(rows(30, "train"), dev=rows(4, "dev")).without_test()
    assert search(few, run(), instructions=["Name the shade."]).system == instructions(few)
    assert "so the plain prompt is used" in trace(run())


def test_alpha_says_how_sure_one_must_be(run: Runs, answering: Any):
    answering(right_if(lambda p: "shade" in p[0].content))
    few = task(rows(30, "train"), dev=rows(4, "dev")).without_test()
    solver = search(few, run(), instructions=["Name the shade."], alpha=0.5)
    assert solver.system == "Name the shade."


# ---- what is seen ----------------------------------------------------------------------------


def asked(lm: Scripted) -> set[str]:
    return {prompt[-1].content for prompt in lm.calls}


def test_what_decides_was_not_searched_on_nor_shown(colours: Task, run: Runs, answering: Any):
    lm = answering(right_if(lambda p: len(p) > 2))
    search(colours, run())
    dev = {e.text for e in colours.examples("dev")}
    shown = {m.content for prompt in lm.calls for m in prompt[1:-1] if m.role == "user"}
    assert not shown & dev
    searched = {p[-1].content for p in lm.calls if p[-1].content not in dev}
    tried_on = {r["item"] for r in read_jsonl(run().folder / "evaluations.jsonl")}
    assert len([i for i in tried_on if i.startswith("dev")]) == len(dev)
    # A training row that prompts are searched on is never shown; the probe's rows may be.
    probed = {p[-1].content for p in lm.calls[: prompt_search.PROBE]}
    assert not shown & (searched - probed)


def test_a_large_dev_is_cut_in_two(run: Runs, answering: Any):
    lm = answering(right_if(lambda p: len(p) > 2))
    made = task(rows(40, "train"), dev=rows(240, "dev")).without_test()
    search(made, run(), budget=2000)
    assert "one half of dev" in trace(run())
    train = {e.text for e in made.examples("train")}
    assert len([text for text in asked(lm) if text in train]) <= prompt_search.PROBE


def test_a_group_stays_on_one_side(run: Runs, answering: Any):
    answering(right)
    grouped = [replace(e, group=f"g{i // 3}") for i, e in enumerate(rows(90, "train"))]
    material = prompt_search._material(
        task(grouped, dev=rows(30, "dev")).without_test(), 0, PromptSearch()
    )
    assert not {e.group for e in material.pool} & {e.group for e in material.search}
    assert len(material.search) >= 30


def test_without_dev_training_rows_are_held_out_for_both(run: Runs, answering: Any):
    answering(right_if(lambda p: "shade" in p[0].content))
    made = task(rows(90, "train")).without_test()
    solver = search(made, run(), instructions=["Name the shade."])
    assert solver.system == "Name the shade."
    assert "there is no dev" in trace(run())


# ---- budget, time, resuming ------------------------------------------------------------------


@pytest.mark.parametrize("budget", [50, 120, 700])
def test_the_budget_holds(budget: int, colours: Task, run: Runs, answering: Any):
    lm = answering(right_if(lambda p: len(p) > 2))
    search(colours, run(), budget=budget)
    assert len(lm.calls) <= budget


def test_time_that_is_up_leaves_a_prompt(colours: Task, run: Runs, answering: Any):
    lm = answering(right)
    solver = search(colours, run(), minutes=1e-9)
    assert solver.system == instructions(colours)
    assert len(lm.calls) <= prompt_search.PROBE + 2 * 60


def test_a_finished_search_asks_for_nothing_again(colours: Task, run: Runs, answering: Any):
    lm = answering(right_if(lambda p: len(p) > 2))
    first = search(colours, run(), writer=True)
    seen = len(lm.calls)
    assert search(colours, run(), writer=True) == first
    assert len(lm.calls) == seen


def test_a_killed_search_goes_on(colours: Task, run: Runs, answering: Any):
    whole = answering(right_if(lambda p: len(p) > 2))
    expected = search(colours, run(folder=run().folder / "whole"))

    class Killed(BaseException):
        pass

    calls = 0

    def dying(prompt: Prompt) -> str:
        nonlocal calls
        calls += 1
        if calls == 200:
            raise Killed
        return right_if(lambda p: len(p) > 2)(prompt)

    killed = answering(dying)
    with pytest.raises(Killed):
        search(colours, run(folder=run().folder / "killed"))
    assert search(colours, run(folder=run().folder / "killed")) == expected
    repeated = len(killed.calls) - len(whole.calls)
    assert 0 < repeated <= 32  # the chunk that was under way


def test_what_failed_is_asked_again(colours: Task, run: Runs, answering: Any):
    from tailorbird.errors import ModelError

    broken = True

    def answer(prompt: Prompt) -> str:
        if broken:
            raise ModelError("not now")
        return right_if(lambda p: "shade" in p[0].content)(prompt)

    answering(answer)
    assert search(colours, run(), instructions=["The shade."]).system == instructions(colours)
    broken = False
    assert search(colours, run(), instructions=["The shade."]).system == "The shade."


def test_another_model_starts_anew(colours: Task, run: Runs, answering: Any):
    lm = answering(right)
    search(colours, run("one"))
    seen = len(lm.calls)
    search(colours, run("two"))
    assert len(lm.calls) == 2 * seen


# ---- halving ---------------------------------------------------------------------------------


@pytest.mark.parametrize("eta", [2, 3])
@pytest.mark.parametrize("budget", [20, 100, 1000, 10_000])
@pytest.mark.parametrize("items", [1, 5, 64, 200])
def test_the_plan_fits_the_budget_and_uses_it(eta: int, budget: int, items: int):
    count, first = plan(24, items, eta, budget)
    planned = rounds(count, first, items, eta)
    assert evaluations(planned) <= budget or count == 1
    assert 1 <= first <= items
    if count == 24 and first < items:
        assert evaluations(rounds(24, first + 1, items, eta)) > budget


def test_each_round_keeps_the_better_ones_on_twice_as_much():
    quality = [0.1, 0.9, 0.5, 0.7, 0.3, 0.8, 0.2, 0.6]
    done = halve(8, 4, 100, 2, lambda c, size: (quality[c], 1.0))
    assert [(len(r.standings), r.size, r.kept) for r in done] == [(8, 4, 4), (4, 8, 2), (2, 16, 1)]
    assert done[-1].standings[0].candidate == 1
    assert evaluations(rounds(8, 4, 100, 2)) == 8 * 4 + 4 * 4 + 2 * 8


def test_when_all_items_are_used_the_best_is_named_at_once():
    done = halve(8, 4, 6, 2, lambda c, size: (c / 10, 1.0))
    assert [(r.size, r.kept) for r in done] == [(4, 4), (6, 1)]
    assert done[-1].standings[0].candidate == 7


def test_time_that_is_up_in_a_later_round_leaves_the_round_before():
    done = halve(4, 4, 100, 2, lambda c, size: (float(c), 1.0) if size == 4 else None)
    assert [r.size for r in done] == [4]
    assert halve(4, 4, 100, 2, lambda c, size: None) == []
    broken = halve(4, 4, 100, 2, lambda c, size: (float(c), 1.0) if c < 2 else None)
    assert [(len(r.standings), r.whole) for r in broken] == [(2, False)]


# ---- wordings and demonstrations -------------------------------------------------------------


def test_wordings_of_labels_keep_the_labels_and_what_none_means():
    made = task(
        [("the cat purrs", "cat"), ("the dog barks", "dog"), ("what is it", "none")],
        outputs={"out_of_scope": "none"},
    )
    found = wordings(made, False, made.examples("train"))
    assert found[PLAIN] == instructions(made)
    assert len(set(found.values())) == len(found) >= 7
    for name, text in found.items():
        assert ("dog" in text) == (name != "no label list"), name
        assert ("If none of them fits: none" in text) == (name != "no label list"), name
        assert ("Do it." in text) == (name != "terse"), name
    assert "- dog: barks" in found["labels described"]


def test_wordings_of_answers_know_the_usual_length_and_how_to_abstain():
    made = task([("a", "one two three"), ("b", "one two three")], **ANSWERS)
    found = wordings(made, False, made.examples("train"))
    assert "about 3 words" in found["as long as usual"]
    assert "The pages do not say" in found["may abstain"]


def test_words_typical_of_a_label_are_said_of_no_other():
    train = examples([("the cat purrs", "cat"), ("the dog barks", "dog"), ("the day", "none")])
    found = typical_words(train)
    assert found == {"cat": ["cat", "purrs"], "dog": ["barks", "dog"], "none": ["day"]}


def test_proposals_are_cleaned_and_each_is_drawn_anew():
    made = task([("a", "x"), ("b", "y")])
    answers = iter(['"Think."', "", "Think.", "Look twice."])
    lm = Scripted(lambda prompt: next(answers))
    plain = instructions(made)
    found = proposals(lm, made, plain, [("in", "said", "wanted")], 4, 0)
    assert found == [plain.replace("Do it.", t) for t in ("Think.", "Look twice.")]


def test_far_apart_covers_what_there_is():
    pool = [Example(str(i), text, "x") for i, text in enumerate(
        ["the red kettle", "the red kettle again", "a red kettle", "opening hours", "my card bill"]
    )]  # fmt: skip
    chosen = {e.input for e in spread(pool, 3)}
    assert {"opening hours", "my card bill"} < chosen
    assert len(spread(pool, 9)) == 5
    assert spread([], 3) == []


def test_choices_are_seeded_and_never_too_many():
    pool = rows(10, "train")
    assert scattered(pool, 3, 1) == scattered(pool, 3, 1) != scattered(pool, 3, 2)
    assert len(scattered(pool, 20, 0)) == 10
    assert {e.target for e in varied(pool, 2, 0)} == {"red", "blue"}
    assert brief(pool, 1, 2) == sorted(pool, key=lambda e: len(e.text))[:2]


def test_the_trace_shows_every_prompt_and_score(colours: Task, run: Runs, answering: Any):
    answering(right_if(lambda p: len(p) > 2))
    search(colours, run(), instructions=["Own words."])
    text = trace(run())
    assert "## Round 1: 24 prompts" in text
    assert "    Own words." in text
    assert "| plain, 4 varied | 1.000 |" in text
    assert "60 items" in text
    assert math.isfinite(float(text.split("scores there ")[1].split()[0]))


def test_demonstrations_are_data(colours: Task, run: Runs, answering: Any, tmp_path: Path):
    answering(right_if(lambda p: len(p) > 2))
    solver = search(colours, run())
    (tmp_path / "saved").mkdir()
    solver.save(tmp_path / "saved")
    loaded = Prompted.load(tmp_path / "saved")
    assert loaded.demonstrations == solver.demonstrations
    assert all(isinstance(d, Demonstration) for d in loaded.demonstrations)
