"""How weights may change: attach, save and merge what the files in `adapters` describe (PEFT)."""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tailorbird.errors import ModelError, TailorbirdError
from tailorbird.extras import need
from tailorbird.store import read_json, said, write_json
from tailorbird.train.adapters.base import Adapter, make_adapter
from tailorbird.train.adapters.lora import LoRA

__all__ = [
    "LoRA", "attach", "context", "has_virtual_tokens", "make_adapter", "merge_adapter",
    "require_scales", "save_adapter", "saved_adapter", "saved_strength", "set_strength", "split",
    "trainable_share", "virtual_tokens", "weights_file",
]  # fmt: skip

_WEIGHTS = "weights.safetensors"
"""What is trained of the model's own weights, under the names that they have there."""


def attach(
    model: Any, adapter: Adapter, seed: int, tokenizer: Any = None, instruction: str = ""
) -> Any:
    """`model` with what `adapter` trains; the rest is frozen. Equal seeds, equal adapters.

    Virtual tokens begin as the words of `instruction`, where there is a tokenizer to tell them.
    """
    need("torch").manual_seed(seed)
    with _fitting(f"the adapter {_name(adapter)}"):
        policy = adapter.attach(model, tokenizer, instruction)
    policy.tailorbird_adapter = adapter
    return policy


def save_adapter(model: Any, folder: Path, base: str, template_digest: str) -> None:
    """What was trained, with the base and the template it was trained for.

    Adapters of PEFT have PEFT's own layout; weights of the model itself are one safetensors file.
    """
    adapter = model.tailorbird_adapter
    with said("write", folder, need("safetensors").SafetensorError):
        if _is_wrapped(model):
            model.peft_config["default"].base_model_name_or_path = base
            # Embeddings are never trained here; to be sure, PEFT would ask a hub about the base.
            model.save_pretrained(str(folder), safe_serialization=True, save_embedding_layers=False)
        else:
            trained = {n: p.detach() for n, p in model.named_parameters() if p.requires_grad}
            folder.mkdir(parents=True, exist_ok=True)
            need("safetensors.torch").save_file(trained, folder / _WEIGHTS)
    record = {
        "adapter": {_name(adapter): asdict(adapter)},
        "base": base,
        "chat_template_sha256": template_digest,
    }
    write_json(folder / "tailorbird.json", record)


def saved_adapter(folder: Path) -> Adapter:
    """The adapter whose weights are in `folder`."""
    path = folder / "tailorbird.json"
    record = read_json(path) if path.is_file() else {}
    return make_adapter(record.get("adapter", "lora"))  # version 0.1 had no other


def saved_strength(folder: Path) -> float:
    """How much of what was trained counts when the adapter in `folder` is merged."""
    path = folder / "tailorbird.json"
    return float(read_json(path).get("strength", 1.0)) if path.is_file() else 1.0


def set_strength(folder: Path, strength: float) -> None:
    """From now on the adapter in `folder` is merged at `strength`: 0 is the base, 1 as trained.

    Raises `ModelError` for an adapter that has no weights between the two.
    """
    require_scales(saved_adapter(folder))
    path = folder / "tailorbird.json"
    write_json(path, read_json(path) | {"strength": strength})


def require_scales(adapter: Adapter) -> None:
    """Raises `ModelError` for an adapter that has no weights between the base and the tuned one."""
    # PiSSA and OLoRA take out of the base what they begin with.
    kept = getattr(adapter, "init", "zero") not in ("pissa", "olora")
    if not adapter.merges or not kept:
        reason = "it is not merged" if kept else "it does not keep the base as it was"
        raise ModelError(
            f"what the adapter {_name(adapter)} learned cannot be weakened or strengthened: "
            + reason,
            hint="leave strength at 1, or use an adapter such as lora, dora, ia3 or full",
        )


def weights_file(folder: Path) -> Path:
    """The file in a saved adapter that holds what was trained."""
    own = folder / _WEIGHTS
    return own if own.is_file() else folder / "adapter_model.safetensors"


