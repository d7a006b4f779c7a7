"""Answer new messages with a solver that a climb saved: what was judged is what answers.

    python examples/103_answer_with_a_saved_solver.py

No language model is needed: the solver here is a linear classifier with canned answers.
"""

from pathlib import Path

from tailorbird import Example, load_solver, load_spec, load_task
from tailorbird.climbing import climb

study = Path(__file__).parents[1] / "studies" / "insurance-email"
task = load_task(load_spec(study, {"data.train_limit": 300}), study).only(["linear"])
out = Path("runs/example-103")
climb(task, out, quiet=True)

# The folder alone says which approach can load it.
solver = load_solver(out / "rungs" / "linear" / "solver")

emails = [
    "My windscreen is cracked right across. How much do I have to pay myself?",
    "By when do I have to report a stolen phone?",
]
for answer in solver.predict([Example(f"mail-{i}", text) for i, text in enumerate(emails)]):
    if answer.error:
        print("no answer:", answer.error)
    else:
        print(f"{answer.confidence:.0%} sure: {answer.text}")
