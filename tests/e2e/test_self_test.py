"""`unmask --self-test DIR`, as the package runs it."""

from __future__ import annotations

import statistics
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from tests.tools.program import run_unmask

NO_DISPLAY = {"DISPLAY": None, "WAYLAND_DISPLAY": None, "QT_QPA_PLATFORM": None}
TABS = ("message", "frame", "bytes", "handshake")
SHOTS = {"empty.png", "sources.png"} | {f"{tab}-{look}.png" for tab in TABS for look in ("light", "dark")}


def colours(path: Path) -> set[int]:
    """The colours of a picture, at every seventh pixel."""
    picture = QImage(str(path))
    assert (picture.width(), picture.height()) == (1360, 860)
    return {picture.pixel(x, y) for x in range(0, 1360, 7) for y in range(0, 860, 7)}


def brightness(path: Path) -> float:
    """Mean brightness of a picture, 0 to 1. Scaling it down first makes each point the mean of many."""
    small = QImage(str(path)).scaled(
        16, 16, Qt.AspectRatioMode.IgnoreAspectRatio, Qt.TransformationMode.SmoothTransformation
    )
    return statistics.mean(small.pixelColor(x, y).lightnessF() for x in range(16) for y in range(16))


def test_it_passes_and_takes_pictures(tmp_path: Path, user_folders: Path) -> None:
    ended = run_unmask("--self-test", tmp_path / "shots", changes=NO_DISPLAY)
    assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "The self-test has passed.")
    shots = {path.name: path for path in (tmp_path / "shots").iterdir()}
    assert set(shots) == SHOTS
    for path in shots.values():
        assert len(colours(path)) > 20, f"{path.name} is blank"
    for tab in TABS:
        assert brightness(shots[f"{tab}-light.png"]) > 0.7
        assert brightness(shots[f"{tab}-dark.png"]) < 0.3
    assert len({path.read_bytes() for path in shots.values()}) == len(SHOTS)
    assert [path.name for path in user_folders.rglob("*") if "unmask" in path.name] == []


def test_it_fails_where_a_picture_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "empty.png").mkdir()
    ended = run_unmask("--self-test", tmp_path, changes=NO_DISPLAY)
    assert ended.returncode == 1
    assert "empty.png cannot be written." in ended.stderr
    assert "has passed" not in ended.stdout


def test_it_says_where_there_can_be_no_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = run_unmask("--self-test", tmp_path / "file", changes=NO_DISPLAY)
    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert ended.stderr.startswith("unmask: ")
