from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytestqt.qtbot import QtBot

from app.look.theme import Theme
from app.runtime.jobs import Jobs
from app.views.message.view import MessageView
from core.decoders.registry import Decoders


@pytest.fixture
def view(qtbot: QtBot, theme: Theme, jobs: Jobs, decoders: Decoders) -> Iterator[MessageView]:
    view = MessageView(theme, jobs, decoders)
    view.resize(1000, 420)
    with qtbot.waitExposed(view):
        view.show()
    yield view
    view.close()
    jobs.stop()
    view.deleteLater()
