"""The real app, and peers for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.settings import Settings
from app.window.desktop import Desktop
from core.capture.session_files import CaptureFolder
from core.net.settings import EngineSettings
from tests.tools.person import Person, SitDown
from tests.tools.served import Served

SETTINGS = "settings.ini"
CAPTURES = "captures"


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[EngineSettings], Served]]:
    """Starts an engine with these settings, which listens on a free port."""
    with ExitStack() as running:
        yield lambda settings: running.enter_context(Served(tmp_path / "capture.unmask", settings))


@pytest.fixture
def served(serve: Callable[[EngineSettings], Served]) -> Served:
    """An engine as it is without any settings, listening on a free port."""
    return serve(EngineSettings())


@pytest.fixture
def sit_down(tmp_path: Path, qapp: QApplication, qtbot: QtBot) -> Iterator[SitDown]:
    """Opens the real window over the real engine; each time with the settings and captures of the time before."""
    people: list[Person] = []

    def start(captures: Path | None = None) -> Person:
        folder = CaptureFolder(captures or tmp_path / CAPTURES)
        desktop = Desktop(qapp, Settings.at(tmp_path / SETTINGS), folder)
        people.append(Person(desktop, qtbot))
        people[-1].start()
        return people[-1]

    yield start
    for person in people:
        person.close()


@pytest.fixture
def person(sit_down: SitDown) -> Person:
    """Somebody at the window, which listens on a free port."""
    return sit_down()
