"""Exports from the window: what is offered, what is remembered, and what is then in the file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QComboBox, QFileDialog, QLabel, QRadioButton
from pytestqt.qtbot import QtBot

from app.actions.registry import ActionId
from app.dialogs.export_dialog import ExportDialog, Offer
from app.logic.exporting import Scope
from app.logic.filter_mode import FilterMode
from app.window.desktop import Desktop
from core.capture.follow import Entry
from core.capture.reader import CaptureReader
from core.capture.records import FrameRecord
from core.formats.jsonl import JsonLines
from core.formats.registry import Formats
from core.protocol.frames import Opcode
from tests.tools.recorded import CaptureMaker


@pytest.fixture
def shown(desktop: Desktop, maker: CaptureMaker, qtbot: QtBot) -> Desktop:
    """An old capture of two connections: their frames are 1, 2, 4 and 3, 5, 6."""
    one, other = maker.peer("/one?a=1&b"), maker.peer("/<b>other</b>")
    one.say("apple")
    one.frame(Opcode.PONG)
    other.say("pear")
    one.say("plum")
    other.say("apple pie")
    other.say("nut")
    with closing(maker.reader()):
        assert desktop.window.commands.open(maker.path)
    qtbot.waitUntil(lambda: desktop.window.frame_model.rowCount() == 6)
    return desktop


def asked(desktop: Desktop) -> ExportDialog:
    desktop.window.actions_[ActionId.EXPORT].trigger()
    return next(each for each in desktop.window.findChildren(ExportDialog) if each.isVisible())


def offers(dialog: ExportDialog) -> dict[Scope, Offer]:
    return {each.scope: each for each in dialog._offers}


def filtered(desktop: Desktop, text: str, mode: FilterMode, hits: int, qtbot: QtBot) -> None:
    filtering = desktop.window.filtering
    filtering.set_mode(mode)
    filtering.apply(text)
    qtbot.waitUntil(lambda: filtering.found is not None and len(filtering.found) == hits)
    qtbot.waitUntil(lambda: desktop.window.filter_bar.halt.isHidden())


def select(desktop: Desktop, *rows: int) -> None:
    table = desktop.window.frames
    for row in rows:
        place = table.visualRect(table.model().index(row, 0)).center()
        QTest.mouseClick(
            table.viewport(), Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ControlModifier, pos=place
        )


def exported(
    desktop: Desktop, dialog: ExportDialog, target: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> list[dict[str, Any]]:
    """What is in the file when the dialog was agreed to."""
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(target), ""))
    with qtbot.waitSignal(desktop.window.exports.done):
        dialog.accept()
    return list(map(json.loads, target.read_text().splitlines()))


def frames(told: list[dict[str, Any]]) -> list[int]:
    return [line["frame"] for line in told if line["event"] == "frame"]


def handshakes(told: list[dict[str, Any]]) -> list[int]:
    return [line["connection"] for line in told if line["event"] == "handshake"]


def test_where_nothing_is_narrowed_everything_is_proposed(shown: Desktop) -> None:
    dialog = asked(shown)
    assert list(offers(dialog)) == [Scope.EVERYTHING]
    assert (dialog.offer.amount, dialog.offer.detail) == ("6 frames", "2 connections")


def test_the_connection_that_is_looked_at_alone(
    shown: Desktop, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown.window.connections.choose(2)
    dialog = asked(shown)
    assert (dialog.offer.scope, dialog.offer.title, dialog.offer.amount) == (
        Scope.CONNECTION, "&Connection #2", "3 frames",
    )  # fmt: skip
    assert "/<b>other</b>" in [label.text() for label in dialog.findChildren(QLabel)]
    told = exported(shown, dialog, tmp_path / "a.jsonl", qtbot, monkeypatch)
    assert (frames(told), handshakes(told)) == ([3, 5, 6], [2])


def test_control_frames_of_the_connection_are_there_though_they_are_hidden(
    shown: Desktop, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown.window.connections.choose(1)
    shown.window.actions_[ActionId.SHOW_CONTROL].setChecked(False)
    dialog = asked(shown)
    assert dialog.offer.amount == "3 frames"
    assert frames(exported(shown, dialog, tmp_path / "a.jsonl", qtbot, monkeypatch)) == [1, 2, 4]


@pytest.mark.parametrize("mode", FilterMode)
def test_the_frames_that_match(
    shown: Desktop, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch, mode: FilterMode
) -> None:
    filtered(shown, "apple", mode, 2, qtbot)
    dialog = asked(shown)
    assert (dialog.offer.scope, dialog.offer.amount, dialog.offer.detail) == (
        Scope.MATCHING, "2 frames", "apple",
    )  # fmt: skip
    told = exported(shown, dialog, tmp_path / "a.jsonl", qtbot, monkeypatch)
    assert (frames(told), handshakes(told)) == ([1, 5], [1, 2])
    shown.window.connections.choose(2)
    qtbot.waitUntil(lambda: len(shown.window.filtering.found or ()) == 1)
    dialog = asked(shown)
    assert dialog.offer.detail == "apple · connection #2"
    told = exported(shown, dialog, tmp_path / "b.jsonl", qtbot, monkeypatch)
    assert (frames(told), handshakes(told)) == ([5], [2])


@pytest.mark.parametrize(
    ("rows", "ids", "connections"), [((0, 1), [1, 2], [1]), ((1, 2, 4, 5), [2, 3, 5, 6], [1, 2])]
)
def test_the_selected_frames(
    shown: Desktop,
    tmp_path: Path,
    qtbot: QtBot,
    monkeypatch: pytest.MonkeyPatch,
    rows: tuple[int, ...],
    ids: list[int],
    connections: list[int],
) -> None:
    select(shown, *rows)
    dialog = asked(shown)
    assert (dialog.offer.scope, dialog.offer.amount) == (Scope.SELECTED, f"{len(ids)} frames")
    told = exported(shown, dialog, tmp_path / "a.jsonl", qtbot, monkeypatch)
    assert (frames(told), handshakes(told)) == (ids, connections)


def test_what_is_hidden_between_selected_frames_is_not_selected(
    shown: Desktop, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    filtered(shown, "apple or nut", FilterMode.HIDE, 3, qtbot)
    qtbot.waitUntil(lambda: shown.window.frame_model.rowCount() == 3)
    shown.window.frames.selectAll()
    dialog = asked(shown)
    assert dialog.offer.scope is Scope.SELECTED
    assert frames(exported(shown, dialog, tmp_path / "a.jsonl", qtbot, monkeypatch)) == [1, 5, 6]
    shown.window.filtering.clear()
    shown.window.connections.choose(1)
    shown.window.actions_[ActionId.SHOW_CONTROL].setChecked(False)
    shown.window.frames.selectAll()
    told = exported(shown, asked(shown), tmp_path / "b.jsonl", qtbot, monkeypatch)
    assert (frames(told), handshakes(told)) == ([1, 4], [1])


def test_a_single_selected_frame_is_offered_and_not_proposed(shown: Desktop, qtbot: QtBot) -> None:
    select(shown, 1)
    qtbot.waitUntil(lambda: shown.window.selection.connection is not None)
    dialog = asked(shown)
    assert list(offers(dialog)) == [Scope.SELECTED, Scope.CONNECTION, Scope.EVERYTHING]
    assert dialog.offer.scope is Scope.EVERYTHING


def test_the_choice_is_remembered_for_the_same_situation(
    shown: Desktop, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown.window.connections.choose(2)
    dialog = asked(shown)
    qtbot.waitUntil(lambda: isinstance(QApplication.focusWidget(), QRadioButton))
    QTest.keyClick(dialog.focusWidget() or dialog, Qt.Key.Key_Down)
    assert dialog.offer.scope is Scope.EVERYTHING
    exported(shown, dialog, tmp_path / "a.jsonl", qtbot, monkeypatch)
    assert asked(shown).offer.scope is Scope.EVERYTHING
    dismissed(shown)
    filtered(shown, "apple", FilterMode.HIDE, 1, qtbot)
    assert asked(shown).offer.scope is Scope.MATCHING, "what was chosen without a filter says nothing"


def dismissed(desktop: Desktop) -> None:
    for dialog in desktop.window.findChildren(ExportDialog):
        dialog.reject()


class Lengths:
    """How long each frame's payload is, a line each."""

    name = "lengths"
    title = "Lengths"
    ending = ".txt"
    help = "The length of each payload."

    def export(self, story: Iterable[Entry]) -> Iterator[bytes]:
        for entry in story:
            if isinstance(entry, FrameRecord):
                yield b"%d\n" % len(entry.frame.payload)


