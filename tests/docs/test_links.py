"""Links inside the repository lead somewhere, and nothing points to where it was made."""

import re
from pathlib import Path

import pytest
from pages import PAGES, ROOT, name, prose

_LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_MACHINE = re.compile(r"(?<![\w./-])/(?:work|home|root|Users|tmp)/|\\\\|localhost:(?!8000/v1)")


def anchors(page: Path) -> set[str]:
    """Heading anchors as GitHub makes them."""
    plain = (re.sub(r"[^\w\- ]", "", h.lower()) for h in _HEADING.findall(page.read_text("utf-8")))
    return {p.strip().replace(" ", "-") for p in plain}


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_resolve(page: Path):
    for link in _LINK.findall(prose(page)):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert ROOT in (target, *target.parents), f"{link} leaves the repository"
        if anchor:
            assert anchor in anchors(target), f"{link}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_no_machine_paths(page: Path):
    found = _MACHINE.search(page.read_text("utf-8"))
    assert found is None, f"a path of somebody's machine: {found}"


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_inline_code_is_not_broken_by_a_line_end(page: Path):
    for paragraph in re.split(r"\n\s*\n", prose(page)):
        for line in paragraph.split("\n"):
            assert line.count("`") % 2 == 0, f"code goes on in the next line: {line}"


@pytest.mark.parametrize("folder", ["docs", "design"])
def test_every_page_is_reached_from_the_first(folder: str):
    first = ROOT / folder / ("index.md" if folder == "docs" else "README.md")
    linked = {link.partition("#")[0] for link in _LINK.findall(first.read_text("utf-8"))}
    pages = {p.name for p in (ROOT / folder).glob("*.md")} - {first.name}
    assert pages <= linked, f"not linked: {pages - linked}"


def test_the_map_of_the_readme_is_complete():
    readme = (ROOT / "README.md").read_text("utf-8")
    package = ROOT / "src" / "tailorbird"
    folders = [f"src/tailorbird/{p.parent.name}" for p in package.glob("*/__init__.py")]
    folders += ["docs", "design", "examples", "studies", "benchmarks", "tests"]
    assert [f for f in folders if f"| `{f}` |" not in readme] == []
