"""The log of a script as it is shown: in order, with repetitions, in plain text."""

from __future__ import annotations

from itertools import count

import pytest
from pytestqt.qtbot import QtBot

from app.dialogs.script_dialog import ScriptDialog
from app.look.look import Look
from app.look.theme import ThemeChoice
from core.scripts.log import MOST_ENTRIES, ScriptLog
from core.scripts.records import Utterance


@pytest.fixture
def dialog(look: Look, qtbot: QtBot) -> ScriptDialog:
    dialog = ScriptDialog(look)
    qtbot.addWidget(dialog)
    return dialog


def lines(dialog: ScriptDialog) -> list[str]:
    """What is shown, without the times."""
    return [line.partition("  ")[2] or line for line in dialog.log.toPlainText().split("\n")]


def test_entries_come_as_they_are_said(dialog: ScriptDialog) -> None:
    ticks = count(1)
    log = ScriptLog(lambda: next(ticks))

    def show() -> list[str]:
        dialog.add_entries(log.after(dialog.last_shown))
        return lines(dialog)

    log.add(Utterance.LOG, "one")
    assert show() == ["one"]
    log.add(Utterance.PRINT, "two <i>and</i> \x1b[1m\u202e")
    log.add(Utterance.ERROR, "three", 3, "Traceback\n  of it\n")
    assert show() == ["one", "two <i>and</i> \\x1b[1m\\u202e", "three", "Traceback", "of it"]
    for _ in range(3):
        log.add(Utterance.ERROR, "three", 3, "Traceback\n  of it\n")
        shown = show()
    assert shown[2:] == ["three (4 times)", "Traceback", "of it"]
    for _ in range(2):
        log.add(Utterance.PRINT, "again")
        shown = show()
    assert shown[-1] == "again (2 times)"
    assert show() == shown
    dialog.clear_entries()
    assert dialog.log.toPlainText() == ""


def test_a_long_log_stays_within_its_bounds(dialog: ScriptDialog, look: Look) -> None:
    log = ScriptLog(lambda: 0)
    for number in range(MOST_ENTRIES + 10):
        log.add(Utterance.PRINT, str(number))
        if number % 100 == 0:
            dialog.add_entries(log.after(dialog.last_shown))
    dialog.add_entries(log.after(dialog.last_shown))
    assert lines(dialog) == [str(number) for number in range(10, MOST_ENTRIES + 10)]
    before = lines(dialog)
    look.theme.set_choice(ThemeChoice.DARK)
    look.theme.set_choice(ThemeChoice.LIGHT)
    assert lines(dialog) == before
