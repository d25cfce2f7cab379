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
    log.add(Utterance.LOG, "one")
    dialog.show_entries(log.after())
    log.add(Utterance.PRINT, "two <i>and</i> \x1b[1m\u202e")
    log.add(Utterance.ERROR, "three", 3, "Traceback\n  of it\n")
    dialog.show_entries(log.after())
    assert lines(dialog) == ["one", "two <i>and</i> \\x1b[1m\\u202e", "three", "Traceback", "of it"]
    for _ in range(2):
        log.add(Utterance.PRINT, "again")
        dialog.show_entries(log.after())
    assert lines(dialog)[-1] == "again (2 times)"
    log.clear()
    dialog.show_entries(log.after())
    assert dialog.log.toPlainText() == ""


def test_a_long_log_stays_within_its_bounds(dialog: ScriptDialog, look: Look) -> None:
    log = ScriptLog(lambda: 0)
    for number in range(MOST_ENTRIES + 10):
        log.add(Utterance.PRINT, str(number))
        if number % 100 == 0:
            dialog.show_entries(log.after())
    dialog.show_entries(log.after())
    assert lines(dialog) == [str(number) for number in range(10, MOST_ENTRIES + 10)]
    before = lines(dialog)
    look.theme.set_choice(ThemeChoice.DARK)
    look.theme.set_choice(ThemeChoice.LIGHT)
    assert lines(dialog) == before
