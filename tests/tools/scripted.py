"""A script with its real process, on a loop of the test's own, and somebody who asks it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from core.capture.records import ConnectionRecord, ConnectionState, Mode
from core.errors import NotOpenError
from core.net.loop import new_event_loop
from core.protocol.events import ClosedBy
from core.protocol.frames import Opcode
from core.protocol.outgoing import Outgoing, Target
from core.protocol.state import Role
from core.rules.advice import Question
from core.rules.moment import Moment
from core.rules.verdict import Verdict
from core.scripts.log import LogEntry, ScriptLog
from core.scripts.patience import Patience
from core.scripts.script import Script, ScriptState
from tests.tools.waiting import PATIENCE_SECONDS

_LOOK_SECONDS = 0.04
QUICK = Patience(
    answer_seconds=0.5, knock_seconds=0.5, stuck_seconds=PATIENCE_SECONDS, look_seconds=_LOOK_SECONDS
)
"""For scripts that do not answer."""
CALM = Patience(answer_seconds=PATIENCE_SECONDS, load_seconds=PATIENCE_SECONDS, look_seconds=_LOOK_SECONDS)
"""For scripts that answer, on a machine that may be busy."""
_PAUSE_SECONDS = 0.005
_REQUEST = b"GET /chat?room=1 HTTP/1.1\r\nHost: example.com\r\nX-Token: abc\r\n\r\n"

LISTENED = ConnectionRecord(
    id=7,
    mode=Mode.LISTEN,
    state=ConnectionState.OPEN,
    opened_ns=1,
    closed_ns=None,
    peer="127.0.0.1:50312",
    local="127.0.0.1:8080",
    request=_REQUEST,
    response=b"",
    path="/chat?room=1",
    origin=None,
    subprotocol="chat",
    extensions="",
    status=101,
    reason="",
    close_code=None,
    closed_by=ClosedBy.NOBODY,
    trailing=b"",
    trailing_length=0,
    frame_count=0,
    data_frame_count=0,
    bytes_in=0,
    bytes_out=0,
    violation_count=0,
)
"""A connection of a client of Unmask's."""
RELAYED = replace(LISTENED, mode=Mode.RELAY)

_Result = TypeVar("_Result")


def play(scene: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a scene on the kind of loop that the engine has."""
    with asyncio.Runner(loop_factory=new_event_loop) as runner:
        return runner.run(scene)


class Scripted:
    """A running script. Leaving the block closes it."""

    def __init__(
        self,
        path: Path,
        source: str | None,
        patience: Patience = CALM,
        about: ConnectionRecord = LISTENED,
        command: tuple[str, ...] | None = None,
    ) -> None:
        """Write `source` to `path`, if there is any."""
        if source is not None:
            path.write_text(source, encoding="utf-8")
        self.path = path
        self.about = about
        self.sent: list[tuple[Target, Outgoing]] = []
        """What it sent that belonged to no message."""
        self.news = self.asked_anew = 0
        self.refuses = False
        self.script = Script(path, ScriptLog(time.time_ns), self._hear, command, patience)

    async def __aenter__(self) -> Scripted:
        self.script.start(self._send, self._note_asked)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.script.close()

    def put(
        self,
        moment: Moment,
        payload: bytes = b"",
        head: int = Opcode.TEXT,
        sender: Role = Role.CLIENT,
        connection: int = 70,
    ) -> asyncio.Future[Verdict]:
        """Ask; the answer comes later."""
        answer: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()
        about = replace(self.about, id=connection // 10)
        question = Question(moment, connection, about, sender, head, payload)
        self.script.ask(question, answer.set_result)
        return answer

    async def ask(self, moment: Moment, payload: bytes = b"", **more: Any) -> Verdict:
        """Ask, and wait for the answer."""
        return await asyncio.wait_for(self.put(moment, payload, **more), PATIENCE_SECONDS)

    async def say(self, text: str, **more: Any) -> Verdict:
        """Ask about a text message."""
        return await self.ask(Moment.MESSAGE, text.encode(), **more)

    async def until(self, holds: Callable[[], bool], what: str) -> None:
        """Wait while the loop goes on."""
        end = time.monotonic() + PATIENCE_SECONDS
        while not holds():
            assert time.monotonic() < end, f"it is not so that {what}; {self.texts}"
            await asyncio.sleep(_PAUSE_SECONDS)

    async def entry(self, text: str) -> LogEntry:
        """The newest entry of the log with this text, once there is one."""
        await self.until(lambda: any(text in each for each in self.texts), f"the log says {text!r}")
        return next(each for each in reversed(self.script.log.after()) if text in each.text)

    async def state(self, wanted: ScriptState) -> None:
        """Wait until it is so."""
        await self.until(lambda: self.script.status.state is wanted, f"it is {wanted.value}")

    def save(self, source: str) -> None:
        """Save another version, at a time of its own."""
        before = self.path.stat().st_mtime_ns if self.path.exists() else 0
        self.path.write_text(source, encoding="utf-8")
        while self.path.stat().st_mtime_ns == before:
            self.path.touch()

    @property
    def texts(self) -> list[str]:
        return [each.text for each in self.script.log.after()]

    def _send(self, target: Target, outgoing: Outgoing) -> None:
        if self.refuses:
            raise NotOpenError("Connection #7 is closed: nothing can be sent on it.")
        self.sent.append((target, outgoing))

    def _note_asked(self) -> None:
        self.asked_anew += 1

    def _hear(self) -> None:
        self.news += 1
