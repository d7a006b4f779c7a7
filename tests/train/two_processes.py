"""The same training on every process that torchrun starts: run as a script by test_engine.py."""

import os
import sys
from pathlib import Path

from safetensors.torch import save_file
from torch import nn
from train.killed import policy_and_rows

from tailorbird.train.engine import train
from tailorbird.train.objectives.base import Layout
from tailorbird.train.objectives.sft import SFT
from tailorbird.train.recipe import Recipe


def main() -> None:
    model, folder = sys.argv[1:]
    policy, rows, pad = policy_and_rows(model, 16)
    for module in policy.modules():
        if isinstance(module, nn.Dropout):
            module.p = 0.0  # every process would draw its own
    size = 8 // int(os.environ.get("WORLD_SIZE", "1"))
    recipe = Recipe(batch_size=size, epochs=3, warmup_steps=0, group_by_length=False, save_every=2)
    train(policy, SFT(Layout(pad)), rows, recipe, Path(folder), quiet=True)
    if os.environ.get("RANK", "0") == "0":
        weights = {n: p.detach() for n, p in policy.named_parameters() if p.requires_grad}
        save_file(weights, Path(folder) / "adapter.safetensors")


if __name__ == "__main__":
    main()
