"""Rows that we write, read by TRL's own functions, and held against what SageMaker accepts."""

from typing import Any

import jsonschema
import pytest

from tailorbird.data.formats.base import Call, Record, Turn, Unusable
from tailorbird.data.interchange import Target, suited, write

ASKED, ANSWER, WORSE = Turn("user", "u"), (Turn("assistant", "a"),), (Turn("assistant", "b"),)
SYSTEM = Turn("system", "s")
CALLED = Turn("assistant", calls=(Call("f", {"x": [1]}, "c1"),))
TOLD = Turn("tool", "3", call_id="c1")
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
RECORDS = (
    Record((ASKED,), (ANSWER,)),
    Record((SYSTEM, ASKED), (ANSWER,)),
    Record((ASKED, Turn("assistant", "x"), Turn("user", "y")), (ANSWER,)),
    Record((ASKED, CALLED, TOLD), (ANSWER,), tools=(TOOL,)),
    Record((ASKED,), (ANSWER, WORSE)),
    Record((SYSTEM, ASKED), (ANSWER, WORSE)),
    Record((ASKED,), (ANSWER,), True),
    Record((ASKED,)),
    Record((ASKED,), reference="3"),
)


def rows(target: str) -> list[dict[str, Any]]:
    """What can be written of the records in a format."""
    found = []
    for record in RECORDS:
        try:
            found.append(write(suited(record, Target.parse(target)), Target.parse(target)))
        except Unusable:
            continue
    assert found
    return found


# ---- TRL -----------------------------------------------------------------------------------------

TRL = ("messages", "prompt_completion", "preference", "preference:implicit", "kto", "prompt_only")


@pytest.mark.parametrize("target", TRL)
def test_trl_takes_rows_as_conversations(target: str):
    from trl.data_utils import is_conversational

    assert all(is_conversational(row) for row in rows(target))


@pytest.mark.parametrize("target", ["prompt_completion:text", "preference:text", "kto:text"])
def test_trl_takes_texts_as_texts(target: str):
    from trl.data_utils import is_conversational

    assert not any(is_conversational(row) for row in rows(target))


def test_trl_finds_the_prompt_that_is_implied():
    from trl.data_utils import extract_prompt

    explicit = [{k: row[k] for k in ("prompt", "chosen", "rejected")} for row in rows("preference")]
    assert [extract_prompt(row) for row in rows("preference:implicit")] == explicit


def test_trl_reads_both_vocabularies_of_sharegpt():
    from trl.data_utils import maybe_convert_to_chatml

    chats = [row for row in rows("messages") if len(row["messages"]) > 1]
    plain = [row["messages"] for row in chats if "tools" not in row]
    shared = [row for row in rows("sharegpt:user") if "chosen" not in row and "kto_tag" not in row]
    found = [maybe_convert_to_chatml(row)["messages"] for row in shared]
    assert [messages for messages in found if len(messages) > 1] == plain


# ---- SageMaker -----------------------------------------------------------------------------------


def thing(required: str, closed: bool = True, **properties: Any) -> dict[str, Any]:
    """An object with these keys, of which some are required; closed: with no others."""
    shape: dict[str, Any] = {"type": "object", "required": required.split()}
    return shape | {"properties": properties, "additionalProperties": not closed}


TEXT = {"type": "string"}
BLOCKS = {"type": "array", "minItems": 1, "items": {"type": "object"}}
MESSAGE = thing("role content", closed=False, role=TEXT, content=TEXT)
TURNS = {"oneOf": [TEXT, {"type": "array", "items": MESSAGE}]}
SAID = thing("role content", role={"enum": ["user", "assistant"]}, content=BLOCKS)
LABEL = {"enum": ["preferred", "non-preferred"]}
CANDIDATES = {
    "type": "array", "minItems": 2,
    "items": thing("content preferenceLabel", content=BLOCKS, preferenceLabel=LABEL),
}  # fmt: skip
CHOICE = thing("role candidates", role={"const": "assistant"}, candidates=CANDIDATES)
SPEC = thing("name", name=TEXT, description=TEXT, inputSchema=thing("json", json={}))
TOOLS = {"type": "array", "items": thing("toolSpec", toolSpec=SPEC)}


def converse(item: dict[str, Any]) -> dict[str, Any]:
    return thing(
        "messages",
        schemaVersion=TEXT,
        system={"type": "array", "items": thing("text", text=TEXT)},
        messages={"type": "array", "minItems": 2, "items": item},
        toolConfig=thing("tools", tools=TOOLS),
    )


SAGEMAKER = {
    "converse_preference": converse({"oneOf": [SAID, CHOICE]}),
    "converse": converse(SAID),
    "preference": thing(
        "chosen rejected", closed=False, prompt=TURNS, chosen=TURNS, rejected=TURNS
    ),
    "prompt_completion": thing("prompt completion", closed=False, prompt=TURNS, completion=TURNS),
    "verl": thing("prompt", closed=False, prompt=TURNS, reward_model={"type": "object"}),
    "messages": thing("messages", closed=False, messages={"type": "array", "items": MESSAGE}),
    "genqa": thing("query", closed=False, query=TEXT, response=TEXT, system=TEXT),
}
"""Our format -> the shape of SageMaker's seven, in our words."""


@pytest.mark.parametrize("target", SAGEMAKER)
def test_sagemaker_takes_the_rows(target: str):
    checker = jsonschema.Draft7Validator(SAGEMAKER[target])
    with_source = [
        Record(r.prompt, r.answers, r.good, r.text, r.reference, (), {"data_source": "shop"})
        for r in RECORDS
    ]
    taken = 0
    for record in (*RECORDS, *with_source):
        try:
            row = write(suited(record, Target(target)), Target(target))
        except Unusable:
            continue
        if target == "converse" and not record.answers:
            continue  # Bedrock's distillation takes prompts alone; SageMaker does not
        if "converse" not in target and any(turn.calls for turn in record.turns):
            continue  # SageMaker takes tool calls in Converse only
        assert [error.message for error in checker.iter_errors(row)] == []
        taken += 1
    assert taken
