"""Sends what another program, or a file, says on the standard input, line by line."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator

from app.logic.typed_line import read_json_line
from app.terminal.conversation import Conversation
from core.errors import PayloadError
from core.protocol.frames import Opcode
from core.protocol.outgoing import Outgoing, OutgoingMessage
from core.sizes import size_text

LONGEST_LINE = 64 * 1024 * 1024
"""Bytes of one line."""
_CLOSE_SECONDS = 10.0
_LOOK_SECONDS = 0.05


class PipedInput:
    """Reads on a thread of its own. After the end it waits for the server to be silent for a while, and closes."""

    def __init__(
        self,
        conversation: Conversation,
        *,
        as_json: bool,
        linger_seconds: float,
        remark: Callable[[str], None],
        over: Callable[[], None],
    ) -> None:
        """`over` is called once there is nothing left to send; `remark` is told which line could not be sent."""
        self._conversation = conversation
        self._read_line = read_json_line if as_json else _text_of
        self._linger_seconds = linger_seconds
        self._remark = remark
        self._over = over
        self._stopping = threading.Event()
        self.has_failed = False
        """Whether a line could not be sent."""

    def start(self) -> None:
        # Nothing can interrupt its reading.
        threading.Thread(target=self._run, name="unmask-input", daemon=True).start()

    def stop(self) -> None:
        """Send nothing more."""
        self._stopping.set()

    def _run(self) -> None:
        for number, line in enumerate(lines_from(0), 1):
            if not self._is_wanted():
                return
            try:
                outgoing = self._outgoing(line)
            except PayloadError as error:
                self._fail(f"line {number} of the input is not sent: {error}")
                continue
            if not self._conversation.deliver(outgoing, self._is_wanted):
                if self._is_wanted():
                    self._fail(
                        f"line {number} of the input and what follows is not sent: the connection is over."
                    )
                return
        while self._is_wanted() and not self._conversation.is_over:
            if self._conversation.is_open and self._conversation.silent_seconds > self._linger_seconds:
                self._conversation.close(self._is_wanted, _CLOSE_SECONDS)
                break
            self._stopping.wait(_LOOK_SECONDS)
        self._over()

    def _is_wanted(self) -> bool:
        return not self._stopping.is_set()

    def _outgoing(self, line: bytes | None) -> Outgoing:
        if line is None:
            raise PayloadError(f"it is longer than {size_text(LONGEST_LINE)}.")
        try:
            return self._read_line(line.decode())
        except UnicodeDecodeError as error:
            raise PayloadError(f"its byte {error.start + 1} is no UTF-8.") from None

    def _fail(self, sentence: str) -> None:
        self.has_failed = True
        self._remark(sentence)


def _text_of(line: str) -> Outgoing:
    return OutgoingMessage(Opcode.TEXT, line.encode())


def lines_from(descriptor: int) -> Iterator[bytes | None]:
    """Lines without their ends; None stands for one that is too long."""
    # `sys.stdin` would keep its lock while it waits, and the program could not end.
    waiting = bytearray()
    is_skipping = False
    while data := _read(descriptor):
        waiting += data
        *lines, rest = waiting.split(b"\n")
        for line in lines:
            is_skipping = is_skipping or len(line) > LONGEST_LINE
            yield None if is_skipping else bytes(line.removesuffix(b"\r"))
            is_skipping = False
        waiting = rest
        if len(waiting) > LONGEST_LINE:
            is_skipping = True
            waiting.clear()
    if waiting or is_skipping:
        yield None if is_skipping else bytes(waiting)


def _read(descriptor: int) -> bytes:
    try:
        return os.read(descriptor, 65536)
    except OSError:
        # The terminal has gone.
        return b""
