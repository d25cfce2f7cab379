from __future__ import annotations

import sys

import pytest

from core.net import descriptors

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows knows no such limit")

if sys.platform != "win32":
    import resource


def test_the_last_ones_are_kept_back() -> None:
    most = descriptors.limit()
    assert most is not None
    kept = descriptors.kept_back(most)
    assert 0 < kept <= most // 4
    assert descriptors.is_kept_back(most - kept)
    assert not descriptors.is_kept_back(most - kept - 1)


@pytest.mark.parametrize(("most", "kept"), [(40, 10), (256, 64), (1024, 256), (65_536, 1408)])
def test_how_many_are_kept_back(most: int, kept: int) -> None:
    assert descriptors.kept_back(most) == kept


def test_no_more_wait_and_linger_than_are_kept_back() -> None:
    most = descriptors.limit()
    assert most is not None
    assert 0 < descriptors.waiting() + descriptors.lingering() < descriptors.kept_back(most)


def test_the_limit_is_raised_as_far_as_may_be() -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (200, hard))
        descriptors.raise_limit()
        raised = descriptors.limit()
        assert raised == (65_536 if hard == resource.RLIM_INFINITY else min(65_536, hard))
        descriptors.raise_limit()
        assert descriptors.limit() == raised
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
