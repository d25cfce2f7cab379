"""The console of one client: what happens is printed, and what is typed or piped in is sent."""

from __future__ import annotations

import threading
from enum import IntEnum
from typing import TextIO, cast

from app.logic.typed_line import Ask, help_lines, read_typed
from app.terminal.connect_options import Talk
from app.terminal.console import Console, ConsoleOptions
from app.terminal.conversation import Conversation
from app.terminal.ending import Writing
from app.terminal.line_editor import AboveLine, LineEditor
from app.terminal.line_history import LineHistory
from app.terminal.message_output import MessageOutput
from app.terminal.piped_input import PipedInput
from app.terminal.standard_streams import safe, say
from core.capture.follow import Close, Entry
from core.capture.gaps import Gap
from core.capture.records import FrameRecord
from core.errors import PayloadError
from core.net.client_status import ClientStatus
from core.net.fronts.test_page import TestPage
from core.net.host import SendResult
from core.net.sources import Source, SourceState, SourceStatus

_NORMAL = frozenset((1000, 1001, 1005))
"""Close codes of a connection that was meant to end (RFC 6455 section 7.4.1)."""
_CLOSE_SECONDS = 5.0


class ExitStatus(IntEnum):
    """What the program ends with."""

    DONE = 0
    NOT_CONNECTED = 1
    """There was no connection, or the capture is not whole."""
    CUT_SHORT = 3
    """The connection was lost, or closed with a code that tells of a fault."""
    NOT_SENT = 4
    """A line of the input could not be sent."""


class ClientConsole(Console):
    """A console with one source, which connects to a server."""

    def __init__(
        self,
        options: ConsoleOptions,
        talk: Talk,
        version: str,
        page: TestPage,
        out: TextIO,
        writing: Writing | None = None,
        messages: MessageOutput | None = None,
    ) -> None:
        """Raises UnmaskError if the capture or the file of diagnostics can't be created.

        With `messages`, received messages go there alone, and `out` gets only what else there is to say.
        """
        self._messages = messages
        self._above = AboveLine(out)
        super().__init__(
            options, version, page, cast(TextIO, self._above) if talk.is_typed else out, writing=writing
        )
        (source,) = options.sources
        self._url = source.target
        self._is_leaving = False
        """Whether the person wants to end."""
        self._conversation = Conversation(self._host, source, self._note)
        self._editor: LineEditor | None = None
        self._piped: PipedInput | None = None
        if talk.is_typed:
            history = LineHistory(talk.history)
            self._editor = LineEditor(history, self._status_line, self._take, self._leave)
            self._conversation.changed_look = self._editor.refresh
        else:
            self._piped = PipedInput(
                self._conversation,
                as_json=options.json,
                linger_seconds=talk.linger_seconds,
                remark=self._note_fault,
                over=self._finish,
            )

    def run(self) -> int:
        """Talk and print until it is over; gives an `ExitStatus`. Raises what `Console.run` does."""
        if self._editor is not None:
            self._above.editor = self._editor
            self._editor.start()
        if self._piped is not None:
            self._piped.start()
        try:
            return self._outcome(super().run())
        finally:
            self._end_input()

    def on_changed(self) -> None:
        self._conversation.heard()
        super().on_changed()

    def on_source(self, status: SourceStatus) -> None:
        before = self._exit_status
        super().on_source(status)
        # What ends in failure is told apart by `ExitStatus`.
        self._exit_status = before
        was_open = self._conversation.was_open
        self._conversation.changed(status)
        if self._editor is not None and was_open and self._conversation.is_over and not self._is_leaving:
            self._note("The connection is over. /reconnect connects again, /quit ends.")

    def _tell_entry(self, entry: Entry) -> None:
        if self._messages is None or isinstance(entry, Gap | Close):
            super()._tell_entry(entry)
        elif isinstance(entry, FrameRecord):
            with self._writing, self._explained():
                self._messages.write(entry)

    def _flush(self) -> None:
        super()._flush()
        if self._messages is not None:
            with self._writing, self._explained():
                self._messages.flush()

    def _tell_failure(self, sentence: str, source: Source | None) -> None:
        if self._editor is None:
            super()._tell_failure(sentence, source)
        else:
            self._note(sentence)

    def on_sent(self, result: SendResult) -> None:
        self._conversation.sent(result)

    def _is_all_over(self) -> bool:
        stays = self._editor is not None and self._conversation.was_open and not self._is_leaving
        return not stays and super()._is_all_over()

    def _remark(self, sentence: str) -> None:
        if self._editor is None:
            super()._remark(sentence)
        else:
            self._say(f"unmask: {sentence}")

    def _end_input(self) -> None:
        if self._piped is not None:
            self._piped.stop()
        if self._editor is not None:
            self._editor.stop()

    def _outcome(self, status: int) -> int:
        if status or not self._conversation.was_open:
            return ExitStatus.NOT_CONNECTED
        if self._piped is not None and self._piped.has_failed:
            return ExitStatus.NOT_SENT
        client = self._conversation.status.client
        if client is not None and client.close_code not in (None, *_NORMAL):
            return ExitStatus.CUT_SHORT
        return ExitStatus.DONE

    def _note_fault(self, sentence: str) -> None:
        say(sentence)

    def _note(self, sentence: str) -> None:
        """Print a sentence soon. Any thread."""
        self._news.put(self._lines.failed(sentence, None))

    # Called by the editor.

    def _take(self, line: str) -> None:
        try:
            typed = read_typed(line)
        except PayloadError as error:
            self._note(str(error))
            return
        if typed is Ask.RECONNECT:
            self._conversation.reconnect()
        elif typed is Ask.HELP:
            self._news.put("\n".join(help_lines()))
        elif typed is Ask.QUIT:
            threading.Thread(target=self._leave, name="unmask-leaving").start()
        elif not isinstance(typed, Ask):
            self._conversation.say(typed)

    def _leave(self) -> None:
        """Close the connection, and end."""
        self._is_leaving = True
        self._conversation.close(lambda: not self._stopping, _CLOSE_SECONDS)
        self._finish()

    def _finish(self) -> None:
        # A second call of `stop` would skip the last lines.
        if not self._stopping:
            self.stop()

    def _status_line(self) -> str:
        status = self._conversation.status
        client = status.client or ClientStatus(self._url)
        words = {
            SourceState.STARTING: "connecting to"
            if client.next_attempt_ns is None
            else "waits to connect again to",
            SourceState.RUNNING: "connected to",
        }.get(status.state, "not connected to")
        pulse = client.pulse
        parts = [f"{words} {safe(client.url)}"]
        if pulse.round_trip_ns is not None:
            parts.append(f"ping {pulse.round_trip_ns / 1e6:.1f} ms")
        if pulse.unanswered:
            parts.append(f"{pulse.unanswered} unanswered")
        return " · ".join([*parts, "Alt+Enter: new line · /help"])
