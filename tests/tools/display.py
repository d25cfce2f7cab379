"""A private screen: Xvfb on a display number of its choice, with openbox, unreachable from the network."""

from __future__ import annotations

import os
import select
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

START_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Display:
    """A running X server."""

    name: str
    """The display's name, such as `:7`."""

    @property
    def environment(self) -> dict[str, str]:
        """The environment for a program that should open real windows on it."""
        kept = {key: value for key, value in os.environ.items() if key != "WAYLAND_DISPLAY"}
        return kept | {"DISPLAY": self.name, "QT_QPA_PLATFORM": "xcb"}


@contextmanager
def xvfb_with_openbox(size: str = "1600x1000x24") -> Iterator[Display]:
    """Start both, wait until they are ready, and end both by their ids. Raises RuntimeError if one is missing or
    silent.
    """
    for program in ("Xvfb", "openbox"):
        if shutil.which(program) is None:
            raise RuntimeError(f"{program} is not installed; `make test` installs it, or says how.")
    server, number = _start(
        lambda ready: [
            "Xvfb",
            "-displayfd",
            str(ready),
            "-screen",
            "0",
            size,
            "-nolisten",
            "tcp",
            "-noreset",
        ],
        dict(os.environ),
    )
    try:
        display = Display(f":{number}")
        # openbox runs this command once it manages the screen, and passes no descriptor on to it.
        manager, _ = _start(
            lambda ready: [
                "openbox",
                "--sm-disable",
                "--startup",
                f"sh -c 'echo ready > /proc/{os.getpid()}/fd/{ready}'",
            ],
            display.environment,
        )
        try:
            yield display
        finally:
            _end(manager)
    finally:
        _end(server)


def _start(
    command_for: Callable[[int], list[str]], environment: dict[str, str]
) -> tuple[subprocess.Popen[bytes], str]:
    """Start the command that `command_for` makes of a descriptor; gives it with the line it writes there."""
    reader, writer = os.pipe()
    with open(reader, "rb", buffering=0) as answer, open(writer, "wb", buffering=0):
        command = command_for(writer)
        process = subprocess.Popen(
            command,
            env=environment,
            pass_fds=[writer],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        line = answer.readline() if select.select([answer], [], [], START_SECONDS)[0] else b""
    if not line:
        _end(process)
        raise RuntimeError(f"{command[0]} was not ready within {START_SECONDS} s.")
    return process, line.decode().strip()


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait(10)
