from __future__ import annotations

import gc
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QPushButton
from pytestqt.qtbot import QtBot

from app.dialogs.crash_dialog import CrashDialog
from app.look.look import Look
from app.runtime.crash import REPORT_CHARS, CrashHandler, CrashReport, make_report
from tests.tools.qt import dispose


@pytest.fixture
def shown() -> list[CrashReport]:
    return []


@pytest.fixture
def handler(
    qapp: QApplication, shown: list[CrashReport], monkeypatch: pytest.MonkeyPatch
) -> Iterator[CrashHandler]:
    """An installed handler over hooks that say nothing."""
    monkeypatch.setattr(sys, "excepthook", lambda *_: None)
    monkeypatch.setattr(threading, "excepthook", lambda _: None)
    monkeypatch.setattr(sys, "unraisablehook", lambda _: None)
    handler = CrashHandler("1.2.3", shown.append, qapp)
    handler.install()
    yield handler
    handler.uninstall()
    dispose(handler)


def raised(error: Exception) -> Exception:
    try:
        raise error
    except Exception as caught:
        return caught


def call_hook(error: Exception) -> None:
    sys.excepthook(type(error), error, error.__traceback__)


def test_an_exception_is_shown(handler: CrashHandler, shown: list[CrashReport], qtbot: QtBot) -> None:
    assert handler.suppressed == 0
    call_hook(raised(ValueError("no\nsuch thing")))
    qtbot.waitUntil(lambda: bool(shown))
    assert shown[0].summary == "ValueError: no such thing"
    assert "test_crash.py" in shown[0].text
    assert "Unmask 1.2.3" in shown[0].text


@pytest.mark.usefixtures("handler")
def test_an_exception_of_a_thread_is_shown_on_the_windows_thread(
    shown: list[CrashReport], qtbot: QtBot
) -> None:
    def fail() -> None:
        raise RuntimeError("in a thread")

    thread = threading.Thread(target=fail, name="a-worker")
    thread.start()
    thread.join()
    assert shown == []
    qtbot.waitUntil(lambda: bool(shown))
    assert "Uncaught on a-worker" in shown[0].text


@pytest.mark.usefixtures("handler")
def test_an_exception_in_a_finaliser_is_shown(shown: list[CrashReport], qtbot: QtBot) -> None:
    class Fails:
        def __del__(self) -> None:
            raise OSError("while it was deleted")

    Fails()
    gc.collect()
    qtbot.waitUntil(lambda: bool(shown))
    assert shown[0].summary == "OSError: while it was deleted"


def test_one_dialog_at_a_time(handler: CrashHandler, shown: list[CrashReport], qtbot: QtBot) -> None:
    for number in range(5):
        call_hook(raised(ValueError(str(number))))
    qtbot.waitUntil(lambda: handler.suppressed == 4)
    assert [report.summary for report in shown] == ["ValueError: 0"]
    handler.shown_was_closed()
    call_hook(raised(ValueError("next")))
    qtbot.waitUntil(lambda: len(shown) == 2)


def test_a_handler_that_fails_does_not_call_itself(
    qapp: QApplication, qtbot: QtBot, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = []

    def show(report: CrashReport) -> None:
        calls.append(report)
        raise RuntimeError("the dialog is broken")

    handler = CrashHandler("0", show, qapp)
    handler.report(ValueError("x"))
    qtbot.waitUntil(lambda: bool(calls))
    assert "the dialog is broken" in capsys.readouterr().err
    handler.report(ValueError("y"))
    qtbot.waitUntil(lambda: len(calls) == 2)
    capsys.readouterr()
    dispose(handler)


@pytest.mark.usefixtures("handler")
def test_ctrl_c_is_no_crash(shown: list[CrashReport], qtbot: QtBot) -> None:
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    call_hook(raised(ValueError("after")))
    qtbot.waitUntil(lambda: bool(shown))
    assert [report.summary for report in shown] == ["ValueError: after"]


def test_the_hooks_are_given_back(qapp: QApplication, shown: list[CrashReport]) -> None:
    before = sys.excepthook, threading.excepthook, sys.unraisablehook
    handler = CrashHandler("0", shown.append, qapp)
    handler.install()
    assert sys.excepthook == handler.handle
    handler.uninstall()
    assert (sys.excepthook, threading.excepthook, sys.unraisablehook) == before
    dispose(handler)


def test_a_report_is_bounded() -> None:
    report = make_report(raised(ValueError("x" * 3 * REPORT_CHARS)), "here", "0")
    assert len(report.text) < REPORT_CHARS + 1000
    assert "characters left out" in report.text
    assert len(report.summary) <= 300


def test_the_dialog_copies_saves_and_quits(look: Look, tmp_path: Path, qtbot: QtBot) -> None:
    report = make_report(raised(ValueError("<b>bold</b>")), "the window", "1.2.3")
    dialog = CrashDialog(report, look)
    dialog.show()
    assert dialog.findChildren(QPlainTextEdit)[0].toPlainText() == report.text
    dialog.copy()
    assert QGuiApplication.clipboard().text() == report.text
    assert dialog.save(tmp_path / "report.txt") is None
    assert (tmp_path / "report.txt").read_text("utf-8") == report.text
    assert "cannot be written" in str(dialog.save(tmp_path / "missing" / "report.txt"))
    leave = next(button for button in dialog.findChildren(QPushButton) if button.text() == "&Quit")
    with qtbot.waitSignal(dialog.quit_requested):
        leave.click()
    with qtbot.waitSignal(dialog.finished):
        next(button for button in dialog.findChildren(QPushButton) if button.isDefault()).click()
