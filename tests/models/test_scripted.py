from tailorbird.errors import ModelError
from tailorbird.models.base import LM, Sampling
from tailorbird.models.scripted import Scripted
from tailorbird.task.types import Message

REFUND = (Message("user", "I want a refund"),)
LOGIN = (Message("user", "I cannot log in"),)


def test_is_a_language_model():
    lm: LM = Scripted()
    assert lm.complete([], Sampling()) == []


def test_answers_by_substring_then_default():
    lm = Scripted({"refund": "billing", "I": "first person"}, default="other")
    texts = [c.text for c in lm.complete([REFUND, LOGIN, ()], Sampling())]
    assert texts == ["billing", "first person", "other"]


def test_reads_the_last_user_turn_only():
    shots = (Message("user", "a refund"), Message("assistant", "billing"), *LOGIN)
    assert Scripted({"refund": "billing"}).complete([shots], Sampling())[0].text == ""


def test_answers_by_function_whose_error_is_a_row():
    def answer(prompt):
        if prompt == LOGIN:
            raise ModelError("lost for words")
        return "billing"

    good, bad = Scripted(answer).complete([REFUND, LOGIN], Sampling())
    assert (good.text, good.error) == ("billing", None)
    assert (bad.text, bad.finish, bad.error) == ("", "error", "lost for words")


def test_counts_words_and_cuts():
    lm = Scripted(default="one two three", context=20)
    [whole] = lm.complete([REFUND], Sampling(max_tokens=3))
    assert (whole.finish, whole.usage.prompt_tokens, whole.usage.completion_tokens) == (
        "stop",
        4,
        3,
    )
    [cut] = lm.complete([REFUND], Sampling(max_tokens=2))
    assert (cut.text, cut.finish, cut.usage.completion_tokens) == ("one two", "length", 2)
    assert lm.room(REFUND, 6) == 10
    assert Scripted().room(REFUND, 6) is None


def test_scores_prefer_the_script_then_shared_words():
    lm = Scripted({"refund": "billing"})
    [row] = lm.score([REFUND], ["billing", "refund.", "login"])
    totals = [s.total for s in row]
    assert totals == sorted(totals, reverse=True)
    assert len(set(totals)) == 3
    assert all(len(s.logprobs) == 2 and s.total < 0 for s in row)


def test_records_calls_and_reports_progress():
    lm, steps = Scripted(), []
    lm.complete([REFUND, LOGIN], Sampling(), steps.append)
    lm.score([LOGIN], ["a"], steps.append)
    assert lm.calls == [REFUND, LOGIN, LOGIN]
    assert sum(steps) == 3


def test_identity_changes_with_the_script():
    a, b = Scripted({"x": "a"}), Scripted({"x": "b"})
    assert a.identity != b.identity
    assert a.identity == Scripted({"x": "a"}).identity
