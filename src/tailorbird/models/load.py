"""One line names a model: `fledgling`, a hub id, a folder, or an endpoint `http://host/v1#name`."""

from functools import lru_cache
from pathlib import Path

from tailorbird.models.base import LM


@lru_cache(maxsize=4)
def load_model(spec: str, adapter: Path | None = None) -> LM:
    """The model that `spec` names, with a LoRA `adapter` folder merged in where one is given.

    Raises `ModelError` when it cannot be loaded, saying what is missing.
    """
    if spec.startswith(("http://", "https://")):
        from tailorbird.models.http import Endpoint

        return Endpoint.from_spec(spec)
    from tailorbird.models.local import LocalModel

    return LocalModel.load(spec, adapter)
