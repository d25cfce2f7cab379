"""A capture's entries as lines for a terminal. Peer data reaches the terminal only as visible text."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from app.logic.shown_handshake import differences
from app.terminal.handling_text import handling_text
from core.capture.follow import Close, Decision, Entry, Handshake, Passage
from core.capture.gaps import Gap, GapReason
from core.capture.records import ConnectionRecord, ConnectionState, Direction, FrameRecord, Mode
from core.decoders.visible import terminal_text
from core.protocol import close_codes
from core.protocol.events import ClosedBy
from core.protocol.frames import Opcode, opcode_name
from core.protocol.violations import Severity, Violation
from core.sizes import byte_size

_SHOWN_CHARS = 2000
_SHOWN_BYTES = 64
_ARROWS = {Direction.CLIENT_TO_SERVER: "→", Direction.SERVER_TO_CLIENT: "←"}
_INDENT = " " * 8
_ENDED_BY = {
    ClosedBy.NOBODY: "by nobody",
    ClosedBy.CLIENT: "by the client",
    ClosedBy.SERVER: "by the server",
    ClosedBy.UNMASK: "by Unmask",
}
_FROM_OR_TO = {Mode.LISTEN: "from", Mode.RELAY: "from", Mode.PROXY: "from", Mode.CONNECT: "with"}

_GAPS = {
    GapReason.DROPPED: "dropped: only the newest are kept",
    GapReason.NOT_RECORDED: "not recorded: recording was off",
    GapReason.NOT_WRITTEN: "lost: the capture could not be written",
    GapReason.CLEARED: "cleared before they were told",
}


@dataclass(frozen=True, slots=True)
class Style:
    """Terminal sequences; all empty if the output is not a terminal or colour is not wanted."""

    reset: str = ""
    dim: str = ""
    bold: str = ""
    client: str = ""
    server: str = ""
    error: str = ""
    warning: str = ""


PLAIN = Style()
COLOURED = Style("\x1b[0m", "\x1b[2m", "\x1b[1m", "\x1b[36m", "\x1b[35m", "\x1b[31m", "\x1b[33m")


class StoryText:
    """Writes entries as text."""

    def __init__(self, style: Style, *, names_sources: bool = False) -> None:
        """`names_sources`: each line about a connection says through which source it came."""
        self._style = style
        self._names_sources = names_sources
        self._sources: dict[int, str] = {}
        """What stands for the sources of connections that are not over, as far as they were told."""

    def lines_of(self, entry: Entry) -> Iterator[str]:
        """The lines of one entry, without line ends."""
        if self._names_sources and isinstance(entry, Handshake | Passage | Close):
            source = entry.connection.source
            self._sources[entry.connection.id] = "" if source is None else f" [{_one_line(source.name)}]"
        yield from self._told(entry)
        if isinstance(entry, Passage | Close):
            self._sources.pop(entry.connection.id, None)

    def _told(self, entry: Entry) -> Iterator[str]:
        if isinstance(entry, Handshake):
            yield from self._handshake(entry)
        elif isinstance(entry, Close):
            yield self._close(entry)
        elif isinstance(entry, Passage):
            yield self._passage(entry)
        elif isinstance(entry, Gap):
            yield self._gap(entry)
        elif isinstance(entry, Decision):
            yield self._decision(entry)
        else:
            yield from self._frame(entry)

    def _handshake(self, entry: Handshake) -> Iterator[str]:
        style, record = self._style, entry.connection
        what = "handshake" if record.state is not ConnectionState.SERVED else "page"
        answer = f"{record.status}" if record.status else "no answer"
        yield (
            f"{self._when(record.opened_ns, record.id)} {style.bold}{what}{style.reset} "
            f"{_FROM_OR_TO[record.mode]} {record.peer} {answer} {_one_line(record.path)}".rstrip()
        )
        if record.state is ConnectionState.REFUSED:
            yield f"{_INDENT}{style.error}refused: {_one_line(record.reason)}{style.reset}"
        yield from self._head("→", style.client, record.request)
        if entry.passed_request:
            yield from self._passed("→", record.request, entry.passed_request)
        yield from self._head("←", style.server, record.response)
        if entry.passed_response:
            yield from self._passed("←", record.response, entry.passed_response)
        if entry.rules:
            yield f"{_INDENT}{style.warning}rules: {_one_line(', '.join(entry.rules))}{style.reset}"
        yield from self._violations(entry.violations)

    def _head(self, arrow: str, colour: str, raw: bytes) -> Iterator[str]:
        text = raw.decode("latin-1").replace("\r\n", "\n").rstrip("\n")
        shown, rest = text[:_SHOWN_CHARS], len(text) - _SHOWN_CHARS
        for line in shown.split("\n") if shown else ():
            yield f"{_INDENT}{colour}{arrow}{self._style.reset} {terminal_text(line)}"
        if rest > 0:
            yield f"{_INDENT}{self._style.dim}… {rest} more characters{self._style.reset}"

    def _passed(self, arrow: str, came: bytes, went: bytes) -> Iterator[str]:
        """How the head that went on differs from the one that came."""
        found = differences(came, went)
        before, after = _lines_at(came, found.before - {0}), _lines_at(went, found.after)
        kept = {_name(line) for line in after}
        dropped = [f"without {line.partition(':')[0]}" for line in before if _name(line) not in kept]
        colour, dim = self._style.client if arrow == "→" else self._style.server, self._style.dim
        yield f"{_INDENT}{colour}{arrow}{self._style.reset} {dim}as it went on:{self._style.reset}"
        yield from self._head(f"{arrow}  ", colour, "\n".join([*after, *dropped]).encode("latin-1"))

    def _frame(self, record: FrameRecord) -> Iterator[str]:
        style, row, frame = self._style, record.row, record.frame
        colour = style.client if row.direction is Direction.CLIENT_TO_SERVER else style.server
        bits = "+".join(name for name in ("fin", "rsv1", "rsv2", "rsv3") if getattr(frame, name))
        if not frame.fin:
            bits = f"{bits} more follows".lstrip()
        key = "" if frame.masking_key is None else f" key={frame.masking_key.hex()}"
        length = f"{frame.declared_length} B"
        if row.truncated:
            length = f"{len(frame.payload)} of {length}"
        origin = "" if row.origin == 0 else f" {style.dim}{row.origin.name.lower()}{style.reset}"
        yield (
            f"{self._when(row.time_ns, row.connection)} {colour}{_ARROWS[row.direction]} "
            f"{opcode_name(frame.opcode)}{style.reset} {bits} {length}{key}{origin}"
        )
        if said := handling_text(row):
            yield f"{_INDENT}{style.warning}{_one_line(said)}{style.reset}"
        if frame.opcode == Opcode.CLOSE and len(frame.payload) >= 2:
            code = int.from_bytes(frame.payload[:2], "big")
            reason = _one_line(frame.payload[2:].decode("utf-8", "backslashreplace"))
            yield f"{_INDENT}{code} {close_codes.describe(code).name}{': ' + reason if reason else ''}"
        elif record.message_payload is not None and row.message is not None:
            message = row.message
            if message.compressed:
                yield f"{_INDENT}{style.dim}inflated from {message.wire_length} to {message.length} B{style.reset}"
            if message.frame_count > 1:
                yield f"{_INDENT}{style.dim}message of {message.frame_count} frames, {message.length} B{style.reset}"
            yield from self._payload(record.message_payload, text=message.opcode == Opcode.TEXT)
        elif frame.payload:
            yield from self._payload(frame.payload, text=False)
        yield from self._violations(record.violations)

    def _payload(self, payload: bytes, *, text: bool) -> Iterator[str]:
        dim, reset = self._style.dim, self._style.reset
        if text:
            # An invalid byte counts as one character, so that the number of omitted ones is exact.
            beginning = payload[: _SHOWN_CHARS * 4].decode("utf-8", "surrogateescape")[:_SHOWN_CHARS]
            shown = beginning.encode("utf-8", "surrogateescape")
            for line in terminal_text(shown.decode("utf-8", "backslashreplace")).split("\n"):
                yield f"{_INDENT}{line}"
            if len(payload) > len(shown):
                yield f"{_INDENT}{dim}… {len(payload) - len(shown)} more bytes{reset}"
            return
        for start in range(0, min(len(payload), _SHOWN_BYTES), 16):
            piece = payload[start : start + 16]
            ascii_part = "".join(chr(byte) if 0x20 <= byte < 0x7F else "." for byte in piece)
            yield f"{_INDENT}{start:04x}  {piece.hex(' '):<47}  {ascii_part}"
        if len(payload) > _SHOWN_BYTES:
            yield f"{_INDENT}{dim}… {len(payload) - _SHOWN_BYTES} more bytes{reset}"

    def _close(self, entry: Close) -> str:
        record = entry.connection
        start = f"{self._when(record.closed_ns or 0, record.id)} {self._style.bold}closed{self._style.reset}"
        if record.close_code is None:
            return start
        reason = f": {_one_line(record.reason)}" if record.reason else ""
        name = close_codes.describe(record.close_code).name
        by, frames = _ended_by(record), record.frame_count
        return (
            f"{start} {record.close_code} {name}{reason} ({by}; {frames} frame{'s' if frames != 1 else ''})"
        )

    def _passage(self, entry: Passage) -> str:
        style, record = self._style, entry.connection
        if record.state is ConnectionState.TUNNELLED:
            what, status = "tunnel", ""
        else:
            what = _one_line(record.request.partition(b" ")[0].decode("latin-1"))
            status = f" {record.status or 'no answer'}"
        parts = [
            f"{self._when(record.opened_ns, record.id)} {style.bold}{what}{style.reset}",
            f"{_one_line(record.path)}{status}",
            f"{style.client}→{style.reset} {byte_size(record.bytes_in)}",
            f"{style.server}←{style.reset} {byte_size(record.bytes_out)}",
        ]
        if record.closed_ns is not None:
            parts.append(_span(record.closed_ns - record.opened_ns))
        trouble = ": ".join(
            filter(None, (_ended_by(record) if record.vanished else "", _one_line(record.reason)))
        )
        if trouble:
            parts.append(f"{style.error if record.vanished else style.dim}{trouble}{style.reset}")
        return " ".join(parts)

    def _decision(self, entry: Decision) -> str:
        row, style = entry.row, self._style
        start = f"{self._when(entry.time_ns, row.connection)} {_ARROWS[row.direction]} frame {row.id}"
        return f"{start} {style.warning}{_one_line(handling_text(row) or 'passed on')}{style.reset}"

    def _gap(self, gap: Gap) -> str:
        frames = "1 frame" if gap.frames == 1 else f"{gap.frames} frames"
        until = "" if gap.first_ns == gap.last_ns else f" to {_time(gap.last_ns)}"
        said = f"{until} … {frames} {_GAPS[gap.reason]}"
        return f"{self._clock(gap.first_ns)}{self._style.dim}{said}{self._style.reset}"

    def _violations(self, found: tuple[Violation, ...]) -> Iterator[str]:
        for each in found:
            colour = self._style.error if each.rule.severity is Severity.ERROR else self._style.warning
            detail = f" ({_one_line(each.detail)})" if each.detail else ""
            yield (
                f"{_INDENT}{colour}! {each.rule.severity.name.lower()} {each.rule.id}: {each.rule.sentence}{detail} "
                f"[{each.rule.section}]{self._style.reset}"
            )

    def _when(self, time_ns: int, connection: int) -> str:
        return f"{self._clock(time_ns)} #{connection}{self._sources.get(connection, '')}"

    def _clock(self, time_ns: int) -> str:
        return f"{self._style.dim}{_time(time_ns)}{self._style.reset}"


def _lines_at(head: bytes, numbers: Iterable[int]) -> list[str]:
    lines = head.decode("latin-1").split("\n")
    return [lines[number].removesuffix("\r") for number in sorted(numbers)]


def _name(line: str) -> str:
    """A header's name for comparison, or what stands in the first line before a colon."""
    return line.partition(":")[0].strip().lower()


def _time(time_ns: int) -> str:
    seconds, rest = divmod(time_ns, 1_000_000_000)
    return f"{time.strftime('%H:%M:%S', time.localtime(seconds))}.{rest // 1_000_000:03d}"


def _span(time_ns: int) -> str:
    """A time that something took."""
    milliseconds = time_ns / 1e6
    return f"{milliseconds:.0f} ms" if milliseconds < 10_000 else f"{milliseconds / 1000:.1f} s"


def _one_line(text: str) -> str:
    """`text` made visible, line feeds included: a peer must not be able to start a line."""
    rest = len(text) - _SHOWN_CHARS
    more = f" … {rest} more characters" if rest > 0 else ""
    return terminal_text(text[:_SHOWN_CHARS]).replace("\n", "\\x0a") + more


def _ended_by(record: ConnectionRecord) -> str:
    if record.vanished:
        return f"the {record.closed_by.name.lower()} vanished"
    return _ENDED_BY[record.closed_by]
