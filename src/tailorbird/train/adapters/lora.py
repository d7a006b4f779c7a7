"""Low-rank adaptation (Hu et al. 2021, arXiv:2106.09685)."""

from dataclasses import dataclass
from typing import Any, Literal

from tailorbird.train.adapters._low_rank import LowRank


@dataclass(frozen=True)
class LoRA(LowRank):
    """W becomes W + alpha / rank * B A; B begins at zero, so that nothing changes at first."""

    init: Literal["zero", "gaussian", "orthogonal", "olora", "pissa"] = "zero"
    """How A and B begin. zero and gaussian: B is zero. orthogonal: A and B are orthogonal (even
    ranks only). olora (Büyükakyüz 2024, arXiv:2406.01775): from a QR decomposition of W. pissa
    (Meng et al. 2024, arXiv:2404.02948): its principal part. The last two take out of W what A
    and B begin with, when they attach and again when they load."""

    def options(self) -> dict[str, Any]:
        """The way to begin."""
        return {} if self.init == "zero" else {"init_lora_weights": self.init}


ADAPTER = LoRA
