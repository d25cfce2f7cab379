"""One process of a script on an asyncio loop: its pipes, its end."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from typing import Any, Protocol, cast

_STDIN, _STDOUT, _STDERR = range(3)


class ProcessOwner(Protocol):
    """Hears of a process, on the loop's thread."""

    def process_said(self, data: bytes) -> None: ...

    def process_complained(self, data: bytes) -> None:
        """It wrote to its standard error."""

    def process_ended(self, status: int) -> None:
        """It is over, and so are its pipes; a negative status is the number of a signal."""


class Process(asyncio.SubprocessProtocol):
    """A process that was started, or will be at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop, owner: ProcessOwner) -> None:
        self._loop = loop
        self._owner = owner
        self._transport: asyncio.SubprocessTransport | None = None
        self._pipes: dict[int, Any] = {}
        self._goes = {_STDOUT: True, _STDERR: True}
        """Which of its outputs are read."""
        self._records: list[bytes] = []
        """Those that are not handed over yet."""
        self._is_writing = False
        self._has_ended = False

    async def start(self, command: tuple[str, ...]) -> None:
        """Raises OSError if there can be no process."""
        # Ctrl+C on our terminal is not meant for it.
        flags: dict[str, Any] = {"start_new_session": True}
        if sys.platform == "win32":
            flags = {"creationflags": subprocess.CREATE_NO_WINDOW}
        requests = subprocess.PIPE if sys.platform == "win32" else await self._one_way()
        try:
            await self._loop.subprocess_exec(
                lambda: self,
                *command,
                stdin=requests,
                **flags,
            )
        except BaseException:
            self._close_requests()
            raise
        finally:
            if sys.platform != "win32":
                os.close(requests)

    async def _one_way(self) -> int:
        """Make the pipe for records; gives the end of the process.

        The loop itself would make a socket, and be taken aback when the process writes to that.
        """
        there, here = os.pipe()
        try:
            transport, _ = await self._loop.connect_write_pipe(
                asyncio.BaseProtocol, os.fdopen(here, "wb", buffering=0)
            )
        except BaseException:
            os.close(there)
            raise
        self._pipes[_STDIN] = transport
        return there

    def write(self, data: bytes) -> None:
        """Hand over a record at the end of this turn of the loop. Whoever calls limits how much is under way."""
        self._records.append(data)
        if self._transport is not None and not self._is_writing:
            self._is_writing = True
            self._loop.call_soon(self._write)

    def _write(self) -> None:
        self._is_writing = False
        records, self._records = self._records, []
        if not self._has_ended:
            self._pipes[_STDIN].write(b"".join(records))

    def let_talk(self, *, on: bool) -> None:
        """Take more of what it says, or let it wait."""
        self._let(_STDOUT, on)

    def let_complain(self, *, on: bool) -> None:
        """Take more of what it writes to its standard error, or let it wait."""
        self._let(_STDERR, on)

    def _let(self, number: int, on: bool) -> None:
        pipe = self._pipes.get(number)
        if pipe is None or self._has_ended or self._goes[number] is on:
            return
        self._goes[number] = on
        pipe.resume_reading() if on else pipe.pause_reading()

    def ask_where(self) -> None:
        """Let it write to its standard error where it is, if it can do that."""
        if self._transport is not None and not self._has_ended and hasattr(signal, "SIGUSR1"):
            with contextlib.suppress(ProcessLookupError):
                self._transport.send_signal(signal.SIGUSR1)

    def kill(self) -> None:
        """End it, and what it has started, at once."""
        transport = self._transport
        if transport is None or self._has_ended or transport.get_returncode() is not None:
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            if sys.platform == "win32":
                transport.kill()
            else:
                os.killpg(transport.get_pid(), signal.SIGKILL)

    # Called by the loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.SubprocessTransport, transport)
        for each in range(3):
            pipe = self._transport.get_pipe_transport(each)
            if pipe is not None:
                self._pipes[each] = pipe
        self._write()

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        if fd == _STDOUT:
            self._owner.process_said(data)
        elif fd == _STDERR:
            self._owner.process_complained(data)

    def process_exited(self) -> None:
        # A process that it has left behind may keep the pipes open.
        self._end()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self._end()

    def _end(self) -> None:
        if self._has_ended:
            return
        self._has_ended = True
        transport = self._transport
        assert transport is not None, "what has ended has begun"
        status = transport.get_returncode()
        self._close_requests()
        transport.close()
        self._owner.process_ended(-signal.SIGKILL if status is None else status)

    def _close_requests(self) -> None:
        pipe = self._pipes.get(_STDIN)
        if pipe is not None:
            pipe.abort()
