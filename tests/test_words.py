import re
import shlex
from pathlib import Path

import tailorbird
from tailorbird.words import command_line, counted, quoted

NAMES = ("my task", "it's; here", "$HOME", "[red]", "a'b\"c", "Zürich", "")


def test_numbers_have_their_words():
    assert [counted(n, "row") for n in (0, 1, 1200)] == ["0 rows", "1 row", "1,200 rows"]
    assert [counted(n, "row is", "rows are") for n in (1, 2)] == ["1 row is", "2 rows are"]


def test_a_shell_reads_the_words_that_were_meant():
    assert shlex.split(quoted(*NAMES)) == list(NAMES)
    assert command_line("mend", Path("plain"), "--undo", 3) == "tailorbird mend plain --undo 3"


def test_a_path_is_no_option():
    assert quoted("-q", Path("-x/y"), Path("/-x")) == "-q ./-x/y /-x"


def test_no_command_is_made_by_hand():
    """A path may hold blanks, so that what is put into a command goes through `command_line`."""
    by_hand = re.compile(r"tailorbird [a-z]+( [a-z-]+)* [\"']?\{|shlex\.(join|quote)\(")
    found = [
        f"{file.name}: {line.strip()}"
        for file in Path(tailorbird.__file__).parent.rglob("*.py")
        for line in file.read_text("utf-8").splitlines()
        if file.name != "words.py" and by_hand.search(line)
    ]
    assert not found
