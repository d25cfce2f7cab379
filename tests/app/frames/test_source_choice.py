"""The list of sources beside a capture: which it has, and what choosing one leaves."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.actions.registry import ActionId
from app.window.desktop import Desktop
from tests.tools.at_window import Connect, payloads, trigger
from tests.tools.recorded import CaptureMaker

OF_SOURCES = (ActionId.TOGGLE_SOURCE, ActionId.EDIT_SOURCE, ActionId.DUPLICATE_SOURCE, ActionId.REMOVE_SOURCE)


def names(desktop: Desktop) -> list[str]:
    return [line.name for line in desktop.window.source_model.lines]


def choose(desktop: Desktop, name: str) -> None:
    model = desktop.window.source_model
    desktop.window.source_pane.list.choose(next(line.id for line in model.lines if line.name == name))


def make_capture(path: Path) -> Path:
    """One with two connections of one source and one of another."""
    with CaptureMaker(path) as maker:
        for source, text in (("before", "a"), ("after", "b"), ("before", "c")):
            maker.peer(source=source).say(text)
    return path


def test_an_opened_capture_lists_its_own_sources(
    desktop: Desktop, client: Connect, tmp_path: Path, qtbot: QtBot
) -> None:
    window = desktop.window
    client("/")
    live = names(desktop)
    assert window.commands.open(make_capture(tmp_path / "old.unmask"))
    assert names(desktop) == ["before", "after"]
    assert window.source_model.detail(window.source_model.lines[0]) == "recorded · 127.0.0.1:8080"
    choose(desktop, "before")
    qtbot.waitUntil(lambda: payloads(desktop) == ["a", "c"])
    assert window.connection_model.rowCount() == 3
    assert not any(window.actions_[each].isEnabled() for each in OF_SOURCES)
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Delete):
        QTest.keyClick(window.source_pane.list, key)
    trigger(desktop, ActionId.SHOW_LIVE)
    assert names(desktop) == live
    assert window.source_pane.list.chosen_source is None
    assert window.connection_model.source is None


def test_another_capture_is_not_narrowed_to_a_source_of_the_one_before(
    desktop: Desktop, tmp_path: Path, qtbot: QtBot
) -> None:
    window = desktop.window
    assert window.commands.open(make_capture(tmp_path / "old.unmask"))
    choose(desktop, "before")
    with CaptureMaker(tmp_path / "other.unmask") as maker:
        maker.peer(source="other").say("o")
        maker.peer(source="third").say("p")
    assert window.commands.open(maker.path)
    assert names(desktop) == ["other", "third"]
    assert window.source_pane.list.chosen_source is None
    qtbot.waitUntil(lambda: payloads(desktop) == ["o", "p"])