def merge_adapter(model: Any, folder: Path, template_digest: str) -> Any:
    """`model` as it was tuned, with what was trained added in where that can be.

    Where it cannot, the result is a model of PEFT; `split` goes below it. With another strength
    than 1 a weight lies on the line through base and tuned one (Wortsman et al. 2022,
    arXiv:2109.01903), which for LoRA is another scale. Refuses a chat template not trained on.
    """
    record = folder / "tailorbird.json"
    if record.is_file() and read_json(record)["chat_template_sha256"] != template_digest:
        raise ModelError(
            f"the adapter in {folder} was trained on another chat template than this tokenizer's",
            hint="use the tokenizer that the adapter was trained with",
        )
    strength = saved_strength(folder)
    with _fitting(f"the adapter in {folder}"):
        if (folder / _WEIGHTS).is_file():
            return _with_weights(model, folder / _WEIGHTS, strength).eval()
        policy = need("peft").PeftModel.from_pretrained(model, str(folder))
        if not saved_adapter(folder).merges:
            return policy.eval()
        return (policy.merge_and_unload() if strength == 1 else _merged(policy, strength)).eval()


def _merged(policy: Any, strength: float) -> Any:
    """The base with each layer moved by `strength` of what was trained; one copy at a time."""
    for layer in policy.modules():
        if isinstance(layer, need("peft.tuners.tuners_utils").BaseTunerLayer):
            weights = list(layer.get_base_layer().parameters())
            before = [w.detach().clone() for w in weights]
            layer.merge()
            for weight, base in zip(weights, before):
                weight.data = base.lerp(weight.detach(), strength)
    return policy.unload()


def _with_weights(model: Any, file: Path, strength: float) -> Any:
    weights = need("safetensors.torch").load_file(file)
    if strength != 1:
        base = model.state_dict()
        weights = {n: base[n].lerp(w.to(base[n]), strength) for n, w in weights.items()}
    unknown = model.load_state_dict(weights, strict=False).unexpected_keys
    if unknown:
        raise ValueError(f"the model has no weight {unknown[0]}")
    return model


@contextmanager
def _fitting(what: str) -> Iterator[None]:
    """Turn the errors of PEFT and torch into one line."""
    try:
        with warnings.catch_warnings():
            # PEFT asks transformers for a property by its former name.
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            yield
    except TailorbirdError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError, need("safetensors").SafetensorError) as e:
        raise ModelError(f"{what} does not fit this model: {e}") from e


def _name(adapter: Adapter) -> str:
    """The file that describes it."""
    return type(adapter).__module__.rpartition(".")[2]


# ---- models with something attached ------------------------------------------------------------


def _is_wrapped(model: Any) -> bool:
    """Whether `model` is one of PEFT, and not the model below."""
    return hasattr(model, "active_peft_config")


def has_virtual_tokens(model: Any) -> bool:
    """Whether learned tokens stand before every prompt: then `model` itself must be called, and
    not what is below it."""
    inside = getattr(model, "module", model)  # of DistributedDataParallel
    return _is_wrapped(inside) and bool(inside.active_peft_config.is_prompt_learning)


def virtual_tokens(model: Any) -> int:
    """How many columns more the output of `model` has than its input, in front.

    0 for prefix tuning, which puts its keys and values into the cache.
    """
    if not has_virtual_tokens(model):
        return 0
    config = getattr(model, "module", model).active_peft_config
    return 0 if config.peft_type == "PREFIX_TUNING" else int(config.num_virtual_tokens)


def context(model: Any) -> int:
    """Tokens that a row may have; virtual tokens take their share of the positions."""
    positions = getattr(model.config.get_text_config(), "max_position_embeddings", 0) or 1 << 20
    taken = model.active_peft_config.num_virtual_tokens if has_virtual_tokens(model) else 0
    return int(positions - taken)


def split(model: Any) -> tuple[Any, list[tuple[Any, Any]]]:
    """The causal model below PEFT, whose layers hold what is adapted, and its virtual tokens.

    The latter as keys and values float[1, H, N, D] of every layer, computed now; [] without any.
    """
    if not _is_wrapped(model):
        return model, []
    if not has_virtual_tokens(model):
        return model.get_base_model(), []
    from tailorbird.train.adapters._virtual import opening

    return model.get_base_model(), opening(model)


def trainable_share(model: Any) -> float:
    """Trained parameters over all of them."""
    if _is_wrapped(model):
        trained, whole = model.get_nb_trainable_parameters()
    else:
        sizes = [(p.numel(), p.requires_grad) for p in model.parameters()]
        trained, whole = sum(n for n, yes in sizes if yes), sum(n for n, _ in sizes)
    return float(trained / whole)
