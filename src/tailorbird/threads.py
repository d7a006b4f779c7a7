"""How threads wait for each other: settled before torch is loaded."""

import os

_SPINS = "3000"
"""A few microseconds: from one small operation of a model to the next."""


def wait_briefly() -> None:
    """Threads spin for a moment, then sleep; what the environment says already stays.

    Those that spin for long take the core from those they wait for, on a busy machine; those that
    sleep at once have to be woken for every operation.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", _SPINS)
