"""The command line: the window, the console mode, export, and the self-test.

Nothing here imports Qt before it is known that a window will be shown.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO, TypeVar

from app.logic.ending_signals import ending_signals
from app.logic.exporting import ExportPart, ExportWork, cannot_export, export_capture, missed_sentence, pieces
from app.runtime.display import missing_display
from app.terminal.ending import Ending, OutputStuck
from app.terminal.standard_streams import abandon_output, safe, say, warn
from app.version import program_version
from core.capture.reader import CaptureReader
from core.capture.session_files import CaptureFolder, default_folder
from core.errors import AddressError, EnvironmentFailure, FilterError, UnmaskError
from core.formats.registry import Format, default_formats
from core.net.fronts.test_page import load_test_page
from core.net.loop import tune_interpreter
from core.net.relay import parse_relay
from core.net.settings import (
    LARGEST_MESSAGE,
    AutoReply,
    EngineSettings,
    Limits,
    ListenAddress,
    parse_address,
    parse_bounds,
    parse_host_name,
    parse_message_size,
    parse_origin,
)
from core.protocol.violations import Judgement
from core.query.expressions import Filter
from core.sizes import UNITS_HELP, parse_size, size_text

_T = TypeVar("_T")
_FILTER_HELP = (
    "only frames and messages that match, such as “opcode == text and payload contains login”; handshakes and closes "
    "stay"
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `unmask` with `arguments` (default: those of the process); gives the exit status."""
    words = list(sys.argv[1:] if arguments is None else arguments)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # An output that cannot hold every character, such as a file on Windows, gets escapes.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        if words[:1] == ["export"]:
            with _ended_in_order():
                return _export(export_parser().parse_args(words[1:]))
        options = main_parser().parse_args(words)
        if options.self_test is not None:
            from app.self_test import run_self_test

            return run_self_test(options.self_test)
        return _run(options)
    except FilterError as error:
        say(str(error))
        sys.stderr.write(f"{error.pointed()}\n")
        return 2
    except UnmaskError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("stopped.")
        return 128 + signal.SIGINT
    except BrokenPipeError:
        # The reader of our output has closed it.
        abandon_output()
        return 0


@contextmanager
def _ended_in_order() -> Iterator[None]:
    """Within this context, a signal ends the process only after half-written files are removed."""

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        # A process that is told to end does not wait for the reader of its output.
        abandon_output()
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        sys.exit(128 + number)

    before = {number: signal.signal(number, end) for number in ending_signals()}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _run(options: argparse.Namespace) -> int:
    tune_interpreter()
    if options.headless or options.json:
        return _run_console(options)
    if options.filter is not None:
        main_parser().error("--filter goes with --headless or --json")
    if options.relay:
        main_parser().error("--relay goes with --headless or --json")
    missing = missing_display()
    if missing is not None:
        say(f"there is no display ({missing}): running the console mode.")
        return _run_console(options)
    from app.window.desktop import run_desktop

    return run_desktop(
        address=options.listen,
        allow_network=options.allow_network,
        capture=options.capture,
        open_capture=options.file,
        diagnostics=options.diagnostics,
        adjust=lambda settings: _settings(options, settings),
    )


def _run_console(options: argparse.Namespace) -> int:
    from app.terminal.console import Console, ConsoleOptions

    wanted = None if options.filter is None else _parsed(options.filter)
    # A relay is enough to do; without one there is an address to listen on.
    address = options.listen or (None if options.relay else ListenAddress())
    for each in (address, *(relay.address for relay in options.relay)):
        if each is not None:
            _agree_on(each, allowed=options.allow_network)
    claimed = None
    with Ending() as ending:
        if options.capture is None:
            claimed = CaptureFolder(default_folder()).claim_new()
        path = options.capture if claimed is None else claimed.path
        try:
            _must_be_new(path)
            with _output(path, as_json=options.json) as out:
                console = Console(
                    ConsoleOptions(
                        address,
                        _settings(options, EngineSettings()),
                        path,
                        options.json,
                        wanted,
                        options.diagnostics,
                        tuple(options.relay),
                        claimed,
                    ),
                    program_version(),
                    load_test_page(),
                    out,
                    writing=ending.writing,
                )
                ending.call(console.stop)
                return console.run()
        except OutputStuck:
            abandon_output()
            # Possibly to the same terminal.
            with suppress(OutputStuck), ending.writing:
                say(f"stopped; nobody takes what is printed, so the rest is in {path} only.")
            return 0
        except EnvironmentFailure:
            abandon_output()
            raise
        finally:
            if claimed is not None:
                claimed.release()


