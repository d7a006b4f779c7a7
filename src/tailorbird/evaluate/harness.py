"""Tasks of lm-evaluation-harness on our models: their prompts and marks, our tokens and weights.

Sutawika et al., https://github.com/EleutherAI/lm-evaluation-harness. Needs the extra `harness`.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lm_eval import simple_evaluate
from lm_eval.api.model import LM
from lm_eval.tasks import TaskManager
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from tailorbird.models.base import Sampling
from tailorbird.models.text import read, start_of_text, token_logprobs
from tailorbird.task.types import Message

if TYPE_CHECKING:
    from tailorbird.models.local import LocalModel

MOST_TOKENS = 256
"""Of an answer, where the task does not say."""


class HarnessLM(LM):  # type: ignore[misc]
    """A local model as the harness wants one.

    A text begins with the token that texts begin with (`models.text.start_of_text`); with `chat`, a
    context is a conversation in the model's own template instead.
    """

    def __init__(self, lm: "LocalModel", chat: bool = False) -> None:
        super().__init__()
        self.lm, self.chat = lm, chat

    # ---- what the harness asks ---------------------------------------------------------------

    def loglikelihood(self, requests: Sequence[Any]) -> list[tuple[float, bool]]:
        """Log-probability (nats) of each continuation, and whether it is the greedy one."""
        return self._score([self._pair(*request.args) for request in requests])

    def loglikelihood_rolling(self, requests: Sequence[Any]) -> list[float]:
        """Log-probability (nats) of each text, in windows as long as the context."""
        totals = []
        for request in requests:
            windows = get_rolling_token_windows(
                self._ids(request.args[0]), start_of_text(self.lm.chat.tokenizer),
                max_seq_len=self.lm.context - 1, context_len=1,
            )  # fmt: skip
            parts = self._score([make_disjoint_window(window) for window in windows])
            totals.append(sum(total for total, _ in parts))
        return totals

    def generate_until(self, requests: Sequence[Any]) -> list[str]:
        """Answers, each cut before the first of its stop strings."""
        alike: dict[str, list[int]] = defaultdict(list)
        for number, request in enumerate(requests):
            alike[repr(request.args[1])].append(number)
        answers = [""] * len(requests)
        for numbers in alike.values():
            settings = requests[numbers[0]].args[1]
            contexts = [requests[number].args[0] for number in numbers]
            for number, text in zip(numbers, self._write(contexts, settings)):
                answers[number] = text
        return answers

    # ---- chat --------------------------------------------------------------------------------

    def apply_chat_template(
        self, chat_history: list[dict[str, str]], add_generation_prompt: bool = True
    ) -> str:
        """The conversation as the model's template has it."""
        turns = tuple(Message(m["role"], m["content"]) for m in chat_history)  # type: ignore[arg-type]
        return self.lm.chat._render(turns, add_generation_prompt)

    def chat_template(self, chat_template: bool | str = False) -> str:
        """For the harness's record."""
        return str(self.lm.chat.tokenizer.chat_template)

    @property
    def tokenizer_name(self) -> str:
        """Part of the key of the harness's own cache."""
        return self.lm.identity.replace("/", "__")

    # ---- tokens ------------------------------------------------------------------------------

    def _ids(self, text: str) -> list[int]:
        return self.lm.chat._encode(text)

    def _context(self, text: str) -> list[int]:
        start = [] if self.chat else [start_of_text(self.lm.chat.tokenizer)]
        return [*start, *self._ids(text)]

    def _pair(self, context: str, continuation: str) -> tuple[list[int], list[int]]:
        # White space at the end of a context is part of the first word after it.
        plain = context.rstrip()
        before, whole = self._context(plain), self._context(context + continuation)
        return before, whole[len(before) :]

    def _score(self, pairs: Sequence[tuple[list[int], list[int]]]) -> list[tuple[float, bool]]:
        """Of the second part of each, given the first; what is too long loses its beginning."""
        rows = [[*before, *after][-self.lm.context :] for before, after in pairs]
        found = [(0.0, True)] * len(rows)
        for batch, logits in read(self.lm.model, rows, self.lm.decoder.opening):
            for i, own in zip(batch, logits):
                row, first = rows[i], max(1, len(rows[i]) - len(pairs[i][1]))
                said = own[: len(row) - 1]
                greedy = said.argmax(-1).tolist()[first - 1 :] == row[first:]
                found[i] = float(token_logprobs(said, row)[first - 1 :].sum()), greedy
        return found

    def _write(self, contexts: Sequence[str], settings: Mapping[str, Any]) -> list[str]:
        longest = int(settings.get("max_gen_toks", MOST_TOKENS))
        drawn = settings.get("do_sample", False)
        temperature = float(settings.get("temperature", 1.0)) if drawn else 0.0
        sampling = Sampling(longest, temperature, float(settings.get("top_p", 1.0)))
        room = max(1, self.lm.context - longest)
        prompts = [self._context(context)[-room:] for context in contexts]
        until = settings.get("until") or []
        stops = [until] if isinstance(until, str) else until
        written = self.lm.decoder.generate(prompts, sampling)
        texts = [self.lm.chat.tokenizer.decode(ids, skip_special_tokens=True) for ids in written]
        return [_before(text, stops) for text in texts]


def _before(text: str, stops: Sequence[str]) -> str:
    places = (text.find(stop) for stop in stops if stop)
    return text[: min((place for place in places if place >= 0), default=len(text))]


def evaluate(
    lm: "LocalModel",
    tasks: Sequence[str],
    include_path: Path | None = None,
    shots: int | None = None,
    limit: int | None = None,
    chat: bool = False,
    seed: int = 0,
) -> dict[str, Any]:
    """What `lm_eval.simple_evaluate` returns, with every sample; intervals are ours to make.

    `include_path`: a folder of task files of your own, which may name local data. Raises what the
    harness raises for a task that it does not know (`ValueError`, `KeyError`).
    """
    found: dict[str, Any] = simple_evaluate(
        model=HarnessLM(lm, chat), tasks=list(tasks), num_fewshot=shots, limit=limit,
        task_manager=_manager(tasks, include_path), bootstrap_iters=0, log_samples=True,
        apply_chat_template=chat,
        random_seed=seed, numpy_random_seed=seed, torch_random_seed=seed, fewshot_random_seed=seed,
    )  # fmt: skip
    return found


def _manager(tasks: Sequence[str], include_path: Path | None) -> TaskManager:
    if include_path is None:
        return TaskManager()
    # To list the harness's own tasks takes as long as many a run.
    own = TaskManager(include_path=str(include_path), include_defaults=False)
    known = set(tasks) <= set(own.all_tasks)
    return own if known else TaskManager(include_path=str(include_path))
