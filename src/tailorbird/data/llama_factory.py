"""LLaMA-Factory's registries: `dataset_info.json` says where data sets are, and how to read them.

    {"orders": {"file_name": "orders.json", "formatting": "sharegpt", "columns": {...}}}

`columns` says what columns are called, `tags` what roles are called. As in LLaMA-Factory, what a
`columns` or `tags` that is there leaves out is not read. Its trainer passes over conversations in
which users and assistants do not alternate, with a warning; so an export refuses them by name.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from tailorbird.data.cells import unpacked
from tailorbird.data.files import files_below, inside
from tailorbird.data.formats import alpaca, sharegpt
from tailorbird.data.formats._turns import tools_of
from tailorbird.data.formats.base import CAPABILITIES, Record, Unusable, kind_of, others, text_of
from tailorbird.data.interchange import Target
from tailorbird.data.row_writers import suffix_of
from tailorbird.data.rows import HUB, Row, read_rows
from tailorbird.errors import DataError, nearest
from tailorbird.store import read_json, write_json

FILE: Final = "dataset_info.json"
_ALPACA = {"prompt": "instruction", "query": "input", "response": "output"}
_SHAREGPT = {"messages": "conversations"}
_TAGS = {
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "observation_tag": "observation",
    "function_tag": "function_call",
    "system_tag": "system",
}
_ROLES = {
    "user_tag": "user",
    "assistant_tag": "assistant",
    "observation_tag": "tool",
    "function_tag": "function_call",
    "system_tag": "system",
}
_MEDIA = ("images", "videos", "audios")
_ELSEWHERE = ("ms_hub_url", "om_hub_url", "script_url", "cloud_file_name", "revision")
_FORMATTINGS = ("alpaca", "sharegpt", "openai")


# ---- import ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Dataset:
    """One data set of a registry."""

    folder: Path
    name: str
    entry: Mapping[str, Any]

    @property
    def formatting(self) -> str:
        """alpaca, sharegpt or openai."""
        return str(self.entry.get("formatting") or "alpaca")

    @property
    def num_samples(self) -> int | None:
        """How many rows are used. LLaMA-Factory draws them; we take the first."""
        number: int | None = self._named("num_samples", int)
        return number

    def rows(self) -> Iterator[Row]:
        """All rows, of its files or of the hub; those of a folder's files are numbered through."""
        key = self._named("split", str)
        hub = self._named("hf_hub_url", str)
        if hub is not None:
            subset = self._named("subset", str)
            path = f"{HUB}{hub}/{subset}" if subset else f"{HUB}{hub}"
            yield from read_rows(path, key or "train", self.folder, None)
            return
        number = 0
        for path in self._files():
            for row in read_rows(path, None, self.folder, None):
                number += 1
                table = suffix_of(path) in (".csv", ".tsv") and row.value is not None
                yield replace(row, number=number, value=unpacked(row.value) if table else row.value)

    def _files(self) -> list[str]:
        name = self._named("file_name", str)
        if not name:
            raise DataError(f"{self.name} in {FILE} names no file_name and no hf_hub_url")
        where = inside(self.folder, name)
        if not where.is_dir():
            return [name]
        return [f"{name}/{path.as_posix()}" for path in files_below(where)]

    def _named(self, key: str, kind: type) -> Any:
        value = self.entry.get(key)
        if value is not None and not isinstance(value, kind):
            raise DataError(f"{self.name} in {FILE}: {key} is of type {type(value).__name__}")
        return value

    def read(self, row: Mapping[str, Any]) -> tuple[str, Record]:
        """What LLaMA-Factory reads in the row, and all its other columns. Raises `Unusable`."""
        if not isinstance(row, Mapping):
            raise Unusable(f"a row is of type {type(row).__name__}, not an object")
        given = {column: row.get(name) for column, name in self._columns.items()}
        for media in _MEDIA:
            if given.pop(media, None):
                raise Unusable(f"{media} are not supported")
        further = others(row, *self._columns.values())
        if self.formatting == "alpaca":
            return "LLaMA-Factory's alpaca", _from_alpaca(given, further)
        return f"LLaMA-Factory's {self.formatting}", self._from_messages(given, further)

    @cached_property
    def _columns(self) -> dict[str, str]:
        """Column of LLaMA-Factory -> column of the file, of those that are read."""
        defaults = _ALPACA if self.formatting == "alpaca" else _SHAREGPT
        named = self._named("columns", Mapping)
        if named is None:
            return defaults
        wanted = (*defaults, "history", "system", "tools", "kto_tag", *_MEDIA)
        if self.entry.get("ranking"):
            wanted = (*wanted, "chosen", "rejected")
        return self._names("columns", {c: named[c] for c in wanted if named.get(c) is not None})

    @cached_property
    def _tags(self) -> dict[str, str]:
        """As above, of the keys and roles of messages."""
        named = self._named("tags", Mapping)
        if named is None:
            return _TAGS
        return self._names("tags", {t: named[t] for t in _TAGS if named.get(t) is not None})

    def _names(self, key: str, found: dict[str, Any]) -> dict[str, str]:
        for name, value in found.items():
            if not isinstance(value, str):
                raise DataError(f"{self.name} in {FILE}: {key}.{name} is not a name")
        return found

    def _from_messages(self, given: dict[str, Any], further: dict[str, Any]) -> Record:
        messages = given.get("messages")
        if not isinstance(messages, list):
            raise Unusable("no list of messages")
        row = {k: v for k, v in given.items() if k in ("system", "tools", "kto_tag")}
        row["conversations"] = [self._message(message) for message in messages]
        for name in ("chosen", "rejected"):
            if name in given:
                row[name] = self._message(given[name])
        return replace(sharegpt.read(row), further=further)

    def _message(self, message: Any) -> dict[str, Any]:
        """The message in OpenAI's words. Raises `Unusable` for a role that no tag names."""
        if not isinstance(message, Mapping):
            raise Unusable("a message is not an object")
        said, content = (message.get(self._tags.get(tag)) for tag in ("role_tag", "content_tag"))
        roles = {self._tags[tag]: role for tag, role in _ROLES.items() if tag in self._tags}
        role = roles.get(said) if isinstance(said, str) else None
        if role is None:
            raise Unusable(f'role "{said}" is none of the tags of {self.name}')
        rest = {k: v for k, v in message.items() if k not in self._tags.values()}
        return {**rest, "role": role, "content": content}


