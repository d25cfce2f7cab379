from __future__ import annotations

import os
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.runtime.display import missing_display

pytestmark = pytest.mark.skipif(sys.platform in ("win32", "darwin"), reason="there is always a display")

UNSET = "neither DISPLAY nor WAYLAND_DISPLAY is set"
Listen = Callable[[str], None]


@pytest.fixture
def listen() -> Iterator[Listen]:
    """Has a server listen on a Unix socket."""
    sockets: list[socket.socket] = []

    def start(name: str) -> None:
        sock = socket.socket(socket.AF_UNIX)
        sockets.append(sock)
        sock.bind(name)
        sock.listen()

    yield start
    for sock in sockets:
        sock.close()


@pytest.fixture
def number() -> int:
    """The number of a display that nobody else has."""
    return 100_000 + os.getpid()


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder for sockets, whose names must be short."""
    assert len(str(tmp_path)) < 90
    return tmp_path


def test_unset() -> None:
    assert missing_display({}) == UNSET
    assert missing_display({"DISPLAY": "", "WAYLAND_DISPLAY": "", "QT_QPA_PLATFORM": ""}) == UNSET
    assert missing_display({"QT_QPA_PLATFORM": "xcb"}) == UNSET


@pytest.mark.parametrize(
    "platform", ["offscreen", "minimal", "offscreen:enable_fonts", "eglfs", "vnc:size=1x1"]
)
def test_platforms_without_a_display_need_none(platform: str) -> None:
    assert missing_display({"QT_QPA_PLATFORM": platform}) is None
    assert missing_display({"QT_QPA_PLATFORM": platform, "DISPLAY": ":100000"}) is None


@pytest.mark.skipif(sys.platform != "linux", reason="Linux alone has abstract names")
@pytest.mark.parametrize("form", [":{}", ":{}.0", "unix:{}"])
def test_a_display_that_answers(listen: Listen, number: int, form: str) -> None:
    listen(f"\0/tmp/.X11-unix/X{number}")
    assert missing_display({"DISPLAY": form.format(number)}) is None


def test_a_display_that_does_not_answer(number: int) -> None:
    assert missing_display({"DISPLAY": f":{number}"}) == f"DISPLAY=:{number} does not answer"


@pytest.mark.parametrize(
    "display", ["nonsense", ":", ":x", "/", "/:", "/nowhere:0", "127.0.0.1:99999", ":" + "9" * 300]
)
def test_a_display_that_is_none(display: str) -> None:
    assert missing_display({"DISPLAY": display}) == f"DISPLAY={display} does not answer"


def test_a_display_over_tcp() -> None:
    for port in range(6100, 6200):
        try:
            server = socket.create_server(("127.0.0.1", port))
        except OSError:
            continue
        with server:
            assert missing_display({"DISPLAY": f"127.0.0.1:{port - 6000}.0"}) is None
        assert missing_display({"DISPLAY": f"127.0.0.1:{port - 6000}"}) is not None
        return
    pytest.fail("no port for a display is free")


def test_a_display_named_by_its_socket(listen: Listen, place: Path) -> None:
    listen(str(place / "x"))
    listen(str(place / "y:1"))
    for name in ("x", "x:0", "y:1"):
        assert missing_display({"DISPLAY": str(place / name)}) is None


def test_wayland(listen: Listen, place: Path) -> None:
    environment = {"WAYLAND_DISPLAY": "wayland-9", "XDG_RUNTIME_DIR": str(place)}
    assert missing_display(environment) == "WAYLAND_DISPLAY=wayland-9 does not answer"
    listen(str(place / "wayland-9"))
    assert missing_display(environment) is None
    assert missing_display({"WAYLAND_DISPLAY": str(place / "wayland-9")}) is None
    assert missing_display(environment | {"QT_QPA_PLATFORM": "xcb"}) == UNSET
    assert missing_display(environment | {"QT_QPA_PLATFORM": "wayland;xcb"}) is None


def test_a_socket_that_was_left_behind_does_not_count(place: Path) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.bind(str(place / "w"))
    assert missing_display({"WAYLAND_DISPLAY": str(place / "w")}) is not None


def test_both_that_do_not_answer_are_said(number: int, place: Path) -> None:
    environment = {"DISPLAY": f":{number}", "WAYLAND_DISPLAY": "w", "XDG_RUNTIME_DIR": str(place)}
    assert missing_display(environment) == (
        f"WAYLAND_DISPLAY=w does not answer and DISPLAY=:{number} does not answer"
    )


def test_the_environment_of_the_process_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("QT_QPA_PLATFORM", "offscreen")
    assert missing_display() is None
