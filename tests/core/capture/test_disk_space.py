"""How much room there is, and for how long."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.capture.disk_space import LOW_BYTES, DiskSpace, SpaceGauge, free_bytes

MEGA = 1_000_000
PLENTY = 100 * LOW_BYTES


class Clock:
    """A clock that stands still until it is moved."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


def gauge_of(free: int, clock: Clock) -> SpaceGauge:
    return SpaceGauge(lambda _path: free, clock)


def test_a_capture_counts_with_what_stands_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "c.unmask"
    path.write_bytes(bytes(1000))
    (tmp_path / "c.unmask-wal").write_bytes(bytes(200))
    assert gauge_of(PLENTY, Clock()).look(path) == DiskSpace(1200, PLENTY, 0.0)


def test_growth_is_that_of_the_last_seconds(tmp_path: Path) -> None:
    path, clock = tmp_path / "c.unmask", Clock()
    gauge = gauge_of(PLENTY, clock)
    for second in range(30):
        path.write_bytes(bytes(0 if second < 15 else (second - 15) * MEGA // 10))
        clock.now += 1
        space = gauge.look(path)
    assert space is not None
    assert space.growth == pytest.approx(MEGA / 10, rel=0.01)
    assert space.seconds_left == pytest.approx(PLENTY / (MEGA / 10), rel=0.01)
    for _ in range(15):
        clock.now += 1
        space = gauge.look(path)
    assert space is not None
    assert (space.growth, space.seconds_left) == (0.0, None)


def test_another_file_does_not_grow_by_what_the_one_before_was_smaller(tmp_path: Path) -> None:
    clock = Clock()
    gauge = gauge_of(PLENTY, clock)
    for name, size in (("small", 10), ("large", MEGA)):
        (tmp_path / name).write_bytes(bytes(size))
        clock.now += 1
        space = gauge.look(tmp_path / name)
    assert space == DiskSpace(MEGA, PLENTY, 0.0)


@pytest.mark.parametrize(
    ("space", "low"),
    [
        (DiskSpace(1, LOW_BYTES, 0.0), False),
        (DiskSpace(1, LOW_BYTES - 1, 0.0), True),
        (DiskSpace(1, 10 * LOW_BYTES, 10 * LOW_BYTES / 61), False),
        (DiskSpace(1, 10 * LOW_BYTES, 10 * LOW_BYTES / 59), True),
        (DiskSpace(1, 100 * MEGA, 0.0, to_grow=0), False),
        (DiskSpace(1, 60 * MEGA, 0.0, to_grow=0), True),
        (DiskSpace(1, 10 * LOW_BYTES, 10 * LOW_BYTES / 59, to_grow=LOW_BYTES), False),
        (DiskSpace(1, LOW_BYTES // 2, 1.0, to_grow=LOW_BYTES), True),
    ],
)
def test_low_is_little_room_or_little_time(space: DiskSpace, low: bool) -> None:
    assert space.is_low() is low


def test_what_was_low_is_so_until_there_is_a_little_more() -> None:
    space = DiskSpace(1, LOW_BYTES + 1, 0.0)
    assert (space.is_low(), space.is_low(1.5)) == (False, True)


def test_a_ring_grows_to_its_bound_and_no_further(tmp_path: Path) -> None:
    path = tmp_path / "c.unmask"
    path.write_bytes(bytes(1000))
    gauge = gauge_of(PLENTY, Clock())
    assert [space.to_grow for most in (None, 5000, 10) if (space := gauge.look(path, most))] == [
        None,
        4000,
        0,
    ]


def test_a_disk_that_is_gone_has_no_room(tmp_path: Path) -> None:
    assert SpaceGauge().look(tmp_path / "gone" / "c.unmask") is None


def test_a_real_disk_has_some_room(tmp_path: Path) -> None:
    assert free_bytes(tmp_path / "c.unmask") > 0
