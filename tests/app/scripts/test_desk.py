"""Rules ▸ Script…: a file is chosen, runs, fails, is put right, and ends."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QFileDialog
from pytestqt.qtbot import QtBot

from app.actions.registry import ActionId
from app.dialogs.docs_dialog import DocsDialog
from app.dialogs.script_dialog import ScriptDialog
from app.window.desktop import Desktop
from core.scripts.script import ScriptState

_WELL = "print('<b>loaded</b>')\ndef on_message(message): ...\n"


@pytest.fixture
def dialog(desktop: Desktop) -> ScriptDialog:
    desktop.window.actions_[ActionId.SCRIPT].trigger()
    dialog = desktop.window.scripts.dialog
    assert dialog is not None
    return dialog


def choose(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """The person names this file."""
    for name in ("getOpenFileName", "getSaveFileName"):
        monkeypatch.setattr(QFileDialog, name, lambda *_, **__: (str(path), ""))


def test_a_script_from_its_choice_to_its_end(
    desktop: Desktop, dialog: ScriptDialog, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "s.py"
    path.write_text(_WELL)
    assert dialog.state.text() == "No script runs."
    assert not dialog.restart.isEnabled()
    choose(monkeypatch, path)
    dialog.choose.click()
    qtbot.waitUntil(lambda: dialog.state.text() == "s.py runs")
    # What it prints is no markup.
    qtbot.waitUntil(lambda: "<b>loaded</b>" in dialog.log.toPlainText())
    assert str(path) in dialog.trouble.text()

    path.write_text(_WELL + "oops(\n")
    qtbot.waitUntil(lambda: dialog.state.text() == "s.py runs as it was before the last save")
    assert dialog.trouble.text().startswith("s.py, line 3: SyntaxError")
    qtbot.waitUntil(lambda: "SyntaxError" in dialog.log.toPlainText())
    path.write_text(_WELL)
    qtbot.waitUntil(lambda: dialog.state.text() == "s.py runs")

    dialog.restart.click()
    qtbot.waitUntil(lambda: "s.py is started again." in dialog.log.toPlainText())
    dialog.clear.click()
    qtbot.waitUntil(lambda: "SyntaxError" not in dialog.log.toPlainText())
    dialog.stop.click()
    assert dialog.state.text() == "No script runs."
    assert desktop.window.scripts.running is None


def test_a_new_script_runs_at_once(
    dialog: ScriptDialog, qtbot: QtBot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, desktop: Desktop
) -> None:
    choose(monkeypatch, tmp_path / "new.py")
    dialog.new.click()
    qtbot.waitUntil(lambda: dialog.state.text() == "new.py runs")
    assert (tmp_path / "unmask_script.pyi").is_file()
    dialog.new.click()
    assert "exists already" in desktop.window.banner.text


def test_trouble_is_told_while_nobody_looks(desktop: Desktop, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "s.py"
    path.write_text("1 / 0\n")
    scripts, banner = desktop.window.scripts, desktop.window.banner
    scripts.run(path)
    qtbot.waitUntil(lambda: banner.text.startswith("s.py, line 1: ZeroDivisionError"))
    assert scripts.running is not None
    assert scripts.running.status.state is ScriptState.OVER
    scripts.show()
    first = scripts.dialog
    scripts.show()
    assert scripts.dialog is first
    assert first is not None
    first.reject()
    assert scripts.dialog is None


def test_it_goes_on_in_an_engine_that_begins_anew(desktop: Desktop, qtbot: QtBot, tmp_path: Path) -> None:
    path = tmp_path / "s.py"
    path.write_text(_WELL)
    scripts = desktop.window.scripts
    scripts.run(path)
    running = scripts.running
    assert running is not None
    qtbot.waitUntil(lambda: running.status.state is ScriptState.RUNNING)
    before = running.log.after()[-1].number
    scripts.begin_anew()
    qtbot.waitUntil(lambda: any("s.py runs" in each.text for each in running.log.after(before)))


def test_help_is_there(dialog: ScriptDialog, desktop: Desktop, qtbot: QtBot) -> None:
    dialog.help.click()
    qtbot.waitUntil(lambda: bool(desktop.window.findChildren(DocsDialog)))
    [page] = desktop.window.findChildren(DocsDialog)
    page.close()
