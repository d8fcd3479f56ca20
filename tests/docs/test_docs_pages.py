"""The pages hang together, and the changelog keeps its form."""

import re
from pathlib import Path

import pytest

from newsreel import __version__

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *DOCS.rglob("*.md")])
KINDS = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
_LINK = re.compile(r"\]\((?!https?:|mailto:)([^)#\s]+)(#[^)\s]+)?\)")
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def prose_of(page: Path) -> str:
    return _FENCED.sub("", page.read_text("utf-8"))


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


def test_every_page_stands_in_the_navigation_and_every_entry_leads_to_one() -> None:
    # Read by hand, for the file names classes of Python for the renderer.
    nav = (ROOT / "mkdocs.yml").read_text("utf-8").partition("\nnav:\n")[2].partition("\n\n")[0]
    named = re.findall(r"([\w/-]+\.md)$", nav, re.MULTILINE)

    assert sorted(named) == sorted(str(page.relative_to(DOCS)) for page in DOCS.rglob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_link_leads_to_a_file_or_a_heading(page: Path) -> None:
    for path, anchor in _LINK.findall(prose_of(page)):
        target = (page.parent / path).resolve()
        assert target.exists(), f"{name_of(page)}: {path}"
        if anchor:
            assert anchor in _anchors_of(target), f"{name_of(page)}: {path}{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_begins_with_its_title_and_has_no_other(page: Path) -> None:
    titles = re.findall(r"^# .+$", prose_of(page), re.MULTILINE)

    assert len(titles) == 1
    assert page.read_text("utf-8").startswith(titles[0])


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_no_page_names_this_machine(page: Path) -> None:
    text = page.read_text("utf-8")

    assert str(ROOT) not in text
    assert str(ROOT.parent) + "/" not in text


def test_decisions_are_numbered_and_say_why_what_and_at_what_price() -> None:
    pages = sorted(DOCS.glob("decisions/0*.md"))

    for number, page in enumerate(pages, 1):
        text = page.read_text("utf-8")
        assert page.name.startswith(f"{number:04}-")
        assert text.startswith(f"# {number}. ")
        headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
        assert headings == ["Context", "Decision", "Consequences"]
        assert f"]({page.name})" in (DOCS / "decisions/index.md").read_text("utf-8")


def test_the_changelog_has_the_form_of_keep_a_changelog() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"^## (.+)$", text, re.MULTILINE)
    released = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d", v) for v in versions[1:]]

    assert text.startswith("# Changelog\n")
    assert versions[0] == "[Unreleased]"
    assert all(released)
    assert set(re.findall(r"^### (.+)$", text, re.MULTILINE)) <= KINDS


def test_the_changelog_names_the_version_or_it_is_not_out_yet() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    versions = re.findall(r"^## \[(\d[^\]]*)\]", text, re.MULTILINE)

    assert not versions or versions[0] == __version__


def _anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", prose_of(page), re.MULTILINE)
    return {
        "#" + re.sub(r"[\s]+", "-", re.sub(r"[^\w\s-]", "", title.lower())) for title in headings
    }
