import os
from pathlib import Path

import pytest

from tailorbird.data.files import decode, files_below, inside, locate, open_file, read_bytes, stem
from tailorbird.errors import DataError


def test_every_byte_decodes() -> None:
    assert len(decode(bytes(range(256)))[0]) == 256


def test_missing_files_name_their_neighbours(tmp_path: Path) -> None:
    (tmp_path / "train.jsonl").touch()
    (tmp_path / "other.md").touch()
    with pytest.raises(DataError) as caught:
        locate("trian.jsonl", tmp_path, None)
    assert caught.value.hint == "the folder holds train.jsonl"
    with pytest.raises(DataError, match="there is no folder"):
        locate("nowhere/a.jsonl", tmp_path, None)
    (tmp_path / "bare").mkdir()
    with pytest.raises(DataError) as caught:
        locate("bare/a.jsonl", tmp_path, None)
    assert caught.value.hint == "the folder is empty"


def test_data_folder(tmp_path: Path) -> None:
    (tmp_path / "x.csv").touch()
    assert locate("{data}/x.csv", tmp_path / "task", tmp_path) == tmp_path / "x.csv"
    with pytest.raises(DataError) as caught:
        locate("{data}/x.csv", tmp_path, None)
    assert caught.value.hint == "pass --data-folder DIR"


@pytest.mark.parametrize(
    ("path", "expected"),
    [("a/b.jsonl.gz", "b"), ("b.v2.csv", "b.v2"), ("hub://owner/name", "name")],
)
def test_stem(path: str, expected: str) -> None:
    assert stem(path) == expected


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32"])
def test_wide_encodings_are_refused_where_they_say_so(tmp_path: Path, encoding: str) -> None:
    mark = "" if encoding in ("utf-16", "utf-32") else "\ufeff"
    (tmp_path / "a.txt").write_bytes(f"{mark}words".encode(encoding))
    with pytest.raises(DataError, match=encoding[:6].upper()) as caught:
        open_file(tmp_path / "a.txt")
    assert caught.value.hint == "save it as UTF-8"


@pytest.mark.parametrize("name", ["a" * 300, "a\0b", "\udcff", "a.txt/b"])
def test_names_that_no_file_can_have(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.txt").touch()
    with pytest.raises(DataError):
        locate(name, tmp_path, None)


def test_files_read_whole_have_a_limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "a.txt").write_bytes(bytes(2**20 + 1))
    monkeypatch.setenv("TAILORBIRD_MAX_DOCUMENT_MIB", "1")
    with pytest.raises(DataError, match="larger than 1 MiB") as caught:
        read_bytes("a.txt", tmp_path, None)
    assert "TAILORBIRD_MAX_DOCUMENT_MIB" in (caught.value.hint or "")
    monkeypatch.setenv("TAILORBIRD_MAX_DOCUMENT_MIB", "2")
    assert len(read_bytes("a.txt", tmp_path, None)) == 2**20 + 1


@pytest.mark.parametrize("wrong", ["0", "-1", "1.5", "much", "", "٣"])
def test_limits_are_whole_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, wrong: str
) -> None:
    (tmp_path / "a.txt").touch()
    monkeypatch.setenv("TAILORBIRD_MAX_DOCUMENT_MIB", wrong)
    with pytest.raises(DataError, match="TAILORBIRD_MAX_DOCUMENT_MIB should be a whole number"):
        read_bytes("a.txt", tmp_path, None)


# ---- paths ----------------------------------------------------------------------------------


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder beside one that may not be left."""
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret" / "key.txt").write_text("key")
    (tmp_path / "docs" / "inner").mkdir(parents=True)
    (tmp_path / "docs" / "a.txt").write_text("a")
    (tmp_path / "docs" / "inner" / "b.txt").write_text("b")
    return tmp_path / "secret"


@pytest.mark.parametrize("name", ["a.txt", "inner/b.txt", "inner/../a.txt", "not-yet.txt", "."])
def test_what_stays_inside(outside: Path, name: str) -> None:
    docs = outside.parent / "docs"
    assert inside(docs, name) == docs / name


@pytest.mark.parametrize(
    "name", ["../secret/key.txt", "inner/../../secret/key.txt", "/etc/passwd", "link/key.txt", ".."]
)
def test_what_leads_out(outside: Path, name: str) -> None:
    docs = outside.parent / "docs"
    (docs / "link").symlink_to(outside)
    with pytest.raises(DataError, match="leads out of"):
        inside(docs, name)


def test_names_that_are_no_paths_lead_nowhere(outside: Path) -> None:
    docs = outside.parent / "docs"
    (docs / "loop").symlink_to("loop")
    for name in ("a\0b", "loop"):
        with pytest.raises(DataError, match="is no path"):
            inside(docs, name)


def test_files_below_a_folder(outside: Path) -> None:
    docs = outside.parent / "docs"
    (docs / ".git").mkdir()
    (docs / ".git" / "c.txt").touch()
    (docs / ".hidden").symlink_to(outside)
    (docs / "same").symlink_to(docs / "inner")
    (docs / "z.txt").symlink_to(docs / "a.txt")
    os.mkfifo(docs / "pipe.txt")
    assert [p.as_posix() for p in files_below(docs)] == ["a.txt", "inner/b.txt", "z.txt"]


@pytest.mark.parametrize(
    ("target", "said"),
    [("../secret/key.txt", "leads out of"), ("../secret", "leads out of"), ("gone", "nowhere")],
)
def test_links_out_of_a_folder_are_refused(outside: Path, target: str, said: str) -> None:
    docs = outside.parent / "docs"
    (docs / "link.txt").symlink_to(target)
    with pytest.raises(DataError, match=said):
        files_below(docs)


def test_a_folder_that_is_a_link_is_a_folder(outside: Path, tmp_path: Path) -> None:
    (tmp_path / "named").symlink_to(outside)
    assert [p.name for p in files_below(tmp_path / "named")] == ["key.txt"]
