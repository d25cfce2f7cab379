"""A line to type on at the bottom of the terminal, while what happens is printed above it."""

from __future__ import annotations

import asyncio
import io
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotYetError
from contextlib import suppress
from typing import TextIO

from prompt_toolkit import PromptSession
from prompt_toolkit.buffer import Buffer
from prompt_toolkit.completion import CompleteEvent, Completer, Completion, PathCompleter
from prompt_toolkit.document import Document
from prompt_toolkit.filters import Condition
from prompt_toolkit.history import History
from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent

from app.logic.typed_line import COMMANDS

_LOOK_SECONDS = 0.25
_MOST_WAITING = 256 * 1024
"""Characters that wait for `flush`."""
_PATHS = ("/file ", "/textfile ")


class LineEditor:
    """Takes lines on a thread of its own. Enter ends one, Alt+Enter and Ctrl+O begin a new line in it."""

    def __init__(
        self,
        history: History,
        status: Callable[[], str],
        take: Callable[[str], None],
        over: Callable[[], None],
    ) -> None:
        """`take` gets each line and must return at once; `over` is called when the person wants to end.

        `status` gives the text at the bottom, which must be fit for a terminal.
        """
        self._take = take
        self._over = over
        self._session: PromptSession[str] = PromptSession(
            message="> ",
            history=history,
            multiline=True,
            completer=_CommandCompleter(),
            complete_while_typing=Condition(self._is_command),
            key_bindings=self._keys(),
            bottom_toolbar=status,
            prompt_continuation="  ",
            enable_open_in_editor=False,
        )
        self._session.default_buffer.accept_handler = self._accept
        self._thread = threading.Thread(target=self._run, name="unmask-editor")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Give the terminal back. Idempotent."""
        self._call(self._exit)
        self._thread.join()

    def refresh(self) -> None:
        """Show the status anew. Any thread."""
        if self._session.app.is_running:
            self._session.app.invalidate()

    def print_above(self, text: str, out: TextIO) -> None:
        """Print whole lines above the line that is typed; returns when they are printed. Any other thread."""

        def write() -> None:
            out.write(text)
            out.flush()

        async def print_it() -> None:
            # Not `run_in_terminal`: the terminal would take whole lines meanwhile, and Ctrl+D and others for itself.
            renderer = app.renderer
            await renderer.wait_for_cpr_responses()
            renderer.erase()
            write()
            renderer.reset()
            renderer.request_absolute_cursor_position()
            app.invalidate()

        app = self._session.app
        loop = app.loop
        if not app.is_running or loop is None:
            write()
            return
        printing: Future[None] = asyncio.run_coroutine_threadsafe(print_it(), loop)
        while app.is_running:
            with suppress(NotYetError):
                printing.result(_LOOK_SECONDS)
                return
        if printing.cancel() or printing.cancelled():
            write()

    # On the editor's thread.

    def _run(self) -> None:
        with suppress(EOFError, KeyboardInterrupt):
            self._session.prompt(handle_sigint=False)
        self._over()

    def _exit(self) -> None:
        app = self._session.app
        if app.is_running and app.future is not None and not app.future.done():
            app.exit(result="")

    def _call(self, action: Callable[[], None]) -> None:
        loop = self._session.app.loop
        if loop is not None:
            with suppress(RuntimeError):
                loop.call_soon_threadsafe(action)

    def _accept(self, buffer: Buffer) -> bool:
        self._take(buffer.text)
        return False

    def _is_command(self) -> bool:
        return self._session.default_buffer.text.startswith("/")

    def _keys(self) -> KeyBindings:
        keys = KeyBindings()

        @keys.add("enter")
        def _send(event: KeyPressEvent) -> None:
            event.current_buffer.validate_and_handle()

        @keys.add("escape", "enter")
        @keys.add("c-o")
        def _break(event: KeyPressEvent) -> None:
            event.current_buffer.newline(copy_margin=False)

        @keys.add("c-c")
        def _leave(event: KeyPressEvent) -> None:
            # The first takes the text away, the next one ends.
            if event.current_buffer.text:
                event.current_buffer.reset()
            else:
                self._exit()

        return keys


class _CommandCompleter(Completer):
    """Completes commands, and paths behind those that take one."""

    def __init__(self) -> None:
        self._paths = PathCompleter(expanduser=True)

    def get_completions(self, document: Document, complete_event: CompleteEvent) -> Iterable[Completion]:
        text = document.text_before_cursor
        for start in _PATHS:
            if text.startswith(start):
                path = text.removeprefix(start)
                yield from self._paths.get_completions(Document(path, len(path)), complete_event)
                return
        if text.startswith("/") and " " not in text:
            for command in COMMANDS.values():
                if command.name.startswith(text):
                    yield Completion(
                        command.name,
                        -len(text),
                        display=f"{command.name} {command.takes}".rstrip(),
                        display_meta=command.does,
                    )


class AboveLine(io.TextIOBase):
    """An output whose text appears above the line of an editor once it is flushed."""

    def __init__(self, out: TextIO) -> None:
        super().__init__()
        self._out = out
        self._waiting: list[str] = []
        self._length = 0
        self.editor: LineEditor | None = None
        """None while there is none."""

    def write(self, text: str) -> int:
        self._waiting.append(text)
        self._length += len(text)
        if self._length > _MOST_WAITING:
            self.flush()
        return len(text)

    def flush(self) -> None:
        text = "".join(self._waiting)
        self._waiting.clear()
        self._length = 0
        if not text:
            return
        if self.editor is None:
            self._out.write(text)
            self._out.flush()
        else:
            self.editor.print_above(text, self._out)

    def isatty(self) -> bool:
        return self._out.isatty()
