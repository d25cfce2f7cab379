from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton
from pytestqt.qtbot import QtBot

from app.logic.capture_state import CaptureState
from app.look.look import Look
from app.models.connections import ConnectionModel
from app.views.bars.banner import Banner, Tone
from app.views.bars.status_bar import StatusBar
from app.views.sides.connection_list import ConnectionList
from core.capture.records import Totals
from tests.tools.qt import dispose
from tests.tools.recorded import CaptureMaker


@pytest.fixture
def banner(look: Look) -> Iterator[Banner]:
    banner = Banner(look)
    yield banner
    dispose(banner)


@pytest.fixture
def connections(qapp: QApplication, look: Look, qtbot: QtBot) -> Iterator[ConnectionList]:
    model = ConnectionModel(qapp)
    view = ConnectionList(model, look)
    view.resize(240, 400)
    view.show()
    qtbot.waitExposed(view)
    yield view
    model.set_reader(None)
    dispose(view)
    dispose(model)


def all_text(widget: StatusBar) -> str:
    return " | ".join(label.text() for label in widget.findChildren(QLabel) if label.isVisibleTo(widget))


def test_a_banner_shows_plain_text_and_goes_away(banner: Banner) -> None:
    assert banner.text == ""
    banner.say(Tone.ERROR, "<b>Port 8080</b> is in use.")
    assert banner.text == "<b>Port 8080</b> is in use."
    assert all(
        label.textFormat() is Qt.TextFormat.PlainText for label in banner.findChildren(QLabel) if label.text()
    )
    banner.dismiss()
    assert banner.text == ""


def test_a_new_message_replaces_the_one_before(banner: Banner) -> None:
    banner.say(Tone.NOTE, "first", QPushButton("Do it"))
    banner.say(Tone.WARNING, "second")
    assert banner.text == "second"
    assert [button for button in banner.findChildren(QPushButton) if button.isVisibleTo(banner)] == []


def test_the_status_bar_counts(look: Look) -> None:
    now = [100.0]
    bar = StatusBar(look, clock=lambda: now[0])
    assert "Not listening" in all_text(bar)
    bar.set_listening(("127.0.0.1:8080", "[::1]:8080"))
    bar.set_totals(Totals(1, 0, 0, 0, 0, 1, 1), 1)
    now[0] += 1
    bar.set_totals(Totals(3, 12_345, 5, 12_000_000, 0, 9, 1), 3)
    shown = all_text(bar).replace("\u202f", " ")
    assert "Listening on ws://127.0.0.1:8080, ws://[::1]:8080" in shown
    assert "3 open | 12 345 frames | 12 345/s | 12.0 MB" in shown
    bar.set_totals(Totals(3, 12_345, 5, 12_000_000, 0, 9, 1, 0, dropped_frames=2_345), 3)
    assert "12 345 frames, 10 000 kept |" in all_text(bar).replace("\u202f", " ")
    now[0] += 10
    bar.set_totals(Totals(3, 12_345, 5, 12_000_000, 0, 9, 1), 3)
    now[0] += 1
    bar.set_totals(Totals(3, 12_345, 5, 12_000_000, 0, 9, 1), 3)
    assert " 0/s" in all_text(bar)
    dispose(bar)


def test_the_rate_after_a_pause_counts_from_before_it(look: Look) -> None:
    now = [100.0]
    bar = StatusBar(look, clock=lambda: now[0])
    for at, frames in ((100.0, 0), (110.0, 0), (110.1, 1000)):
        now[0] = at
        bar.set_totals(Totals(1, frames, 0, 0, 0, 1, 1), 1)
    assert " 99/s" in all_text(bar)
    now[0] = 113.0
    bar.set_totals(Totals(1, 1000, 0, 0, 0, 1, 1), 1)
    assert " 0/s" in all_text(bar)
    dispose(bar)


def test_the_status_bar_tells_what_is_unusual(look: Look) -> None:
    bar = StatusBar(look)
    for words in ("hidden", "Frozen", "Recording is stopped"):
        assert words not in all_text(bar)
    bar.set_hidden(12)
    bar.set_frozen(True, 3)
    bar.set_recording(False)
    bar.set_capture(CaptureState.SAVED, "a.unmask")
    shown = all_text(bar)
    assert "12 control frames hidden | Frozen, 3 newer | Recording is stopped | Saved in a.unmask" in shown
    dispose(bar)


def test_the_chosen_connection_stays_chosen(
    connections: ConnectionList, maker: CaptureMaker, qtbot: QtBot
) -> None:
    model = connections.model()
    assert isinstance(model, ConnectionModel)
    maker.peer("/one")
    second = maker.peer("/two")
    model.set_reader(maker.reader())
    assert connections.chosen_connection is None
    with qtbot.waitSignal(connections.chosen) as chosen:
        connections.choose(second.id)
    assert chosen.args == [second.id]
    maker.peer("/three")
    maker.recorder.flush()
    with qtbot.assertNotEmitted(connections.chosen):
        model.refresh()
    assert connections.chosen_connection == second.id
    QTest.keyClick(connections, Qt.Key.Key_Home)
    assert connections.chosen_connection is None


def test_every_state_is_painted(connections: ConnectionList, maker: CaptureMaker) -> None:
    model = connections.model()
    assert isinstance(model, ConnectionModel)
    before = connections.grab().toImage()
    maker.peer("/open")
    maker.peer("/lost").vanish()
    maker.peer("/bad").receive(b"\x83\x01x")
    model.set_reader(maker.reader())
    assert connections.grab().toImage() != before
