"""The window over a capture that keeps only its newest frames."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from PySide6.QtWidgets import QApplication, QPushButton
from pytestqt.qtbot import QtBot

from app.actions.registry import ActionId
from app.dialogs.note_dialog import NoteDialog
from app.dialogs.settings_dialog import SettingsDialog
from app.logic.filter_mode import FilterMode
from app.settings import Settings
from app.window.desktop import Desktop
from core.capture.ring import Keep
from core.capture.session_files import CaptureFolder
from core.net.settings import EngineSettings
from core.protocol.frames import Opcode, make_frame
from tests.tools.qt import dispose
from tests.tools.raw_peer import RawPeer


def keeping(frames: int, engine: EngineSettings) -> EngineSettings:
    return replace(engine, keep=Keep(frames=frames))


@pytest.fixture
def ring(qapp: QApplication, qtbot: QtBot, settings: Settings, captures: CaptureFolder) -> Iterator[Desktop]:
    """Keeps five frames, as an option of the command line has it do."""
    desktop = Desktop(qapp, settings, captures, adjust=lambda engine: keeping(5, engine))
    desktop.window.show()
    qtbot.waitExposed(desktop.window)
    yield desktop
    desktop.close()
    dispose(desktop.window)


@pytest.fixture
def peer(ring: Desktop, qtbot: QtBot) -> Iterator[RawPeer]:
    with qtbot.waitSignal(ring.engine.listening):
        ring.window.listening.start()
    with RawPeer(int(ring.window.listening.addresses[0].rpartition(":")[2])) as peer:
        peer.open()
        yield peer


def say(desktop: Desktop, peer: RawPeer, qtbot: QtBot, *texts: str) -> None:
    """Each in a block of its own, and in the list."""
    for text in texts:
        wanted = desktop.window.connection_model.totals.frames + 1
        peer.frame(Opcode.TEXT, text.encode())
        qtbot.waitUntil(partial(has_come, desktop, wanted))


def has_come(desktop: Desktop, frames: int) -> bool:
    return desktop.window.connection_model.totals.frames >= frames


def kept(desktop: Desktop) -> list[int | None]:
    model = desktop.window.frame_model
    return [model.frame_id(row) for row in range(model.rowCount())]


def test_what_is_dropped_is_counted_in_the_list_and_below(ring: Desktop, peer: RawPeer, qtbot: QtBot) -> None:
    say(ring, peer, qtbot, *"abcdefgh")
    qtbot.waitUntil(lambda: kept(ring) == [None, 4, 5, 6, 7, 8])
    assert ring.window.frames.following
    qtbot.waitUntil(lambda: ring.window.status._frames.text() == "8 frames, 5 kept")
    record = ring.window.connection_model.line(1)
    assert record is not None
    assert record.record.frame_count == 8


def test_hits_are_counted_among_those_that_are_kept(ring: Desktop, peer: RawPeer, qtbot: QtBot) -> None:
    window = ring.window
    window.filtering.set_mode(FilterMode.MARK)
    window.filtering.apply("hit")
    say(ring, peer, qtbot, *(f"hit {number}" for number in range(8)))
    qtbot.waitUntil(lambda: kept(ring) == [None, 4, 5, 6, 7, 8])
    window.frames.go_to_frame(8)
    qtbot.waitUntil(lambda: window.filter_bar.status.text() == "hit 5 of 5")


def test_a_connection_whose_frames_are_gone_has_no_hits(ring: Desktop, peer: RawPeer, qtbot: QtBot) -> None:
    window = ring.window
    window.filtering.set_mode(FilterMode.MARK)
    window.filtering.apply("hit")
    say(ring, peer, qtbot, "hit 1", "hit 2")
    window.connections.choose(1)
    qtbot.waitUntil(lambda: window.filter_bar.status.text() == "2 hits")
    with RawPeer(peer.port) as other:
        other.open()
        say(ring, other, qtbot, *"abcdef")
        qtbot.waitUntil(lambda: kept(ring) == [None])
        qtbot.waitUntil(lambda: window.filter_bar.status.text() == "0 hits")


def test_the_frame_that_is_read_goes_when_it_is_dropped(ring: Desktop, peer: RawPeer, qtbot: QtBot) -> None:
    say(ring, peer, qtbot, "a", "b")
    window = ring.window
    window.frames.go_to_frame(1)
    qtbot.waitUntil(lambda: window.tabs._frame is not None)
    say(ring, peer, qtbot, *"cdefgh")
    qtbot.waitUntil(lambda: kept(ring) == [None, 4, 5, 6, 7, 8])
    assert window.frames.current_frame is None
    assert not window.frames.following
    qtbot.waitUntil(lambda: window.tabs._frame is None)
    assert window.banner.text == "Frame 1 is gone: the capture keeps only the newest frames."


def test_the_note_on_a_frame_that_goes_meanwhile_is_not_lost(
    ring: Desktop, peer: RawPeer, qtbot: QtBot
) -> None:
    say(ring, peer, qtbot, "a", "b")
    window = ring.window
    window.frames.go_to_frame(1)
    window.actions_[ActionId.EDIT_NOTE].trigger()
    [dialog] = window.findChildren(NoteDialog)
    dialog.edit.setPlainText("long thought about")
    say(ring, peer, qtbot, *"cdefgh")
    qtbot.waitUntil(lambda: kept(ring) == [None, 4, 5, 6, 7, 8])
    dialog.accept()
    assert window.banner.text == "Frame 1 is gone, and no note can be kept on it."
    [button] = [each for each in window.banner.findChildren(QPushButton) if each.text() == "&Copy the note"]
    button.click()
    assert QApplication.clipboard().text() == "long thought about"


def test_the_settings_change_what_is_kept_at_once(ring: Desktop, peer: RawPeer, qtbot: QtBot) -> None:
    say(ring, peer, qtbot, *"abcd")
    qtbot.waitUntil(lambda: kept(ring) == [1, 2, 3, 4])
    ring.window.actions_[ActionId.SETTINGS].trigger()
    [dialog] = ring.window.findChildren(SettingsDialog)
    assert dialog._keep.text() == "5 frames"
    dialog._keep.setText("2 frames")
    dialog.accept()
    qtbot.waitUntil(lambda: kept(ring) == [None, 3, 4])


def test_a_problem_whose_frame_is_gone_is_said_to_be(ring: Desktop, peer: RawPeer, qtbot: QtBot) -> None:
    window = ring.window
    window.actions_[ActionId.TOLERANT].setChecked(True)
    with RawPeer(peer.port) as other:
        other.open()
        other.send(make_frame(Opcode.TEXT, b"naked").wire())
        qtbot.waitUntil(lambda: window.connection_model.totals.violations > 0)
        say(ring, other, qtbot, *"abcdef")
        qtbot.waitUntil(lambda: window.frame_model.gap_at(0) is not None)
        window.sides.show_page(window.problems)
        qtbot.waitUntil(lambda: window.problem_model.rowCount() > 0)
        problem = window.problem_model.problem(0)
        assert problem is not None
        assert "frame 1, which was dropped" in window.problem_model.place(problem)
        window.selection.go_to_problem(problem)
        assert window.banner.text.startswith("Frame 1 is not in the list")
