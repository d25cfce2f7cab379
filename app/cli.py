"""The command line: the window, the console mode, export, and the self-test.

Nothing here imports Qt before it is known that a window will be shown.
"""

from __future__ import annotations

import argparse
import io
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType
from typing import NoReturn, TextIO

from app.logic.ending_signals import ending_signals
from app.logic.exporting import ExportPart, ExportWork, cannot_export, export_capture, missed_sentence, pieces
from app.logic.user_folders import authority_folder
from app.options import (
    certificate_parser,
    engine_settings,
    export_parser,
    main_parser,
    probe_parser,
    script_parser,
    sources_in,
)
from app.runtime.display import missing_display
from app.terminal.certificate_command import show_certificate
from app.terminal.connect_options import talk_of
from app.terminal.ending import Ending, OutputStuck
from app.terminal.rule_options import any_holds, book_of, rules_in
from app.terminal.script_command import write_script
from app.terminal.standard_streams import abandon_output, say, warn
from app.version import program_version
from core.capture.reader import CaptureReader
from core.capture.records import Mode
from core.capture.session_files import CaptureFolder, default_folder
from core.errors import EnvironmentFailure, FilterError, UnmaskError
from core.formats.registry import Format, default_formats
from core.net.fronts.test_page import load_test_page
from core.net.loop import tune_interpreter
from core.net.settings import EngineSettings, ListenAddress
from core.net.sources import Listen, Source, named
from core.query.expressions import Filter
from core.rules.faults import RuleFileError

_REACHES = {
    Mode.LISTEN: "connect and send, unencrypted and without a password.",
    Mode.RELAY: "reach the server behind it as if from this machine, unencrypted and without a password.",
    Mode.PROXY: "reach every host that this machine reaches, and what they do is recorded here.",
}
"""What others can do, by the kind of a source."""


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
        if words[:1] == ["probe"]:
            return _probe(probe_parser().parse_args(words[1:]))
        if words[:1] == ["certificate"]:
            out = None if sys.stdout is None else sys.stdout.buffer
            return show_certificate(certificate_parser().parse_args(words[1:]), authority_folder(), out)
        if words[:1] == ["script"]:
            return write_script(script_parser().parse_args(words[1:]))
        options = main_parser().parse_args(words)
        if options.self_test is not None:
            from app.self_test import run_self_test

            return run_self_test(options.self_test)
        return _run(options)
    except FilterError as error:
        say(str(error))
        sys.stderr.write(f"{error.pointed()}\n")
        return 2
    except RuleFileError as error:
        say(str(error))
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
    without_window = options.headless or options.json or options.quiet
    if options.window and without_window:
        main_parser().error("--window does not go with --headless, --json or --quiet")
    if options.filter is not None and (options.quiet or not without_window):
        main_parser().error("--filter goes with --headless or --json")
    if options.script is not None and not options.script.is_file():
        raise UnmaskError(
            f"There is no file {options.script}. “unmask script {options.script}” writes one to begin with."
        )
    tune_interpreter()
    if without_window or ((options.connect or options.curl) and not options.window):
        return _run_console(options)
    missing = missing_display()
    if missing is not None:
        say(f"there is no display ({missing}): running the console mode.")
        return _run_console(options)
    from app.window.desktop import run_desktop

    return run_desktop(
        sources=sources_in(options),
        allow_network=options.allow_network,
        capture=options.capture,
        open_capture=options.file,
        diagnostics=options.diagnostics,
        open_browser=options.open_browser is not None,
        script=options.script,
        adjust=lambda settings: engine_settings(options, settings),
        rules=rules_in(options),
    )


def _run_console(options: argparse.Namespace) -> int:
    from app.terminal.console import Console, ConsoleOptions, Telling

    wanted = None if options.filter is None else _parsed(options.filter)
    given = rules_in(options)
    if any_holds(given):
        warn("what the rules hold goes on when its time is up: nobody can decide about it here.")
    rules = book_of(given)
    sources = named(sources_in(options) or (Listen(ListenAddress()),))
    for each in sources:
        _agree_on(each, allowed=options.allow_network)
    claimed = None
    with Ending() as ending:
        if options.capture is None:
            claimed = CaptureFolder(default_folder()).claim_new()
        path = options.capture if claimed is None else claimed.path
        try:
            _must_be_new(path)
            with _output(path, as_json=options.json) as out:
                console_options = ConsoleOptions(
                    sources,
                    engine_settings(options, EngineSettings()),
                    path,
                    options.json,
                    Telling.SOURCES if options.quiet else Telling.ALL,
                    wanted,
                    options.diagnostics,
                    claimed,
                    options.open_browser,
                    options.script,
                    rules,
                )
                talk = talk_of(options, sources)
                version, page, writing = program_version(), load_test_page(), ending.writing
                if talk is None:
                    console = Console(console_options, version, page, out, writing=writing)
                else:
                    from app.terminal.client_console import ClientConsole
                    from app.terminal.message_output import MessageOutput

                    messages = None
                    if talk.binary is not None:
                        messages, out = MessageOutput(sys.stdout.buffer, talk.binary), sys.stderr
                    console = ClientConsole(
                        console_options, talk, version, page, out, writing=writing, messages=messages
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


def _agree_on(source: Source, *, allowed: bool) -> None:
    """Raise UnmaskError if others can reach the source without permission: by `allowed`, or from the terminal."""
    address = source.address
    if address is None or address.is_loopback:
        return
    what = _REACHES[source.mode]
    reach = f"{address} is not only this machine's: everybody who can reach it over the network can {what}"
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
        f"Nothing is started, as others could reach {address}. Add --allow-network to let them, or use 127.0.0.1."
    )


def _must_be_new(path: Path) -> None:
    if path.exists():
        raise UnmaskError(f"{path} exists already. Name a capture that does not, or move that one away.")


def _probe(options: argparse.Namespace) -> int:
    from app.terminal.probe_command import run_probe

    tune_interpreter()
    if sys.stdout is None:
        raise UnmaskError("The standard output is closed, so that nobody would read the report.")
    try:
        return run_probe(options, program_version(), load_test_page(), sys.stdout)
    except OutputStuck:
        abandon_output()
        return 1


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
