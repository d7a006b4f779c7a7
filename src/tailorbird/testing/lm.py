"""The suite for language models, local or behind an endpoint."""

import math
from collections.abc import Sequence

from tailorbird.errors import ModelError
from tailorbird.models.base import LM, Completion, Sampling, TokenLogprobs
from tailorbird.task.types import Message, Prompt
from tailorbird.testing.claims import NOISE, STRANGE, claim, never_raises

_GREEDY = Sampling(max_tokens=6)
_CONTINUATIONS = ("yes", "no", "yes please")


def check_lm(lm: LM, prompts: Sequence[Prompt]) -> None:
    """Complete and score `prompts` (at least two), alone and together.

    Raises `AssertionError`.
    """
    claim(len(prompts) > 1, "give at least two prompts")
    claim(bool(lm.name) and bool(lm.identity), "a model has a name and an identity")
    claim(lm.identity == lm.identity, "the identity changes between two looks")
    _completes(lm, prompts)
    _samples(lm, prompts)
    _survives_the_strange(lm)
    _measures_room(lm, prompts[0])
    if lm.can_score:
        _scores(lm, prompts)
    else:
        _refuses_to_score(lm, prompts)


def _completes(lm: LM, prompts: Sequence[Prompt]) -> None:
    claim(lm.complete([], _GREEDY) == [], "no prompts should get no completions")
    ticks: list[int] = []
    with never_raises("complete should answer every prompt"):
        together = lm.complete(prompts, _GREEDY, ticks.append)
    claim(sum(ticks) == len(prompts), f"progress told of {sum(ticks)} of {len(prompts)} prompts")
    _well_formed(together, len(prompts))
    texts = [c.text for c in together]
    claim(
        [c.text for c in lm.complete(prompts, _GREEDY)] == texts,
        "greedy completions differ between two calls",
    )
    backwards = [c.text for c in lm.complete(prompts[::-1], _GREEDY)][::-1]
    claim(backwards == texts, "completions depend on the order of the prompts")
    alone = [lm.complete([p], _GREEDY)[0].text for p in prompts]
    claim(alone == texts, "completions depend on the other prompts of the batch")


def _well_formed(completions: Sequence[Completion], wanted: int) -> None:
    claim(len(completions) == wanted, f"{wanted} prompts got {len(completions)} completions")
    for completion in completions:
        claim(completion.finish in ("stop", "length", "error"), f"what is {completion.finish!r}?")
        claim(
            (completion.finish == "error") == (completion.error is not None),
            f"finish and error of {completion} contradict each other",
        )
        usage = completion.usage
        claim(
            0 <= usage.completion_tokens <= _GREEDY.max_tokens and usage.prompt_tokens >= 0,
            f"{_GREEDY.max_tokens} tokens were allowed, and usage says {usage}",
        )


def _samples(lm: LM, prompts: Sequence[Prompt]) -> None:
    warm = Sampling(max_tokens=6, temperature=1.0, top_p=0.9, seed=5)
    with never_raises("complete should sample"):
        _well_formed(lm.complete(prompts, warm), len(prompts))


def _survives_the_strange(lm: LM) -> None:
    strange = [(Message("user", s),) if isinstance(s, str) else s for s in STRANGE]
    with never_raises("a prompt that cannot be answered should be a Completion with error"):
        completions = lm.complete(strange, _GREEDY)
    _well_formed(completions, len(strange))


def _measures_room(lm: LM, prompt: Prompt) -> None:
    room, less = lm.room(prompt, 1), lm.room(prompt, 5)
    claim((room is None) == (less is None), "room is known for one prompt and not for another")
    if room is None or less is None:
        return
    claim(
        room - less == 4, f"4 tokens more of answer leave {less} instead of {room} tokens of room"
    )
    longer = (*prompt[:-1], Message(prompt[-1].role, prompt[-1].content + " and more" * 20))
    rest = lm.room(longer, 1)
    claim(
        rest is not None and rest < room, f"a longer prompt leaves {rest} tokens, not below {room}"
    )


def _scores(lm: LM, prompts: Sequence[Prompt]) -> None:
    claim(lm.score([], _CONTINUATIONS) == [], "no prompts should get no scores")
    ticks: list[int] = []
    with never_raises("score should score every continuation of every prompt"):
        rows = lm.score(prompts, _CONTINUATIONS, ticks.append)
    claim(sum(ticks) == len(prompts), f"progress told of {sum(ticks)} of {len(prompts)} prompts")
    claim(len(rows) == len(prompts), f"{len(prompts)} prompts got {len(rows)} rows of scores")
    for row in rows:
        _is_a_distribution(row)
    for prompt, row in zip(prompts, rows):
        (alone,) = lm.score([prompt], _CONTINUATIONS)
        claim(_equal(alone, row), "scores depend on the other prompts of the batch")
        (turned,) = lm.score([prompt], _CONTINUATIONS[::-1])
        claim(_equal(turned[::-1], row), "scores depend on the order of the continuations")
        (single,) = lm.score([prompt], _CONTINUATIONS[:1])
        claim(_equal(single, row[:1]), "scores depend on the other continuations")


def _is_a_distribution(row: Sequence[TokenLogprobs]) -> None:
    claim(
        len(row) == len(_CONTINUATIONS), f"{len(_CONTINUATIONS)} continuations, {len(row)} scores"
    )
    values = [v for scores in row for v in scores.logprobs]
    claim(all(math.isfinite(v) and v <= 0 for v in values), f"{values} are not log-probabilities")
    claim(all(s.logprobs for s in row), "a continuation has no tokens: its end token counts too")
    # The end token makes different continuations exclude each other.
    total = sum(math.exp(s.total) for s in row)
    claim(total <= 1 + NOISE, f"different answers have probabilities that sum to {total}")


def _equal(one: Sequence[TokenLogprobs], other: Sequence[TokenLogprobs]) -> bool:
    return len(one) == len(other) and all(
        len(a.logprobs) == len(b.logprobs) and abs(a.total - b.total) <= NOISE
        for a, b in zip(one, other)
    )


def _refuses_to_score(lm: LM, prompts: Sequence[Prompt]) -> None:
    try:
        lm.score(prompts, _CONTINUATIONS)
    except ModelError:
        return
    raise AssertionError("can_score is false, and score answers all the same")
