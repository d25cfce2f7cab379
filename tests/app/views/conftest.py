from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtWidgets import QApplication

from app.runtime.jobs import Jobs
from core.decoders.registry import Decoders, default_decoders


@pytest.fixture
def jobs(qapp: QApplication) -> Iterator[Jobs]:
    jobs = Jobs(qapp)
    yield jobs
    jobs.stop()
    jobs.deleteLater()


@pytest.fixture(scope="session")
def decoders() -> Decoders:
    return default_decoders()
