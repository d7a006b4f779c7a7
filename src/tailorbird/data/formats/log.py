"""Production logs: `{"timestamp": 0, "request": {...}, "response": {...}}`, of OpenAI's chat API.

The answer is what a model said, not what is known to be right. Settings of the request and what
the response says beside its message are kept as the further columns `request` and `response`.
"""

from collections.abc import Mapping
from typing import Any

from tailorbird.data.formats._turns import messages_of, tools_of, turn_of, turns_of
from tailorbird.data.formats.base import CHAT, Record, Unusable, others

HOLDS = {"": CHAT | {"answer", "unprompted"}}
KEYS = ()
EXAMPLES = False
_LEAD = ("timestamp", "workload_id", "client_id")


def recognise(row: Any) -> bool:
    """Whether the row has a request with messages, and a response."""
    if not isinstance(row, Mapping) or not isinstance(row.get("response"), Mapping):
        return False
    request = row.get("request")
    return isinstance(request, Mapping) and isinstance(request.get("messages"), list)


def read(row: Mapping[str, Any]) -> Record:
    """Raises `Unusable` where the response holds no answer, or more than one."""
    request, response = row.get("request"), row.get("response")
    if not isinstance(request, Mapping) or not isinstance(request.get("messages"), list):
        raise Unusable("the request holds no messages")
    choice = _choice(response)
    rest = {"request": others(request, "messages", "tools"), "response": _rest(response, choice)}
    return Record(
        turns_of(request["messages"], "messages", "user"),
        ((turn_of({"role": "assistant", **choice["message"]}),),),
        tools=tools_of(request.get("tools")),
        further=others(row, "request", "response") | {k: v for k, v in rest.items() if v},
        spelling={"request": list(request)},
    )


def _choice(response: Any) -> Mapping[str, Any]:
    choices = response.get("choices") if isinstance(response, Mapping) else None
    if not isinstance(choices, list) or len(choices) != 1:
        number = len(choices) if isinstance(choices, list) else "no"
        raise Unusable(f"the response holds {number} answers, not one")
    choice = choices[0]
    if not isinstance(choice, Mapping) or not isinstance(choice.get("message"), Mapping):
        raise Unusable("the response holds no message")
    return choice


def _rest(response: Any, choice: Mapping[str, Any]) -> dict[str, Any]:
    beside = others(choice, "message")
    rest = {k: [beside] if k == "choices" else v for k, v in response.items() if v is not None}
    return {} if rest == {"choices": [{"index": 0}]} else rest


def write(record: Record, dialect: str) -> dict[str, Any]:
    """A request and its response; further columns of these names become part of them."""
    further = dict(record.further)
    sent, got = further.pop("request", {}), further.pop("response", {"choices": [{"index": 0}]})
    choices = got.get("choices") if isinstance(got, Mapping) else None
    beside = choices[0] if isinstance(choices, list) and len(choices) == 1 else None
    if not isinstance(sent, Mapping) or not isinstance(beside, Mapping):
        raise Unusable('further columns "request" and "response" that are not of a log')
    (answer,) = record.answers
    request = {**sent, "messages": messages_of(record.prompt)}
    if record.tools:
        request["tools"] = list(record.tools)
    order = [k for k in record.spelling.get("request", ("model", "messages")) if k in request]
    (message,) = messages_of(answer)
    choice = {k: v for k, v in beside.items() if k == "index"} | {"message": message}
    row = {k: further.pop(k) for k in _LEAD if k in further}
    row["request"] = {k: request[k] for k in dict.fromkeys([*order, *request])}
    row["response"] = {**got, "choices": [{**choice, **beside}]}
    return {**row, **further}
