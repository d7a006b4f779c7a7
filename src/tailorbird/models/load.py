"""One line names a model: `fledgling`, a hub id, a folder, or an endpoint `http://host/v1#name`."""

from functools import lru_cache
from pathlib import Path

from tailorbird.models.base import LM
from tailorbird.models.files import is_endpoint
from tailorbird.task.task import EndpointLimits


@lru_cache(maxsize=2)
def load_model(spec: str, adapter: Path | None = None, limits: EndpointLimits | None = None) -> LM:
    """The model that `spec` names, with a LoRA `adapter` folder merged in where one is given.

    Raises `ModelError` when it cannot be loaded, saying what is missing.
    """
    if is_endpoint(spec):
        from tailorbird.models.http import Endpoint

        return Endpoint.from_spec(spec, **(limits.model_dump() if limits else {}))
    from tailorbird.models.local import LocalModel

    return LocalModel.load(spec, adapter)
