from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.views.parts.page_bar import PageBar
from core.decoders.text import TextDecoder
from tests.tools.pages import all_pages, pages_of

PAGES = all_pages(pages_of(TextDecoder(1000), b"x" * 3500))


@pytest.fixture
def bar(qtbot: QtBot) -> Iterator[PageBar]:
    bar = PageBar()
    bar.show_count(4, is_final=True)
    bar.show_page(1, PAGES[1], 3500)
    with qtbot.waitExposed(bar):
        bar.show()
    yield bar
    bar.close()
    bar.deleteLater()


def test_it_says_what_is_shown_of_how_much(bar: PageBar) -> None:
    assert bar.part.text() == "Bytes 1\u202f000 to 1\u202f999 of 3\u202f500"
    assert (bar.page.value(), bar.of.text().strip()) == (2, "of 4")
    bar.show_count(7, is_final=False)
    assert bar.of.text().strip() == "of 7 so far"
    bar.show_count(4, is_final=True)
    bar.show_page(3, PAGES[3], 3500)
    assert bar.part.text() == "Bytes 3\u202f000 to 3\u202f499 of 3\u202f500"
    assert [button.isEnabled() for button in (bar.first, bar.previous, bar.next, bar.last)] == [
        True,
        True,
        False,
        False,
    ]


def test_its_buttons_ask_for_pages(bar: PageBar) -> None:
    asked: list[int] = []
    bar.page_requested.connect(asked.append)
    for button in (bar.first, bar.previous, bar.next, bar.last):
        button.click()
    bar.page.lineEdit().selectAll()
    QTest.keyClicks(bar.page, "4")
    assert asked == [0, 0, 2, 3]
    QTest.keyClick(bar.page, Qt.Key.Key_Return)
    assert asked[-1] == 3
    assert len(asked) == 5


@pytest.mark.parametrize(
    ("typed", "asked"),
    [("1234", [1234]), ("0x10", [16]), ("1 000", [1000]), ("-5", [0]), ("x", []), ("", [])],
)
def test_a_byte_is_asked_for_by_its_offset(bar: PageBar, typed: str, asked: list[int]) -> None:
    found: list[int] = []
    bar.byte_requested.connect(found.append)
    bar.byte.setText(typed)
    QTest.keyClick(bar.byte, Qt.Key.Key_Return)
    assert found == asked
