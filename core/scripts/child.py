"""The process of a script: runs a person's file, and calls its functions as Unmask asks.

Records come on the standard input and go on what was the standard output; whatever is printed goes into the log. The
functions run one after the other on this process's only loop, the `async` ones beside each other.
"""

from __future__ import annotations

import asyncio
import contextlib
import faulthandler
import importlib
import os
import signal
import sys
import threading
import types
from collections.abc import Awaitable, Callable, Sequence
from contextvars import Context, copy_context
from inspect import isawaitable
from typing import Any

from core.protocol.frames import CONTROL, Opcode
from core.protocol.outgoing import Outgoing
from core.protocol.state import Role
from core.rules.moment import Moment
from core.scripts.blame import blame
from core.scripts.output import Lines, Way, take_over_printing
from core.scripts.records import (
    Ask,
    Begun,
    Decided,
    Forget,
    Here,
    Knock,
    Load,
    Loaded,
    Meet,
    Sending,
    ToScript,
    Unloadable,
    Utterance,
)
from core.scripts.turn import CURRENT, Turn
from core.scripts.unanswered import UNCHANGED, unanswered
from core.scripts.unmask_script import Connection, Frame, Message
from core.scripts.wire import Unpacker, unpacker_of_unmask

FUNCTIONS = {
    Moment.OPEN: "on_open",
    Moment.MESSAGE: "on_message",
    Moment.FRAME: "on_frame",
    Moment.CLOSE: "on_close",
}
"""The functions that a script may define."""
WHERE_SIGNAL = getattr(signal, "SIGUSR1", None)
"""Makes the process write where it is to its standard error; None where there is no such signal."""
_PIECE = 256 * 1024
_MOST_RECORDS = 1000
_LARGEST_FILE = 4 * 1024 * 1024
_MOST_FILES = 200
_PARENT_SECONDS = 1.0
"""How often the process checks that Unmask is still there."""
_GRACE_SECONDS = 0.5
_MODULE = "unmask_script"

Function = Callable[[Any], Awaitable[object] | object]


class _Desk:
    """Passes on what belongs to no message."""

    def __init__(self, way: Way, lines: Lines) -> None:
        self._way = way
        self._lines = lines

    def send(self, connection: int, toward: Role, outgoing: Outgoing) -> None:
        self._way.give(Sending(connection, toward, outgoing))

    def tell(self, kind: Utterance, text: str) -> None:
        self._lines.tell(kind, text)


class Script:
    """The functions of one file."""

    def __init__(
        self, path: str, functions: dict[Moment, Function], way: Way, lines: Lines, *, redacts: bool
    ) -> None:
        """`redacts`: it says what the capture has of a message."""
        self._path = path
        self._redacts = redacts
        self._functions = functions
        self._way = way
        self._lines = lines
        self._desk = _Desk(way, lines)
        self._connections: dict[int, Connection] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def take(self, records: Sequence[ToScript]) -> None:
        """Do what Unmask asks. On the loop's thread."""
        for record in records:
            match record:
                case Ask():
                    self._answer(record)
                case Meet():
                    self._connections[record.connection] = Connection(record, self._desk)
                case Forget(connection):
                    self._connections.pop(connection, None)
                case Knock():
                    self._way.give(Here())

    def complain(self, error: BaseException) -> None:
        """Tell of an exception that nobody caught."""
        told = blame(error, self._path)
        self._lines.tell(Utterance.ERROR, told.sentence, told.line, told.detail)

    def _answer(self, ask: Ask) -> None:
        function = self._functions.get(ask.moment)
        if function is None:
            # Asked before it was known what the file has.
            self._way.give(Decided(ask.ticket, UNCHANGED))
            return
        connection = self._connections[ask.connection]
        turn, argument = self._turn(ask, connection)
        context = copy_context()
        context.run(CURRENT.set, turn)
        try:
            result = context.run(function, argument)
        except BaseException as error:
            self._fail(ask, turn, error)
            return
        if isawaitable(result):
            self._go_on(ask, turn, result, context)
        else:
            self._way.give(Decided(ask.ticket, turn.end()))

    def _turn(self, ask: Ask, connection: Connection) -> tuple[Turn, Connection | Message | Frame]:
        name, sides = FUNCTIONS[ask.moment], connection._sides

        def turn(sender: Role | None, *, decides: bool) -> Turn:
            return Turn(self._desk, name, ask.connection, sides, sender, decides=decides)

        if ask.moment is Moment.MESSAGE:
            message = Message(connection, ask.sender, ask.payload, is_text=ask.head & 0x0F == Opcode.TEXT)
            return turn(ask.sender, decides=True), message
        if ask.moment is Moment.FRAME:
            # A data frame is part of a message, which is decided about as a whole.
            decides = bool(ask.head & CONTROL)
            return turn(ask.sender, decides=decides), Frame(connection, ask.sender, ask.head, ask.payload)
        return turn(None, decides=False), connection

    def _go_on(self, ask: Ask, turn: Turn, rest: Awaitable[object], context: Context) -> None:
        async def finish() -> None:
            try:
                await rest
            except asyncio.CancelledError:
                raise
            except BaseException as error:
                self._fail(ask, turn, error)
            else:
                self._way.give(Decided(ask.ticket, turn.end()))

        task = asyncio.get_running_loop().create_task(finish(), context=context)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _fail(self, ask: Ask, turn: Turn, error: BaseException) -> None:
        """The message goes on unchanged."""
        turn.end()
        self.complain(error)
        redacts = self._redacts and ask.moment is Moment.MESSAGE
        self._way.give(Decided(ask.ticket, unanswered(redacts=redacts)))


