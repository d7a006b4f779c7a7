"""Chat turns as the chat template takes them, and the one way retrieved passages are shown."""

from collections.abc import Sequence

Message = dict[str, str]  # {"role": "system" | "user" | "assistant", "content": text}
Conversation = tuple[Message, ...]


def system(content: str) -> Message:
    """The instructions."""
    return {"role": "system", "content": content}


def user(content: str) -> Message:
    """What is asked, with its passages in front if there are any."""
    return {"role": "user", "content": content}


def assistant(content: str) -> Message:
    """What is answered; the only turns that are learned."""
    return {"role": "assistant", "content": content}


def with_passages(passages: Sequence[tuple[str, str]], question: str) -> str:
    """(title, text) pairs numbered from 1, a blank line, the question: the run-time format."""
    lines = [f"[{i}] {title}: {text}" for i, (title, text) in enumerate(passages, start=1)]
    return "\n".join([*lines, "", question])
