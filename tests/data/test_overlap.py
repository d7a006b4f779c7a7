"""Runs of words in common are found, whatever stands between them, and chance matches are not."""

from tailorbird.data.overlap import Overlap, Protected

MAIL = "My dog ate the remote control on Tuesday, so who pays for a new one?"


def test_a_shared_run_is_found_across_case_and_punctuation() -> None:
    protected = Protected({"mail": MAIL}, words=5)
    found = list(protected.found_in("He wrote: the REMOTE control, on Tuesday (so he said)."))
    assert found == [
        Overlap("mail", "the remote control on tuesday"),
        Overlap("mail", "remote control on tuesday so"),
    ]


def test_shorter_runs_do_not_count() -> None:
    assert not list(Protected({"mail": MAIL}, words=6).found_in("the remote control on Tuesday."))


def test_short_texts_are_looked_for_whole_or_not_at_all() -> None:
    protected = Protected({"a": "please cancel my second card", "b": "cancel it"})
    assert protected.unchecked == ["b"]
    assert [o.name for o in protected.found_in("So please cancel my second card now")] == ["a"]
    assert not list(protected.found_in("Please cancel my card, it is my second"))


def test_a_run_in_two_protected_texts_is_found_for_both() -> None:
    protected = Protected({"a": f"{MAIL} Thanks", "b": MAIL}, words=5)
    assert {o.name for o in protected.found_in_all([MAIL])} == {"a", "b"}


def test_each_protected_text_is_reported_once() -> None:
    protected = Protected({"a": "one two three four five", "b": "six seven eight nine ten"})
    texts = ["zero one two three four five", "one two three four five six seven"]
    assert [o.name for o in protected.found_in_all(texts)] == ["a"]
    assert protected.found_in_all([]) == []
