from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.tools.raw_server import RawServer


@pytest.fixture
def target() -> Iterator[RawServer]:
    with RawServer() as behind:
        yield behind
