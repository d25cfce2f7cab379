"""Everything that Unmask writes is its owner's alone, also where the umask lets others read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from app.dialogs.crash_dialog import CrashDialog
from app.logic.exporting import export_capture
from app.logic.payload_transfer import save_steps
from app.logic.sampling import DiagnosticsLog, Sampler
from app.look.look import Look
from app.runtime.crash import make_report
from core.capture.recorder import Recorder
from core.decoders.source import Held
from core.formats.registry import default_formats
from tests.tools.qt import dispose
from tests.tools.recorded import CaptureMaker

pytestmark = pytest.mark.skipif(os.name != "posix", reason="Windows has other rights")


@pytest.fixture(autouse=True)
def generous_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.fixture(params=[False, True], ids=["new", "in place of a readable one"])
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "written"
    path.parent.mkdir(0o755)
    if request.param:
        path.touch()
        path.chmod(0o644)
    return path


def modes(path: Path) -> tuple[int, int]:
    """The modes of a file and of its folder."""
    return stat.S_IMODE(path.stat().st_mode), stat.S_IMODE(path.parent.stat().st_mode)


def test_an_export(maker: CaptureMaker, target: Path) -> None:
    maker.peer().say("secret")
    with closing(maker.reader()) as reader:
        export_capture(default_formats().get("jsonl"), reader.path, target)
    assert b"secret" in target.read_bytes()
    assert modes(target) == (0o600, 0o755)


def test_a_saved_payload(target: Path) -> None:
    assert list(save_steps(Held(b"secret"), target)) == [6]
    assert modes(target) == (0o600, 0o755)


def test_a_crash_report(look: Look, target: Path) -> None:
    dialog = CrashDialog(make_report(ValueError("secret"), "here", "0"), look)
    assert dialog.save(target) is None
    dispose(dialog)
    assert modes(target) == (0o600, 0o755)


@dataclass(frozen=True, slots=True)
class Recording:
    """What diagnostics are about."""

    recorder: Recorder
    open_connections: int = 0


def test_diagnostics(maker: CaptureMaker, tmp_path: Path) -> None:
    path = tmp_path / "figures"
    DiagnosticsLog(path, Sampler(Recording(maker.recorder)), lambda _sentence: None).close()
    assert modes(path)[0] == 0o600
