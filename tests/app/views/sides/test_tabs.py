from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QWidget
from pytestqt.qtbot import QtBot

from app.look.look import Look
from app.views.sides.tabs import SideTabs
from tests.tools.qt import dispose


@pytest.fixture
def pages(qtbot: QtBot) -> tuple[QWidget, QWidget, QWidget]:
    del qtbot
    return QWidget(), QWidget(), QWidget()


@pytest.fixture
def tabs(pages: tuple[QWidget, QWidget, QWidget], look: Look, qtbot: QtBot) -> Iterator[SideTabs]:
    tabs = SideTabs(pages[0], pages[1], look)
    tabs.add_marks(pages[2])
    tabs.resize(700, 300)
    tabs.show()
    qtbot.waitExposed(tabs)
    yield tabs
    dispose(tabs)


def texts(tabs: SideTabs) -> list[str]:
    return [tabs.tabText(at) for at in range(tabs.count())]


def test_counts_stand_beside_the_names(tabs: SideTabs, pages: tuple[QWidget, QWidget, QWidget]) -> None:
    assert texts(tabs) == ["Connections", "Problems", "Marks"]
    tabs.set_count(pages[1], 12_345)
    tabs.set_count(pages[2], 1)
    assert texts(tabs) == ["Connections", "Problems 12\u202f345", "Marks 1"]
    tabs.set_count(pages[2], 0)
    assert tabs.words(pages[2]) == tabs.tabText(2) == "Marks"


@pytest.mark.parametrize("width", [160, 215, 270, 400, 700])
@pytest.mark.parametrize("front", [0, 1, 2])
def test_all_tabs_are_in_sight_at_any_width(
    tabs: SideTabs, pages: tuple[QWidget, QWidget, QWidget], width: int, front: int
) -> None:
    tabs.set_count(pages[1], 12)
    tabs.set_count(pages[2], 100)
    tabs.show_page(pages[front])
    tabs.resize(width, 300)
    bar = tabs.tabBar()
    assert bar.tabRect(0).left() >= 0
    assert bar.tabRect(2).right() < width
    for at, page in enumerate(pages):
        words = tabs.words(page)
        assert words in (tabs.tabText(at), tabs.tabToolTip(at)), "what is not written is told"
    if width > 200:
        assert tabs.tabText(1).endswith("12")
        assert tabs.tabText(2).endswith("100")


def test_words_come_back_with_the_room(tabs: SideTabs, pages: tuple[QWidget, QWidget, QWidget]) -> None:
    tabs.resize(235, 300)
    assert texts(tabs) == ["Connections", "", ""]
    tabs.show_page(pages[2])
    assert texts(tabs) == ["", "", "Marks"]
    tabs.resize(700, 300)
    assert texts(tabs) == ["Connections", "Problems", "Marks"]
    assert [tabs.tabToolTip(at) for at in range(3)] == ["", "", ""]