def test_every_format_of_the_registry_is_offered_and_the_last_one_remembered(
    shown: Desktop, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shown.window.exports, "_formats", Formats((JsonLines(), Lengths())))
    dialog = asked(shown)
    [formats] = dialog.findChildren(QComboBox)
    assert [formats.itemText(at) for at in range(formats.count())] == [
        "JSON Lines (*.jsonl)", "Lengths (*.txt)",
    ]  # fmt: skip
    formats.setCurrentIndex(1)
    assert "The length of each payload." in [label.text() for label in dialog.findChildren(QLabel)]
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: (str(tmp_path / "a.txt"), ""))
    with qtbot.waitSignal(shown.window.exports.done):
        dialog.accept()
    assert (tmp_path / "a.txt").read_text().split() == ["5", "0", "4", "4", "9", "3"]
    assert asked(shown).wanted.name == "lengths"


def test_a_proposed_name_says_what_it_is(shown: Desktop, monkeypatch: pytest.MonkeyPatch) -> None:
    proposed: list[str] = []

    def changed_my_mind(*words: str) -> tuple[str, str]:
        proposed.append(words[2])
        return "", ""

    monkeypatch.setattr(QFileDialog, "getSaveFileName", changed_my_mind)
    shown.window.connections.choose(2)
    asked(shown).accept()
    assert [Path(each).name for each in proposed] == ["connection-2.jsonl"]


