"""Finds out without Qt whether there is a display; Qt ends the process if there is none."""

from __future__ import annotations

import os
import re
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

_X_DISPLAY = re.compile(r"(?P<host>[^:]*):(?P<number>\d+)(?:\.\d+)?")
_X_BASE_PORT = 6000
_ON_A_DISPLAY = ("", "xcb", "wayland", "wayland-egl")
"""Qt platforms that need X or Wayland; "" leaves the choice to Qt."""
_PATIENCE_SECONDS = 2.0


def missing_display(environment: Mapping[str, str] = os.environ) -> str | None:
    """None if a window can be shown, else the reason, as the middle of a sentence."""
    if sys.platform in ("win32", "darwin"):
        return None
    platforms = {each.partition(":")[0] for each in environment.get("QT_QPA_PLATFORM", "").split(";")}
    if platforms.isdisjoint(_ON_A_DISPLAY):
        return None
    tried: list[str] = []
    wayland = environment.get("WAYLAND_DISPLAY", "")
    # The packaged executable has no Wayland plug-in.
    if wayland and platforms != {"xcb"} and not getattr(sys, "frozen", False):
        path = Path(environment.get("XDG_RUNTIME_DIR", "/run")) / wayland
        if _answers(socket.AF_UNIX, str(path)):
            return None
        tried.append(f"WAYLAND_DISPLAY={wayland} does not answer")
    display = environment.get("DISPLAY", "")
    if display:
        if _x_answers(display):
            return None
        tried.append(f"DISPLAY={display} does not answer")
    return " and ".join(tried) or "neither DISPLAY nor WAYLAND_DISPLAY is set"


def _x_answers(display: str) -> bool:
    if display.startswith("/"):
        return any(_answers(socket.AF_UNIX, path) for path in (display, display.rpartition(":")[0]) if path)
    found = _X_DISPLAY.fullmatch(display)
    if found is None:
        return False
    host, number = found["host"], int(found["number"])
    if host in ("", "unix"):
        path = f"/tmp/.X11-unix/X{number}"
        # Linux servers listen on the abstract socket name too, or only there.
        return _answers(socket.AF_UNIX, path) or _answers(socket.AF_UNIX, "\0" + path)
    return _answers(socket.AF_INET, (host, _X_BASE_PORT + number))


def _answers(family: int, place: str | tuple[str, int]) -> bool:
    with socket.socket(family, socket.SOCK_STREAM) as sock:
        sock.settimeout(_PATIENCE_SECONDS)
        try:
            sock.connect(place)
        except (OSError, ValueError, OverflowError):
            return False
        return True