@contextmanager
def _output(capture: Path, *, as_json: bool) -> Iterator[TextIO]:
    """Where the console prints: the standard output, or nowhere if that is closed."""
    if sys.stdout is None:
        warn(f"the standard output is closed: what happens is not printed, but recorded in {capture}.")
        with open(os.devnull, "w", encoding="utf-8") as nowhere:
            yield nowhere
        return
    if as_json and isinstance(sys.stdout, io.TextIOWrapper):
        # JSON is UTF-8 wherever it goes (RFC 8259 section 8.1).
        sys.stdout.reconfigure(encoding="utf-8")
    yield sys.stdout


def _parsed(*texts: str) -> Filter:
    """The filter. Raises FilterError if one of the texts is not a filter."""
    # Imported late: loading takes a tenth of a second.
    from core.query.language import default_language

    return default_language().filter(*texts)


def _agree_on(address: ListenAddress, *, allowed: bool) -> None:
    """Raise UnmaskError if others can reach the address without permission: by `allowed`, or from the terminal."""
    if address.is_loopback:
        return
    reach = (
        f"{address} is not only this machine's: everybody who can reach it over the network can connect and send, "
        "unencrypted and without a password."
    )
    if allowed:
        warn(reach)
        return
    if sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty():
        say(reach)
        sys.stderr.write("Let others connect? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return
    raise UnmaskError(
        f"Nothing listens, as others could reach {address}. Add --allow-network to let them, or listen on 127.0.0.1."
    )


def _must_be_new(path: Path) -> None:
    if path.exists():
        raise UnmaskError(f"{path} exists already. Name a capture that does not, or move that one away.")


def _export(options: argparse.Namespace) -> int:
    wanted: Format = default_formats().get(options.format)
    part = _part(options.filter, options.connection)
    work = ExportWork()
    try:
        if options.output is not None:
            export_capture(wanted, options.file, options.output, part=part, work=work)
            return _whether_whole(work)
        if sys.stdout is None:
            raise UnmaskError(
                "The standard output is closed. Say with -o which file the export is to be written to."
            )
        reader = CaptureReader(options.file)
        try:
            for piece in pieces(wanted, reader, part, work):
                sys.stdout.buffer.write(piece)
            sys.stdout.buffer.flush()
        finally:
            reader.close()
    except BrokenPipeError:
        raise
    except OSError as error:
        abandon_output()
        raise cannot_export(options.output, error) from error
    return _whether_whole(work)


def _whether_whole(work: ExportWork) -> int:
    """The exit status of a finished export."""
    if not work.missed_frames:
        return 0
    say(missed_sentence(work.missed_frames))
    return 1


def _part(filter_text: str | None, connection: int | None) -> ExportPart:
    """What to export. Raises FilterError."""
    texts = [] if connection is None else [f"connection == {connection}"]
    texts += [] if filter_text is None else [filter_text]
    return ExportPart(_parsed(*texts) if texts else None, connection)


def _settings(options: argparse.Namespace, settings: EngineSettings) -> EngineSettings:
    """`settings` changed as the command line says."""
    if options.auto_reply is not None:
        settings = replace(settings, auto_reply=AutoReply(options.auto_reply))
    if options.tolerant:
        settings = replace(settings, judgement=Judgement.TOLERANT)
    sizes = {"message_bytes": options.max_message, "memory_bytes": options.memory}
    given = {name: size for name, size in sizes.items() if size is not None}
    try:
        settings = replace(settings, limits=replace(settings.limits, **given))
    except ValueError as error:
        raise UnmaskError(str(error)) from None
    for keep in options.keep or ():
        settings = replace(settings, keep=settings.keep.both(keep))
    if options.allow_origin:
        settings = replace(settings, allowed_origins=tuple(dict.fromkeys(options.allow_origin)))
    if options.allow_host:
        hosts = tuple(dict.fromkeys((*settings.extra_hosts, *options.allow_host)))
        settings = replace(settings, extra_hosts=hosts)
    return settings


class _Parser(argparse.ArgumentParser):
    """Escapes invalid arguments before they are printed on the terminal."""

    def error(self, message: str) -> NoReturn:
        super().error(safe(message))


def main_parser() -> argparse.ArgumentParser:
    """The command line of `unmask`."""
    parser = _Parser(
        prog="unmask",
        description="See what really goes over a WebSocket: a server that shows every byte, and lets you answer.",
        epilog=f"A SIZE is a number of bytes, or a number with a unit: {UNITS_HELP}. "
        "“unmask export --help” tells how to write a capture in another format.",
    )
    parser.add_argument(
        "file", nargs="?", type=Path, metavar="CAPTURE", help="a capture to open in the window"
    )
    parser.add_argument("--version", action="version", version=f"unmask {program_version()}")
    parser.add_argument("--headless", action="store_true", help="no window: print what happens")
    parser.add_argument("--json", action="store_true", help="no window: print one JSON object a line")
    parser.add_argument(
        "--listen",
        type=_in_words(parse_address),
        metavar="HOST:PORT",
        help="where to listen: also a port alone, or a ws:// URL (default 127.0.0.1:8080; port 0 picks a free one, "
        "which is printed first)",
    )
    parser.add_argument(
        "--relay",
        type=_in_words(parse_relay),
        action="append",
        default=[],
        metavar="[HOST:PORT=]URL",
        help="with --headless or --json: relay who connects there (default a free port of 127.0.0.1, which is printed) "
        "to the server of that ws:// URL, and record both ways; may stand several times",
    )
    parser.add_argument(
        "--allow-network",
        action="store_true",
        help="listen without a question where others than this machine can connect; needed where nobody can be asked",
    )
    parser.add_argument(
        "--capture",
        type=Path,
        metavar="FILE",
        help="record into this new file (default: one that the window offers at its next start)",
    )
    parser.add_argument("--filter", metavar="EXPR", help=f"without a window: {_FILTER_HELP}")
    parser.add_argument(
        "--auto-reply", choices=[each.value for each in AutoReply], help="what to answer to each message"
    )
    parser.add_argument(
        "--tolerant", action="store_true", help="record what peers do wrong and carry on, instead of closing"
    )
    parser.add_argument(
        "--max-message",
        type=_in_words(parse_message_size),
        metavar="SIZE",
        help=f"largest message, such as 16MiB (default {size_text(Limits().message_bytes)}, "
        f"at most {size_text(LARGEST_MESSAGE)})",
    )
    parser.add_argument(
        "--memory",
        type=_in_words(parse_size),
        metavar="SIZE",
        help="what may be held in memory for all peers together, such as 2GiB; at least four largest messages "
        "(default: an eighth of the machine's memory, but not less than 256MiB)",
    )
    parser.add_argument(
        "--keep",
        type=_in_words(parse_bounds),
        action="append",
        metavar="HOWMUCH",
        help="keep only the last SIZE, such as 2GB, 1000000frames or 24h; what is older is dropped; may be given more "
        "than once. A size is what lies on the disk, write-ahead log and all; it may be exceeded by a fifth for "
        "moments, or by three of the largest messages where that is more",
    )
    parser.add_argument(
        "--allow-origin",
        type=_in_words(parse_origin),
        action="append",
        metavar="ORIGIN",
        help="let only pages of this origin connect, such as https://example.com; may be given more than once",
    )
    parser.add_argument(
        "--allow-host",
        type=_in_words(parse_host_name),
        action="append",
        metavar="NAME",
        help="a name that clients on this machine may call us by, beside localhost; may be given more than once",
    )
    parser.add_argument(
        "--diagnostics",
        type=Path,
        metavar="FILE",
        help="write figures about Unmask itself to the end of this file, one JSON object a second",
    )
    parser.add_argument(
        "--self-test",
        type=Path,
        metavar="DIR",
        help="check the real window with a real client; screenshots to DIR",
    )
    return parser


def export_parser() -> argparse.ArgumentParser:
    """The command line of `unmask export`."""
    formats = default_formats()
    parser = _Parser(
        prog="unmask export",
        description="Write a capture in another format. "
        + " ".join(f"{each.name}: {each.help}" for each in formats),
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="the capture")
    parser.add_argument(
        "--format", choices=formats.names(), default=formats.names()[0], help="default: %(default)s"
    )
    parser.add_argument("--filter", metavar="EXPR", help=_FILTER_HELP)
    parser.add_argument(
        "--connection",
        type=_connection_number,
        metavar="NUMBER",
        help="only this connection: its handshake, its frames (with --filter those that match), its close",
    )
    parser.add_argument(
        "--output", "-o", type=Path, metavar="FILE", help="where to (default: standard output)"
    )
    return parser


def _connection_number(text: str) -> int:
    try:
        number = int(text.removeprefix("#"))
    except ValueError:
        number = 0
    if not 0 < number < 2**63:
        raise argparse.ArgumentTypeError(f"“{text}” is no connection's number: those are 1, 2, 3 and so on.")
    return number


def _in_words(parse: Callable[[str], _T]) -> Callable[[str], _T]:
    """`parse`, with its errors in a form that argparse prints unchanged."""

    def parsed(text: str) -> _T:
        try:
            return parse(text)
        except (AddressError, ValueError) as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return parsed
