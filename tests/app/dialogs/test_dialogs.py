from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest
from PySide6.QtWidgets import QLabel, QLineEdit, QPushButton
from pytestqt.qtbot import QtBot

from app.dialogs.about_dialog import AboutDialog
from app.dialogs.recovery_dialog import RecoveryChoice, RecoveryDialog
from app.dialogs.settings_dialog import SettingsDialog
from app.look.icons import Icons
from app.look.theme import ThemeChoice
from app.settings import Settings
from core.capture.ring import Keep
from core.capture.session_files import Holdings, LeftBehind
from core.net.settings import Limits, ListenAddress
from core.protocol.violations import Judgement
from core.sizes import size_text
from tests.tools.qt import dispose


@pytest.fixture
def dialog(settings: Settings, qtbot: QtBot) -> Iterator[SettingsDialog]:
    settings.engine = replace(settings.engine, keep=Keep(seconds=86_400))
    dialog = SettingsDialog(settings)
    dialog.show()
    qtbot.waitExposed(dialog)
    yield dialog
    dispose(dialog)


def complaint(dialog: SettingsDialog) -> str:
    return " ".join(
        label.text()
        for label in dialog.findChildren(QLabel)
        if label.property("look") == "error" and label.isVisible()
    )


def field(dialog: SettingsDialog, text: str) -> QLineEdit:
    return next(edit for edit in dialog.findChildren(QLineEdit) if edit.text() == text)


def test_it_shows_what_is_set_and_gives_it_back(dialog: SettingsDialog, settings: Settings) -> None:
    assert dialog.address == settings.address
    assert dialog.engine == settings.engine
    assert dialog.theme is settings.theme


def test_it_gives_what_was_typed(dialog: SettingsDialog, qtbot: QtBot) -> None:
    field(dialog, "127.0.0.1:0").setText("[::1]:9000")
    field(dialog, "64MiB").setText("1M")
    dialog._keep.setText("2GB, 24h")
    dialog._judgement.setCurrentIndex(1)
    dialog._theme.setCurrentIndex(2)
    with qtbot.waitSignal(dialog.accepted):
        dialog.accept()
    assert dialog.address == ListenAddress("::1", 9000)
    assert dialog.engine.limits.message_bytes == 1024 * 1024
    assert dialog.engine.judgement is Judgement.TOLERANT
    assert dialog.engine.keep == Keep(bytes=2 * 10**9, seconds=86_400)
    assert dialog.theme is ThemeChoice.DARK


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("127.0.0.1:0", "nowhere", "no address"),
        ("127.0.0.1:0", "127.0.0.1:99999", "no port"),
        ("64MiB", "much", "no size"),
        ("64MiB", "0", "Largest message"),
        ("64MiB", "2GiB", "give a size from 1B to 450MiB"),
        ("64KiB", "10", "Largest request head"),
        (
            size_text(Limits().memory_bytes),
            "100MiB",
            "give at least 256MiB, or make the largest message smaller",
        ),
        ("24h", "little", "does not say how much to keep"),
    ],
)
def test_it_says_what_is_wrong_and_stays(
    dialog: SettingsDialog, qtbot: QtBot, old: str, new: str, words: str
) -> None:
    field(dialog, old).setText(new)
    with qtbot.assertNotEmitted(dialog.accepted):
        dialog.accept()
    assert words in complaint(dialog)


def left_behind(held: Holdings, *, finished: bool = False) -> LeftBehind:
    recorded = datetime(2026, 1, 31, 14, 5).timestamp()
    return LeftBehind(Path("unsaved.unmask"), recorded, 3_000_000, held, finished)


@pytest.mark.parametrize(
    ("words", "choice"),
    [
        ("&Open", RecoveryChoice.OPEN),
        ("&Save as…", RecoveryChoice.SAVE_AS),
        ("&Discard", RecoveryChoice.DISCARD),
        ("&Later", RecoveryChoice.LATER),
    ],
)
def test_recovery_choices(icons: Icons, qtbot: QtBot, words: str, choice: RecoveryChoice) -> None:
    dialog = RecoveryDialog(left_behind(Holdings(12345, 0)), icons)
    dialog.show()
    texts = " ".join(label.text() for label in dialog.findChildren(QLabel)).replace("\u202f", " ")
    assert "from 2026-01-31 14:05 with 12 345 frames (3.0 MB)" in texts
    with qtbot.waitSignal(dialog.finished):
        next(button for button in dialog.findChildren(QPushButton) if button.text() == words).click()
    assert dialog.choice is choice
    dispose(dialog)


@pytest.mark.parametrize(
    ("held", "finished", "words"),
    [
        (Holdings(1, 0), False, "with 1 frame (3.0 MB). Unmask broke off before"),
        (Holdings(0, 1), False, "with 1 refused handshake (3.0 MB). Unmask broke off"),
        (Holdings(0, 2), True, "with 2 refused handshakes (3.0 MB). Unmask was ended without saving it"),
    ],
)
def test_recovery_says_what_there_is_and_how_its_run_ended(
    icons: Icons, held: Holdings, finished: bool, words: str
) -> None:
    dialog = RecoveryDialog(left_behind(held, finished=finished), icons)
    assert words in " ".join(label.text() for label in dialog.findChildren(QLabel) if label.text())
    dispose(dialog)


def test_closing_recovery_means_later(icons: Icons) -> None:
    dialog = RecoveryDialog(left_behind(Holdings(1, 0)), icons)
    dialog.show()
    dialog.close()
    assert dialog.choice is RecoveryChoice.LATER
    dispose(dialog)


def test_about_names_the_version() -> None:
    dialog = AboutDialog("1.2.3")
    assert any("Unmask 1.2.3" in label.text() for label in dialog.findChildren(QLabel))
    dispose(dialog)
