"""Who writes, and in which tone: for a teacher a description, for a rule a sentence to add.

The sentences ask for nothing and state no fact that an answer could turn on.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Voice:
    """One way to sound."""

    name: str
    told: str
    """As a teacher is told: `somebody who ...`, `in a tone that is ...`."""
    said: str
    """A sentence that sounds like it."""


PERSONAS = (
    Voice("newcomer", "somebody who does this for the first time", "I have not done this before."),
    Voice("expert", "somebody who knows the field and its terms", "I know how this mostly works."),
    Voice("elderly", "an old person who finds screens difficult", "My eyes are not so good now."),
    Voice("hurried", "somebody on the way out of the door", "I am just on my way out."),
    Voice("helper", "somebody who asks for a relative", "I am asking for my mother."),
    Voice("foreigner", "somebody who writes in a foreign language", "Please excuse my language."),
    Voice("careful", "somebody who checks everything twice", "I like to be sure of these things."),
    Voice("student", "a student with little time and money", "I write this between lectures."),
    Voice("manager", "somebody who runs a small firm", "I run a small shop with my brother."),
    Voice(
        "night_owl", "somebody who writes at night on a phone", "It is late, so I keep it short."
    ),
)
TONES = (
    Voice("polite", "polite", "Thank you very much for your help."),
    Voice("curt", "curt, with no greeting", "A short answer will do."),
    Voice("angry", "angry, but to the point", "I am really not pleased about all this."),
    Voice("worried", "worried", "I am a little worried about it."),
    Voice("cheerful", "cheerful", "I hope that you are all having a lovely day!"),
    Voice("formal", "formal, as in a letter", "I look forward to your reply."),
    Voice("chatty", "chatty, with small talk around the matter", "Anyway, so much for that."),
    Voice("impatient", "impatient", "I have been waiting to ask this for a while."),
)
