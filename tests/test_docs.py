"""The docs are in step with the code, and lead nowhere that is not there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from core.protocol.violations import CATALOGUE
from tests.tools.json_fields import MEANINGS
from tests.tools.make_docs import FOLDER, main, pages

ROOT = FOLDER.parent.parent
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted(FOLDER.glob("*.md")))


def test_the_generated_pages_are_in_step(capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--check"])
    assert (capsys.readouterr().out, status) == ("", 0)


def test_a_page_out_of_step_is_named(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("tests.tools.make_docs.FOLDER", tmp_path)
    assert main([]) == 0
    assert main(["--check"]) == 0
    (tmp_path / "formats.md").write_text("old")
    assert main(["--check"]) == 1
    assert capsys.readouterr().out.startswith("resources/docs/formats.md is not in step with the code")


def test_every_rule_is_listed_once() -> None:
    [page] = [page for page in pages() if page.name == "violations.md"]
    assert re.findall(r"^\| `([^`]+)`", page.text, re.MULTILINE) == list(CATALOGUE)


def test_no_meaning_is_left_over() -> None:
    [page] = [page for page in pages() if page.name == "json-lines.md"]
    assert [meaning for meaning in MEANINGS.values() if f"| {meaning} |" not in page.text] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target, heading in re.findall(r"\]\(([^)#]*)(?:#([^)]*))?\)", page.read_text("utf-8")):
        if "://" in target:
            continue
        file = page.parent / target if target else page
        assert file.is_file(), f"{page.name} leads to {target}"
        assert not heading or heading in anchors(file), f"{file.name} has no heading {heading}"


def test_every_page_is_found_from_the_readme() -> None:
    linked = set(re.findall(r"\]\(resources/docs/([^)#]+)", (ROOT / "README.md").read_text("utf-8")))
    assert {page.name for page in FOLDER.iterdir()} == linked


def anchors(page: Path) -> set[str]:
    """Each heading of a Markdown page as a link names it."""
    headings = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
