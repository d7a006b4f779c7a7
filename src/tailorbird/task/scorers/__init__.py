"""One file per way to mark an answer: `score(example, prediction, task)` and `BETTER`."""
