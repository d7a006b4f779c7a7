"""Find the sentence that mentions something, and give it back word for word."""

import re
from random import Random

from tailorbird.models.fledgling.tasks.chat import Conversation, assistant, system, user
from tailorbird.models.fledgling.tasks.grammar import say
from tailorbird.models.fledgling.tasks.passages import shelf

_END = re.compile(r"(?<=[.!?]) +(?=[A-Z])")


def sample(rng: Random, text: str | None) -> Conversation:
    """Sentences of ``text`` (real) or of an invented shelf; the cue is in one of them only."""
    sentences = split(text)[:7] if text else []
    cue = _cue(rng, sentences)
    if cue is None:
        sentences = split(" ".join(body for _, body in shelf(rng).passages))
        cue = _cue(rng, sentences) or (sentences[0], sentences[0].split()[0])
    found, words = cue
    told = say(rng, "[Find|Quote|Copy|Give] the sentence [asked for|that fits].[ Word for word.|]")
    ask = say(
        rng, '[Which sentence mentions|Where does it say|Find the sentence with] "{w}"?', w=words
    )
    return system(told), user(f"{' '.join(sentences)}\n\n{ask}"), assistant(found)


def split(text: str) -> list[str]:
    """Sentences, by a full stop and a capital: good enough to copy them."""
    return _END.split(text.strip())


def _cue(rng: Random, sentences: list[str]) -> tuple[str, str] | None:
    """(sentence, one to three of its words that occur nowhere else), or None if there is none."""
    whole = " ".join(sentences)
    for _ in range(8):
        if len(sentences) < 2:
            return None
        found = rng.choice(sentences)
        words = found.split()
        width = rng.randint(1, 3)
        if len(found) > 240 or len(words) <= width:
            continue
        at = rng.randrange(len(words) - width)
        cue = " ".join(words[at : at + width]).strip(".,;:!?\"'()")
        if len(cue) > 4 and whole.count(cue) == 1:
            return found, cue
    return None
