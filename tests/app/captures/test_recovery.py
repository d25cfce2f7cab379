"""What earlier runs left unsaved, and the list of recent captures, with the real engine below."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QMessageBox
from pytestqt.qtbot import QtBot

from app.actions.registry import ActionId
from app.dialogs.captures_dialog import CapturesDialog
from app.dialogs.recovery_dialog import RecoveryDialog
from app.logic.known_captures import CaptureStanding, KnownCapture
from app.settings import Settings
from app.window.desktop import Desktop
from core.capture.records import View
from core.capture.session_files import CaptureFolder
from tests.tools.at_window import frames_in, press
from tests.tools.recorded import CaptureMaker


def left_behind(captures: CaptureFolder, day: int = 31, frames: int = 9) -> Path:
    """A capture as a run leaves it that was killed."""
    captures.folder.mkdir(parents=True, exist_ok=True)
    path = captures.folder / f"unsaved_2026-01-{day}_12-00-00.unmask"
    with CaptureMaker(path) as maker:
        maker.peer().flood(frames)
        maker.recorder.flush()
    return path


def recovery(desktop: Desktop) -> RecoveryDialog:
    return next(box for box in desktop.window.findChildren(RecoveryDialog) if box.isVisible())


def test_recovery_opens(desktop: Desktop, captures: CaptureFolder) -> None:
    path = left_behind(captures)
    assert desktop.window.recovery.offer() == 1
    press(recovery(desktop), "&Open")
    assert desktop.window.frame_model.rowCount() == 9
    assert "not saved" in desktop.window.banner.text
    assert path.exists()


def test_recovery_discards(desktop: Desktop, captures: CaptureFolder) -> None:
    path = left_behind(captures)
    desktop.window.recovery.offer()
    press(recovery(desktop), "&Discard")
    assert not path.exists()


def test_recovery_saves(
    desktop: Desktop,
    captures: CaptureFolder,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    qtbot: QtBot,
) -> None:
    path, target = left_behind(captures), tmp_path / "rescued.unmask"
    monkeypatch.setattr(desktop.window.commands, "ask_name", lambda _proposed: target)
    desktop.window.recovery.offer()
    press(recovery(desktop), "&Save as…")
    qtbot.waitUntil(lambda: desktop.desk.name == target.name)
    assert not list(path.parent.glob(f"{path.name}*"))
    assert frames_in(target) == 9
    reader = desktop.desk.reader
    assert reader is not None
    assert reader.count(View()) == 9


def test_recovery_never_writes_over_a_capture_in_use(
    desktop: Desktop, captures: CaptureFolder, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    path, live = left_behind(captures), desktop.desk.live_path
    for target in (path, live):
        monkeypatch.setattr(desktop.window.commands, "ask_name", lambda _proposed, target=target: target)
        with qtbot.waitSignal(desktop.window.recovery.problem) as said:
            desktop.window.recovery.save(path)
        assert f"{target} is" in said.args[0]
    assert (frames_in(path), frames_in(live)) == (9, 0)


def test_recovery_later(desktop: Desktop, captures: CaptureFolder) -> None:
    path = left_behind(captures)
    desktop.window.recovery.offer()
    press(recovery(desktop), "&Later")
    assert path.exists()
    assert desktop.desk.shows_live


# The list.


def listed(desktop: Desktop, qtbot: QtBot) -> CapturesDialog:
    """The list that is open, once it says what there is."""
    dialog = next(each for each in desktop.window.findChildren(CapturesDialog) if each.isVisible())
    qtbot.waitUntil(lambda: dialog.rows.empty_text != "Looking…")
    return dialog


def rows(dialog: CapturesDialog) -> list[tuple[str, CaptureStanding, int]]:
    model = dialog._model
    known = [model.capture(row) for row in range(model.rowCount())]
    return [(each.path.name, each.standing, each.holdings.frames) for each in known if each is not None]


def is_not_listed(dialog: CapturesDialog, path: Path) -> bool:
    return path.name not in [name for name, _, _ in rows(dialog)]


def choose(dialog: CapturesDialog, path: Path) -> KnownCapture:
    row = [name for name, _, _ in rows(dialog)].index(path.name)
    dialog.rows.selectRow(row)
    assert dialog.chosen is not None
    return dialog.chosen


def test_several_that_were_left_behind_are_listed_and_later_leaves_them_in_the_list(
    desktop: Desktop, captures: CaptureFolder, qtbot: QtBot
) -> None:
    paths = [left_behind(captures, day, day) for day in (11, 12, 13)]
    assert desktop.window.recovery.offer() == 3
    dialog = listed(desktop, qtbot)
    assert sorted(rows(dialog)) == [
        (path.name, CaptureStanding.BROKEN_OFF, int(path.name[16:18])) for path in paths
    ]
    assert dialog._intro.text().startswith("3 captures of earlier runs are not saved")
    dialog.reject()
    desktop.window.actions_[ActionId.CAPTURES].trigger()
    assert len(rows(listed(desktop, qtbot))) == 3


def test_one_after_the_other_is_opened_saved_and_discarded(
    desktop: Desktop, captures: CaptureFolder, tmp_path: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = (left_behind(captures, day, day) for day in (11, 12, 13))
    desktop.window.recovery.offer()
    dialog = listed(desktop, qtbot)
    choose(dialog, first)
    QTest.keyClick(dialog.rows, Qt.Key.Key_Return)
    assert not dialog.isVisible()
    assert desktop.desk.name == first.name
    assert "not saved yet" in desktop.window.banner.text
    target = tmp_path / "kept.unmask"
    monkeypatch.setattr(desktop.window.commands, "ask_name", lambda _proposed: target)
    desktop.window.recovery.show_list()
    dialog = listed(desktop, qtbot)
    assert len(rows(dialog)) == 3, "what is looked at is still not saved"
    choose(dialog, second)
    press(dialog, "&Save as…")
    qtbot.waitUntil(lambda: desktop.desk.name == target.name)
    assert (frames_in(target), second.exists()) == (12, False)
    desktop.window.recovery.show_list()
    dialog = listed(desktop, qtbot)
    assert [name for name, _, _ in rows(dialog)][2:] == [target.name]
    for path in (third, first):
        choose(dialog, path)
        QTest.keyClick(dialog.rows, Qt.Key.Key_Delete)
        [box] = [each for each in dialog.findChildren(QMessageBox) if each.isVisible()]
        assert f"with {path.name[16:18]} frames?" in box.text()
        assert path.exists()
        press(box, "&Discard")
        assert not path.exists()
        qtbot.waitUntil(partial(is_not_listed, dialog, path))
    assert [standing for _, standing, _ in rows(dialog)] == [CaptureStanding.SAVED]


def test_to_think_better_of_discarding_keeps_it(
    desktop: Desktop, captures: CaptureFolder, qtbot: QtBot
) -> None:
    path = left_behind(captures)
    desktop.window.recovery.show_list()
    dialog = listed(desktop, qtbot)
    press(dialog, "&Discard…")
    [box] = [each for each in dialog.findChildren(QMessageBox) if each.isVisible()]
    box.reject()
    assert path.exists()
    claimed = CaptureFolder(captures.folder).claim(path)
    assert claimed is not None, "another run may have it"
    claimed.release()


def test_one_that_is_discarded_while_it_is_shown_gives_way_to_the_live_one(
    desktop: Desktop, captures: CaptureFolder, qtbot: QtBot
) -> None:
    path = left_behind(captures)
    desktop.window.recovery.offer()
    press(recovery(desktop), "&Open")
    assert not desktop.desk.shows_live
    desktop.window.recovery.show_list()
    dialog = listed(desktop, qtbot)
    press(dialog, "&Discard…")
    press(next(each for each in dialog.findChildren(QMessageBox) if each.isVisible()), "&Discard")
    assert desktop.desk.shows_live
    assert not path.exists()


def test_what_is_gone_or_taken_meanwhile_is_said(
    desktop: Desktop, captures: CaptureFolder, qtbot: QtBot
) -> None:
    taken, gone = left_behind(captures, 11), left_behind(captures, 12)
    desktop.window.recovery.offer()
    dialog = listed(desktop, qtbot)
    claimed = CaptureFolder(captures.folder).claim(taken)
    assert claimed is not None
    gone.unlink()
    for path in (taken, gone):
        choose(dialog, path)
        with qtbot.waitSignal(desktop.window.recovery.problem) as said:
            press(dialog, "&Open")
        assert said.args == ["That capture is gone, or another Unmask has it now."]
    qtbot.waitUntil(lambda: rows(dialog) == [])
    assert desktop.desk.shows_live
    claimed.release()


def test_recent_captures_are_listed_with_what_is_in_them(
    desktop: Desktop, settings: Settings, maker: CaptureMaker, tmp_path: Path, qtbot: QtBot
) -> None:
    maker.peer().flood(7)
    maker.reader().close()
    assert desktop.window.commands.open(maker.path)
    saved, removed, notes = tmp_path / "live.unmask", tmp_path / "removed.unmask", tmp_path / "notes.unmask"
    with qtbot.waitSignal(desktop.engine.capture_moved):
        desktop.window.commands.save(saved)
    settings.add_recent_capture(str(removed))
    notes.write_text("no capture")
    settings.add_recent_capture(str(notes))
    desktop.window.recovery.show_list()
    dialog = listed(desktop, qtbot)
    assert rows(dialog) == [
        ("notes.unmask", CaptureStanding.UNREADABLE, 0),
        ("removed.unmask", CaptureStanding.GONE, 0),
        ("live.unmask", CaptureStanding.RECORDING, 0),
        ("made.unmask", CaptureStanding.SAVED, 7),
    ]
    choose(dialog, removed)
    assert (dialog.look.isEnabled(), dialog.save.isVisible(), dialog.discard.isVisible()) == (
        False,
        False,
        False,
    )
    QTest.keyClick(dialog.rows, Qt.Key.Key_Return)
    assert dialog.isVisible()
    QTest.keyClick(dialog.rows, Qt.Key.Key_Delete)
    qtbot.waitUntil(lambda: len(rows(dialog)) == 3)
    assert str(removed) not in Settings.at(tmp_path / "settings.ini").recent_captures
    assert maker.path.exists()
    choose(dialog, saved)
    press(dialog, "&Open")
    assert desktop.desk.shows_live
    assert not dialog.isVisible()


def test_an_unsaved_capture_is_no_recent_one(
    desktop: Desktop, settings: Settings, captures: CaptureFolder
) -> None:
    left_behind(captures)
    desktop.window.recovery.offer()
    press(recovery(desktop), "&Open")
    assert settings.recent_captures == ()


def test_the_names_of_files_are_plain_text(
    desktop: Desktop, settings: Settings, tmp_path: Path, qtbot: QtBot
) -> None:
    settings.add_recent_capture(str(tmp_path / "<b>\u202egnp.unmask"))
    desktop.window.recovery.show_list()
    dialog = listed(desktop, qtbot)
    index = dialog._model.index(0)
    assert index.data() == "<b>\\u202egnp.unmask"
    assert "&lt;b&gt;" in index.data(Qt.ItemDataRole.ToolTipRole)


def test_without_any_the_list_says_so(desktop: Desktop, qtbot: QtBot) -> None:
    desktop.window.recovery.show_list()
    dialog = listed(desktop, qtbot)
    assert dialog.rows.empty_text.startswith("There are none yet")
    assert not dialog.look.isEnabled()
