"""Any Hugging Face causal model, by hub id or folder, on this machine."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer
from transformers.utils import logging as transformers_logging

from tailorbird.errors import ModelError
from tailorbird.models.base import Completion, Progress, Sampling, TokenLogprobs
from tailorbird.models.chat import Chat
from tailorbird.models.decoding import Decoder
from tailorbird.models.files import identify, locate
from tailorbird.store import file_digest
from tailorbird.task.types import Prompt, Usage
from tailorbird.train.adapters.base import Adapter
from tailorbird.train.policy import (
    merge_adapter,
    saved_adapter,
    saved_strength,
    split,
    weights_file,
)


def load_parts(spec: str, adapter: Adapter | None = None) -> tuple[Any, Any]:
    """Model (in evaluation mode; fp32 on a CPU, bf16 on a GPU) and tokenizer.

    The model is loaded as `adapter` needs it, with four bits for instance. Raises `ModelError`
    that says what is missing.
    """
    where = locate(spec)
    cuda = torch.cuda.is_available()
    options = adapter.loading() if adapter else {}
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    tokenizer = load_tokenizer(spec)
    try:
        loaded: Any = AutoModelForCausalLM.from_pretrained(
            where, dtype=torch.bfloat16 if cuda else torch.float32, output_loading_info=True,
            **options,
        )  # fmt: skip
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise ModelError(
            f"no causal language model can be loaded from {spec}: {first_line(error)}",
            hint="a model folder needs config.json and model.safetensors; " + _HUB,
        ) from error
    model, found = loaded
    if found["missing_keys"]:
        # transformers fills them with noise and goes on.
        raise ModelError(
            f"the weights of {spec} are incomplete: {min(found['missing_keys'])} is not there",
            hint="use the files of a causal language model, and all of them",
        )
    if "device_map" not in options:
        model = model.to("cuda" if cuda else "cpu")
    return model.eval(), tokenizer


def load_tokenizer(spec: str) -> Any:
    """The tokenizer alone. Raises `ModelError` that says what is missing."""
    try:
        return AutoTokenizer.from_pretrained(locate(spec))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(
            f"no tokenizer can be loaded for {spec}: {first_line(error)}",
            hint="a model folder needs tokenizer.json and tokenizer_config.json; " + _HUB,
        ) from error


_HUB = "hub ids need a network or a cached download"


def first_line(error: Exception) -> str:
    """What an error says, without the rest of the page."""
    return str(error).strip().split("\n")[0]


@dataclass(frozen=True)
class LocalModel:
    """A causal model in this process."""

    name: str
    identity: str
    model: Any
    chat: Chat
    decoder: Decoder
    can_score: bool = True

    @classmethod
    def load(cls, spec: str, adapter: Path | None = None) -> "LocalModel":
        """Load `spec` as the `adapter` in a folder tuned it.

        Where the adapter can be merged into the weights it is, so that it costs nothing.
        """
        if adapter is None:
            return cls.of(*load_parts(spec), spec, identify(spec))
        model, tokenizer = load_parts(spec, saved_adapter(adapter))
        model = merge_adapter(model, adapter, Chat(tokenizer).template_digest)
        identity = f"{identify(spec)}+{file_digest(weights_file(adapter))[:16]}"
        strength = saved_strength(adapter)
        identity += "" if strength == 1 else f"*{strength:g}"
        return cls.of(model, tokenizer, spec, identity)

    @classmethod
    def of(cls, model: Any, tokenizer: Any, name: str, identity: str) -> "LocalModel":
        """Wrap a model that is in memory already; its weights must stay as they are from now on.

        It may be one that is being tuned: what is attached to it takes part.
        """
        chat = Chat(tokenizer)
        causal, opening = split(model)
        return cls(
            name, identity, causal, chat, Decoder(causal, chat.ends, chat.pad, opening=opening)
        )

    @property
    def context(self) -> int:
        """Tokens that prompt and answer may have together; virtual tokens take their share."""
        config = self.model.config.get_text_config()
        virtual = self.decoder.opening[0][0].shape[2] if self.decoder.opening else 0
        return int(getattr(config, "max_position_embeddings", 0) or 1 << 20) - virtual

    def room(self, prompt: Prompt, max_tokens: int) -> int:
        """Tokens left in the context after `prompt` and `max_tokens`; negative: too long."""
        return self.context - len(self.chat.prompt(prompt)) - max_tokens

    def complete(
        self, prompts: Sequence[Prompt], sampling: Sampling, progress: Progress | None = None
    ) -> list[Completion]:
        """One completion per prompt; one that does not fit in the context has an error."""
        ids = [self.chat.prompt(p) for p in prompts]
        limit = self.context - sampling.max_tokens
        fits = [i for i, p in enumerate(ids) if len(p) <= limit]
        if progress and len(fits) < len(ids):
            progress(len(ids) - len(fits))
        avoid = self.chat.continuation(sampling.not_beginning)[:-1]
        answers = self.decoder.generate([ids[i] for i in fits], sampling, progress, avoid)
        out = [_too_long(len(p), limit) for p in ids]
        for i, answer in zip(fits, answers):
            finish = "length" if len(answer) >= sampling.max_tokens else "stop"
            usage = Usage(len(ids[i]), len(answer) + (finish == "stop"))
            out[i] = Completion(self.chat.text(answer), usage, finish)
        return out

    def score(
        self,
        prompts: Sequence[Prompt],
        continuations: Sequence[str],
        progress: Progress | None = None,
    ) -> list[list[TokenLogprobs]]:
        """Log-probabilities of every continuation (its end token included) after every prompt.

        Raises `ModelError` for what does not fit in the context; `room` tells beforehand.
        """
        ids = [self.chat.prompt(p) for p in prompts]
        candidates = [self.chat.continuation(c) for c in continuations]
        longest = max(map(len, ids), default=0) + max(map(len, candidates), default=0)
        if longest > self.context:
            raise ModelError(
                f"a prompt and its longest continuation have {longest} tokens, and the context "
                f"{self.context}",
                hint="shorten the input, or use a model with a longer context",
            )
        rows = self.decoder.score(ids, candidates, progress)
        return [[TokenLogprobs(v, len(p)) for v in row] for row, p in zip(rows, ids)]


def _too_long(length: int, limit: int) -> Completion:
    error = f"the prompt has {length} tokens, and the context leaves room for {limit}"
    return Completion("", Usage(length, 0), "error", error)
