"""Labels learned from earlier turns; often the label words mean nothing in themselves."""

from random import Random

from tailorbird.models.fledgling.tasks.chat import Conversation, Message, assistant, system, user
from tailorbird.models.fledgling.tasks.labels import (
    Label,
    goal,
    label_set,
    list_of_labels,
    spelling,
)
from tailorbird.models.fledgling.tasks.values import NOUNS, code, coined


def sample(rng: Random) -> Conversation:
    """Every label shown at least once before it is asked for again."""
    labels = label_set(rng, rng.choice((2, 3, 4, 5, 5, 6, 8, 10)))
    names = _names(rng, labels)
    turns: list[Message] = []
    if rng.random() < 0.7:
        listed = list_of_labels(rng, list(names.values())) if rng.random() < 0.6 else ""
        turns.append(system(goal(rng) + listed))
    shown = _shown(rng, labels)
    for label, text in shown:
        turns += (user(text), assistant(names[label.name]))
    return tuple(turns)


def _shown(rng: Random, labels: list[Label]) -> list[tuple[Label, str]]:
    """Demonstrations in random order, then two to five more of the classes seen."""
    each = rng.choice((1, 1, 2) if len(labels) > 5 else (1, 2, 3, 4))
    first = [label for label in labels for _ in range(each)]
    rng.shuffle(first)
    demos = [(label, label.text(rng)) for label in first]
    queries = [(label, label.text(rng)) for label in rng.choices(labels, k=rng.randint(2, 5))]
    if rng.random() < 0.3:
        # Nearest neighbours as demonstrations are often almost the question itself.
        label, text = rng.choice(demos)
        queries.append((label, text.rstrip(".!?") + rng.choice(("", "?", " please", " now"))))
    return demos + queries


def _names(rng: Random, labels: list[Label]) -> dict[str, str]:
    if rng.random() < 0.5:
        spell = spelling(rng)
        return {label.name: spell(label.name) for label in labels}
    kind = rng.random()
    if kind < 0.35:
        words = rng.sample(NOUNS, len(labels))
    elif kind < 0.6:
        words = [coined(rng) for _ in labels]
    elif kind < 0.8:
        words = rng.sample("ABCDEFGHKLMNPRSTUVXYZ", len(labels))
    elif kind < 0.9:
        words = [str(n) for n in rng.sample(range(1, 60), len(labels))]
    else:
        words = [code(rng) for _ in labels]
    return {label.name: word for label, word in zip(labels, words, strict=True)}
