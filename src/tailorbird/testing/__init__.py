"""For tests, ours and yours: a tiny checkpoint, small tasks, and suites for any implementation.

Every protocol has a suite. It raises `AssertionError` with a sentence that says what is wrong:

    check_approach(MyApproach(), small_task("label", tmp_path), run)
    check_scorer(my_scorer_module, task)
    check_format("messages")
    check_objective(MyObjective(), rows, model)
    check_lm(my_model, prompts)
    check_retriever("sparse")
    check_strategy("combined")
    check_task(task)
    check_check("my_check", MyCheck(), patient, parts)
    check_generator("my_generator", MyGenerator(), material)
    check_filter("my_filter", MyFilter(), rows, material)
"""

from tailorbird.testing.approach import check_approach
from tailorbird.testing.benchmark import check_task
from tailorbird.testing.check import check_check
from tailorbird.testing.checkpoint import tiny_checkpoint
from tailorbird.testing.format import check_format
from tailorbird.testing.lm import check_lm
from tailorbird.testing.objective import check_objective
from tailorbird.testing.retriever import check_retriever
from tailorbird.testing.scorer import check_scorer
from tailorbird.testing.strategy import check_strategy
from tailorbird.testing.synthesis import check_filter, check_generator
from tailorbird.testing.tasks import small_task

__all__ = [
    "check_approach",
    "check_check",
    "check_filter",
    "check_format",
    "check_generator",
    "check_lm",
    "check_objective",
    "check_retriever",
    "check_scorer",
    "check_strategy",
    "check_task",
    "small_task",
    "tiny_checkpoint",
]
