"""The ladder in Python: read a task, run its three cheapest rungs, print what they showed.

    python examples/101_first_ladder.py

No language model is needed. The run is kept in runs/example-101 and is not repeated if it is there.
"""

from pathlib import Path

from rich.console import Console

from tailorbird import load_spec, load_task
from tailorbird.climbing import climb
from tailorbird.evaluate.table import print_verdict

study = Path(__file__).parents[1] / "studies" / "insurance-email"

# A task file says what goes in, what should come out, and how good is good enough. Any key can be
# overridden; here, fewer training rows, so that this takes seconds.
spec = load_spec(study, {"data.train_limit": 300})
task = load_task(spec, study).only(["majority", "nearest", "linear"])
for account in task.accounts:
    print("\n".join(account.lines()))

# Every rung is fitted without the test split, saved, loaded again and then asked all test items.
climbed = climb(task, Path("runs/example-101"), quiet=True)

print_verdict(Console(width=100), climbed.results, climbed.verdict, task.spec)

# The same, as values.
print("\nenough:", climbed.verdict.enough)
print("fine-tune:", climbed.verdict.fine_tune)
for rung in climbed.results.rungs:
    facts = rung.estimates["facts"]
    print(f"{rung.name}: {facts.value:.2f}, 95 % between {facts.low:.2f} and {facts.high:.2f}")