# The file.


@pytest.fixture
def three_texts(desktop: Desktop, maker: CaptureMaker) -> Path:
    peer = maker.peer()
    for text in ("one", "two", "three"):
        peer.say(text)
    with closing(maker.reader()):
        assert desktop.window.commands.open(maker.path)
    return maker.path


@pytest.mark.usefixtures("three_texts")
def test_the_file_holds_it_or_a_sentence_says_why_not(desktop: Desktop, tmp_path: Path, qtbot: QtBot) -> None:
    path = tmp_path / "frames.jsonl"
    with qtbot.waitSignal(desktop.window.exports.done):
        desktop.window.exports.export(JsonLines(), path)
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    assert [line["payload"] for line in lines if line["event"] == "message"] == ["one", "two", "three"]
    target = tmp_path / "missing" / "x.jsonl"
    with qtbot.waitSignal(desktop.window.exports.problem) as said:
        desktop.window.exports.export(JsonLines(), target)
    assert said.args == [
        f"The export cannot be written to {target}: No such file or directory. "
        "Choose a folder that exists and that you may write to, with room on its disk."
    ]


def test_an_export_never_takes_the_place_of_a_capture_in_use(
    desktop: Desktop, tmp_path: Path, qtbot: QtBot, maker: CaptureMaker
) -> None:
    commands, exports, mine = desktop.window.commands, desktop.window.exports, tmp_path / "mine.unmask"
    with qtbot.waitSignal(desktop.engine.capture_moved):
        commands.save(mine)
    maker.peer().flood(2)
    maker.recorder.flush()
    for target in (mine, maker.path):
        with qtbot.waitSignal(exports.problem) as said:
            exports.export(JsonLines(), target)
        assert f"{target} is" in said.args[0]
    maker.recorder.close()
    commands.open(maker.path)
    for target in (maker.path, mine):
        with qtbot.waitSignal(exports.problem):
            exports.export(JsonLines(), target)
    with closing(CaptureReader(maker.path)) as reader:
        assert reader.totals().frames == 2
    assert not list(tmp_path.glob("*.part"))