def main() -> int:
    """Serve one script until Unmask closes the pipe; gives the exit status."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            # Unmask ends this process itself.
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    requests, answers = _take_over_pipes()
    _end_with_parent()
    way = Way(lambda data: _write_all(answers, data))
    lines = Lines(way)
    unpacker = unpacker_of_unmask()
    with contextlib.suppress(OSError):
        path = _first(requests, unpacker)
        if path is None:
            return 0
        take_over_printing(lines)
        sys.modules[_MODULE] = importlib.import_module("core.scripts.unmask_script")
        desk = _Desk(way, lines)
        CURRENT.set(Turn(desk, "the file itself"))
        try:
            code = _compiled(path)
            redacts = _names(code, "redact")
            way.give(Begun(redacts))
            functions = _load(path, code)
        except BaseException as error:
            told = blame(error, path)
            way.give(Unloadable(told.sentence, told.line, told.detail))
            return 1
        script = Script(path, functions, way, lines, redacts=redacts)
        way.give(Loaded(frozenset(functions), _own_modules(path)))
        asyncio.run(_serve(script, requests, unpacker))
    return 0


def _take_over_pipes() -> tuple[int, int]:
    """The pipes for records. Their usual numbers lead to where a script's prints do no harm."""
    requests, answers = os.dup(0), os.dup(1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    os.dup2(2, 1)
    if sys.platform == "win32":
        import msvcrt

        msvcrt.setmode(requests, os.O_BINARY)
        msvcrt.setmode(answers, os.O_BINARY)
    elif WHERE_SIGNAL is not None:
        faulthandler.register(WHERE_SIGNAL, file=2, all_threads=False)
    return requests, answers


def _end_with_parent() -> None:
    """From now on, end this process when its parent has ended, also in the middle of an endless loop."""
    if sys.platform == "win32":
        return
    parent = os.getppid()

    def look(_number: int, _frame: types.FrameType | None) -> None:
        # An orphan is given a new parent.
        if os.getppid() != parent:
            os._exit(0)

    signal.signal(signal.SIGALRM, look)
    signal.siginterrupt(signal.SIGALRM, False)
    signal.setitimer(signal.ITIMER_REAL, _PARENT_SECONDS, _PARENT_SECONDS)


def _write_all(descriptor: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _first(requests: int, unpacker: Unpacker[ToScript]) -> str | None:
    """The path of the script; None if Unmask is gone."""
    while data := os.read(requests, _PIECE):
        unpacker.feed(data)
        for record in unpacker.records(1):
            assert isinstance(record, Load), record
            return record.path
    return None


def _compiled(path: str) -> types.CodeType:
    with open(path, "rb") as file:
        source = file.read(_LARGEST_FILE + 1)
    if len(source) > _LARGEST_FILE:
        raise ValueError(
            f"The file is longer than {_LARGEST_FILE // 2**20} MiB: put data into a file of its own."
        )
    code: types.CodeType = compile(source, path, "exec")
    return code


def _names(code: types.CodeType, name: str) -> bool:
    """Whether this name stands anywhere in a file."""
    inner = (each for each in code.co_consts if isinstance(each, types.CodeType))
    return name in code.co_names or any(_names(each, name) for each in inner)


def _load(path: str, code: types.CodeType) -> dict[Moment, Function]:
    """Run the file; gives its functions."""
    folder, name = os.path.split(path)
    sys.path.insert(0, folder)
    # Not "__main__": what a file does when it is run by itself is left out.
    module = types.ModuleType("script_" + os.path.splitext(name)[0])
    module.__file__ = path
    sys.modules[module.__name__] = module
    sys.argv = [path]
    exec(code, module.__dict__)
    found = {moment: module.__dict__.get(name) for moment, name in FUNCTIONS.items()}
    for moment, function in found.items():
        if function is not None and not callable(function):
            raise TypeError(f"{FUNCTIONS[moment]} is no function.")
    functions = {moment: function for moment, function in found.items() if function is not None}
    if not functions:
        names = ", ".join(FUNCTIONS.values())
        raise ValueError(f"There is none of the functions that Unmask calls: {names}. Define one of them.")
    return functions


def _own_modules(path: str) -> tuple[str, ...]:
    """The files beside the script that it has imported."""
    folder = os.path.dirname(path) + os.sep
    files = {getattr(module, "__file__", None) for module in list(sys.modules.values())}
    own = sorted(file for file in files if isinstance(file, str) and file.startswith(folder) and file != path)
    # A name that UTF-8 cannot hold does not travel.
    return tuple(file for file in own if file.isprintable())[:_MOST_FILES]


async def _serve(script: Script, requests: int, unpacker: Unpacker[ToScript]) -> None:
    """Take what comes, until Unmask is gone."""
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(
        lambda _loop, context: script.complain(
            context.get("exception") or RuntimeError(str(context["message"]))
        )
    )
    is_over = asyncio.Event()

    def read() -> None:
        if WHERE_SIGNAL is not None:
            # The main thread is to say where it is.
            signal.pthread_sigmask(signal.SIG_BLOCK, (WHERE_SIGNAL,))
        with contextlib.suppress(OSError, RuntimeError):
            while True:
                while records := tuple(unpacker.records(_MOST_RECORDS)):
                    loop.call_soon_threadsafe(script.take, records)
                data = os.read(requests, _PIECE)
                if not data:
                    break
                unpacker.feed(data)
            loop.call_soon_threadsafe(is_over.set)
        # A function that never ends does not keep the process.
        threading.Event().wait(_GRACE_SECONDS)
        os._exit(0)

    threading.Thread(target=read, name="requests", daemon=True).start()
    await is_over.wait()