def dataset(registry: Path, name: str | None) -> Dataset:
    """One data set of a `dataset_info.json`. Raises `DataError` where it cannot be read."""
    if not registry.is_file():
        raise DataError(f"no file at {registry}")
    entries = _entries(registry)
    if name is None:
        known = ", ".join(sorted(entries)) or "none"
        raise DataError(
            f"{registry}: name one of its data sets with --key", hint=f"it has: {known}"
        )
    entry = entries.get(name)
    if not isinstance(entry, Mapping):
        raise DataError(f'{registry} has no data set "{name}"{nearest(name, entries)}')
    for key in _ELSEWHERE:
        if entry.get(key) and not (entry.get("hf_hub_url") and key.endswith("hub_url")):
            raise DataError(f'{name} in {FILE}: "{key}" is not supported')
    found = Dataset(registry.parent, name, entry)
    if found.formatting not in _FORMATTINGS:
        known = ", ".join(_FORMATTINGS)
        raise DataError(f'{name} in {FILE}: formatting "{found.formatting}" is none of {known}')
    return found


def _entries(registry: Path) -> dict[str, Any]:
    entries = read_json(registry)
    if not isinstance(entries, dict):
        raise DataError(f"{registry} holds a {type(entries).__name__}, not data sets by name")
    return entries


def _from_alpaca(given: dict[str, Any], further: dict[str, Any]) -> Record:
    if given.keys() <= {"prompt"}:  # pre-training: only the prompt is read
        text = text_of(given.get("prompt"), "prompt")
        if text is None:
            raise Unusable("no text")
        return Record(text=text, further=further)
    ranked = "chosen" in given
    wanted = ("prompt", "chosen", "rejected") if ranked else ("prompt", "response")
    for name in wanted:
        if given.get(name) is None:
            raise Unusable(f"no {name}")
    names = {"prompt": "instruction", "query": "input", "response": "output"}
    row = {names.get(column, column): value for column, value in given.items()}
    tools = tools_of(row.pop("tools", None))
    if tools:
        raise Unusable("tools of an alpaca row are not supported")
    return replace(alpaca.read(row), further=further)


