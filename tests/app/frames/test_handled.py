"""What is done to frames shows in the real window: in rows, details and filters, also when it is decided later."""

from __future__ import annotations

from contextlib import closing

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from pytestqt.qtbot import QtBot

from app.logic.filter_mode import FilterMode
from app.logic.frame_column import FrameColumn
from app.logic.scan_run import RunState
from app.window.desktop import Desktop
from core.capture.records import Direction
from core.protocol.events import Caused, Completes, Decided, FrameReceived, FrameSent, Origin, Ruled
from core.protocol.frames import Opcode, make_frame
from core.protocol.handling import DecidedBy, Fate, Handling
from core.rules.verdict import Onward
from tests.tools.at_window import Connect
from tests.tools.recorded import CaptureMaker
from tests.tools.ruled import COMPILER, action, rule


def flags(desktop: Desktop, row: int) -> str:
    model = desktop.window.frame_model
    return str(model.data(model.index(row, FrameColumn.FLAGS)))


def test_a_decision_shows_in_rows_details_and_filter(desktop: Desktop, client: Connect, qtbot: QtBot) -> None:
    window, engine = desktop.window, desktop.engine
    engine.set_rules(COMPILER.book([rule(action("hold"), filter='payload == "halt"', name="Stop")]))
    peer = client("/")
    peer.send("before")
    peer.send("halt")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 2)
    qtbot.waitUntil(lambda: "held" in flags(desktop, 1))
    window.frames.go_to_frame(2)
    handling = window.tabs.message.handling
    qtbot.waitUntil(lambda: handling.label.text() == "It is held and has not gone on. Rule: Stop.")
    window.filtering.apply("fate == dropped")
    filtering = window.filtering
    qtbot.waitUntil(
        lambda: filtering.found is not None and filtering.found.progress.state is RunState.COMPLETE
    )
    assert window.frame_model.rowCount() == 0
    qtbot.waitUntil(lambda: engine.held.total == 1)
    engine.decide(engine.held.lines, Onward.DROP)
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 1)
    assert "dropped" in flags(desktop, 0)
    assert "held " in flags(desktop, 0)
    window.frames.go_to_frame(2)
    qtbot.waitUntil(lambda: "then dropped by you" in handling.label.text())


def test_what_is_selected_stays_so_when_a_filter_asks_anew(
    desktop: Desktop, client: Connect, qtbot: QtBot
) -> None:
    window, engine = desktop.window, desktop.engine
    engine.set_rules(COMPILER.book([rule(action("hold"), filter='payload == "halt"', name="Stop")]))
    peer = client("/")
    for payload in ("one", "two", "halt"):
        peer.send(payload)
    window.filtering.apply("fate != dropped")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 3)
    window.frames.go_to_frame(2)
    qtbot.waitUntil(lambda: engine.held.total == 1)
    engine.decide(engine.held.lines, Onward.DROP)
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 2)
    assert window.frames.current_frame == 2


@pytest.fixture
def edited(desktop: Desktop, maker: CaptureMaker, qtbot: QtBot) -> Desktop:
    """An old capture: frame 1 became frame 2, in two connections' lists."""
    peer, other = maker.peer("/one"), maker.peer("/two")
    came = FrameReceived(make_frame(Opcode.TEXT, b"came"), (), Completes.ITSELF)
    went = FrameSent(make_frame(Opcode.TEXT, b"went"), Origin.EDITED, Completes.ITSELF)
    peer.tell([Ruled(came, Handling(Fate.HELD), 1)])
    peer.tell([Caused(went, 1)], Direction.SERVER_TO_CLIENT)
    peer.tell([Decided(1, Handling(Fate.REPLACED, DecidedBy.PERSON, 5))])
    other.say("other")
    with closing(maker.reader()):
        assert desktop.window.commands.open(maker.path)
    qtbot.waitUntil(lambda: desktop.window.frame_model.rowCount() == 3)
    return desktop


def test_from_one_end_of_an_edit_to_the_other(edited: Desktop, qtbot: QtBot) -> None:
    window = edited.window
    view = window.tabs.message
    window.frames.go_to_frame(1)
    qtbot.waitUntil(lambda: view.differences.text.toPlainText() == "− came\n+ went")
    for here, there in ((1, 2), (2, 1)):
        assert window.frames.current_frame == here
        assert view.handling.links[0].text() == f"Go to frame {there}"
        QTest.mouseClick(view.handling.links[0], Qt.MouseButton.LeftButton)
        qtbot.waitUntil(lambda: window.frames.current_frame == there)  # noqa: B023
        qtbot.waitUntil(lambda: view.handling.links[0].text() == f"Go to frame {here}")  # noqa: B023
        assert view.differences.text.toPlainText() == "− came\n+ went"


def test_the_other_end_may_be_hidden(edited: Desktop, qtbot: QtBot) -> None:
    window = edited.window
    window.filtering.set_mode(FilterMode.HIDE)
    window.filtering.apply("fate == replaced")
    qtbot.waitUntil(lambda: window.frame_model.rowCount() == 1)
    window.frames.go_to_frame(1)
    view = window.tabs.message
    qtbot.waitUntil(view.handling.isVisible)
    QTest.mouseClick(view.handling.links[0], Qt.MouseButton.LeftButton)
    assert "Frame 2 is not in the list" in window.banner.text
    assert window.frames.current_frame == 1
