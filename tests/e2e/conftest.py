"""The real app, and peers for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from core.net.settings import EngineSettings
from tests.tools.served import Served


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[EngineSettings], Served]]:
    """Starts an engine with these settings, which listens on a free port."""
    with ExitStack() as running:
        yield lambda settings: running.enter_context(Served(tmp_path / "capture.unmask", settings))


@pytest.fixture
def served(serve: Callable[[EngineSettings], Served]) -> Served:
    """An engine as it is without any settings, listening on a free port."""
    return serve(EngineSettings())