# ---- export ------------------------------------------------------------------------------------

_CHAT_TAGS = {
    "user": {"user_tag": "user", "assistant_tag": "assistant"},
    "roles": {
        "role_tag": "role",
        "content_tag": "content",
        "user_tag": "user",
        "assistant_tag": "assistant",
    },
}
_PLAIN: Mapping[str, Mapping[str, str]] = {
    "alpaca": {"prompt": "instruction", "query": "input", "response": "output"},
    "prompt_completion": {"prompt": "prompt", "response": "completion"},
    "preference": {"prompt": "prompt"},
    "kto": {"prompt": "prompt", "response": "completion", "kto_tag": "label"},
    "text": {"prompt": "text"},
}
"""Formats whose rows are texts in columns: LLaMA-Factory reads them as alpaca."""


def check_target(target: Target, registry: Path, out: Path) -> None:
    """Raise `DataError` where a registry cannot describe such a file."""
    told = target.format in ("alpaca", "sharegpt", "text") or (
        target.format in _PLAIN and target.dialect == "text"
    )
    if not told:
        raise DataError(
            f"LLaMA-Factory cannot be told how to read {target}",
            hint="use alpaca, sharegpt, text, or the dialect text of "
            "prompt_completion, preference or kto",
        )
    if not out.resolve().is_relative_to(registry.resolve().parent):
        raise DataError(f"{out} is not below the folder of {registry}")
    if out.name.lower().endswith(".gz") or suffix_of(out) in (".tsv", ".ndjson"):
        raise DataError(f"LLaMA-Factory reads no {''.join(out.suffixes)} files", hint="use .jsonl")


def check_record(record: Record, kinds: Collection[str]) -> None:
    """Raise `Unusable` where LLaMA-Factory would pass over the conversation.

    `kinds`: those of the rows before, which must be this one's as well.
    """
    if kinds and kind_of(record) not in kinds:
        others_are = CAPABILITIES[min(kinds)]
        raise Unusable(f"other rows hold {others_are}, and {FILE} describes one kind of rows")
    if record.text is not None:
        return
    turns = [*record.prompt, *(record.answers[0] if record.answers else ())]
    if turns and turns[0].role == "system":
        turns = turns[1:]
    asking = [turn.role in ("user", "tool") for turn in turns]
    if asking != [place % 2 == 0 for place in range(len(turns))] or len(turns) % 2:
        raise Unusable("LLaMA-Factory passes over conversations that do not alternate")


def describe(target: Target, kinds: Collection[str], columns: Collection[str]) -> dict[str, Any]:
    """The entry for a file with rows of one kind, but for its name."""
    ranked = "ranking" in kinds
    chosen = {"chosen": "chosen", "rejected": "rejected"} if ranked else {}
    entry: dict[str, Any] = {"ranking": True} if ranked else {}
    if target.format == "sharegpt":
        named = {c: c for c in ("system", "tools", "kto_tag") if c in columns}
        entry["formatting"] = "sharegpt"
        entry["columns"] = {"messages": "conversations", **named, **chosen}
        if target.dialect in _CHAT_TAGS:
            entry["tags"] = _TAGS | _CHAT_TAGS[target.dialect]
        return entry
    named = {c: name for c, name in _PLAIN[target.format].items() if name in columns}
    more = {c: c for c in ("system", "history", "kto_tag") if c in columns and "output" in columns}
    entry["columns"] = {**named, **more, **chosen}
    return entry


def register(registry: Path, out: Path, entry: Mapping[str, Any]) -> str:
    """Add the file to the registry, under its name without suffix; other entries stay."""
    entries = _entries(registry) if registry.exists() else {}
    file = out.resolve().relative_to(registry.resolve().parent).as_posix()
    name = out.name.partition(".")[0]
    known = entries.get(name)
    if isinstance(known, Mapping) and known.get("file_name", file) != file:
        raise DataError(
            f'{registry} has a data set "{name}" already, which is another file',
            hint="give the output another name",
        )
    write_json(registry, entries | {name: {"file_name": file, **entry}})
    return name
