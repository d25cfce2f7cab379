"""`unmask probe`: breaks each rule of the catalogue against a server or a client, and reports how it takes that."""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TextIO

from app.terminal.ending import Ending, Writing
from app.terminal.standard_streams import say, warn
from core.capture.reader import CaptureReader
from core.decoders.visible import terminal_text
from core.errors import ExportError, UnmaskError
from core.net.connect_request import ConnectRequest, parse_url
from core.net.failures import Failure
from core.net.fronts.test_page import TestPage
from core.net.host import CaptureMoved, EngineHost, SendResult
from core.net.settings import EngineSettings, Limits, is_loopback
from core.net.sources import Listen, Source, SourceState, SourceStatus, parse_listen
from core.probe.engine_port import EnginePort, ProbeFront
from core.probe.outcome import Result
from core.probe.preset import Preset
from core.probe.registry import PRESETS, presets_of
from core.probe.report import Report, as_json, markdown
from core.probe.run import Plan, ProbeRun
from core.protocol.state import Role
from core.protocol.violations import Judgement

FOUND_SOMETHING = 3
"""Exit status where the peer did something that the RFC does not let it do."""
_SOURCE = 1
_STEP_SECONDS = 0.02
_FASTEST = 50.0
"""Connections a second at most."""
_LIMITS = Limits(close_seconds=2.0)
_FORMS: dict[str, Callable[[Report], str]] = {"markdown": markdown, "json": as_json}
_STATED = frozenset((SourceState.RUNNING, SourceState.FAILED))


def add_probe_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of `unmask probe`."""
    add = parser.add_argument
    add("url", nargs="?", metavar="URL", help="the server to probe, such as ws://127.0.0.1:9000/chat")
    add(
        "--listen",
        metavar="ADDRESS",
        help="probe a client instead: listen on HOST:PORT or a port, where it has to connect again after each fault",
    )
    add(
        "--only",
        action="append",
        default=[],
        metavar="PRESET",
        help="try this preset alone, or those that a pattern such as close-* fits; may stand several times",
    )
    add("--list", action="store_true", help="print the presets, and try nothing")
    add(
        "--yes",
        action="store_true",
        help="ask nothing: for servers on other machines, and for clients that can come from there",
    )
    add(
        "--rate",
        type=_rate,
        default=10.0,
        metavar="N",
        help=f"connections a second at most (default %(default)g, at most {_FASTEST:g}); there is one at a time",
    )
    add(
        "--patience",
        type=_seconds,
        default=3.0,
        metavar="SECONDS",
        help="how long a peer may do nothing before it counts as hung (default %(default)g)",
    )
    add(
        "--back-within",
        type=_seconds,
        default=10.0,
        metavar="SECONDS",
        help="how soon a server must accept, or a client connect, after a fault (default %(default)g)",
    )
    add(
        "--header",
        "-H",
        type=_header,
        action="append",
        default=[],
        metavar="NAME:VALUE",
        help="a header of each request; may stand several times",
    )
    add("--subprotocol", action="append", default=[], metavar="NAME", help="a subprotocol to offer")
    add("--insecure", "-k", action="store_true", help="take any certificate")
    add(
        "--format",
        choices=_FORMS,
        help="print the report in this form at the end; without it, a line is printed for each preset",
    )
    add(
        "--output", "-o", type=Path, metavar="FILE", help="write the report to this file; .json makes it JSON"
    )
    add("--capture", type=Path, metavar="FILE", help="keep what passed in this new capture")


def run_probe(options: argparse.Namespace, version: str, page: TestPage, out: TextIO) -> int:
    """Do as `unmask probe` was told; gives the exit status. Raises UnmaskError."""
    if options.list:
        for preset in PRESETS:
            out.write(f"{preset.id:36} {preset.title}\n")
        return 0
    asked = _asked(options)
    if not asked.is_local and not options.yes:
        _agree(asked)
    with Ending() as ending, _Place(options.capture) as capture:
        probe = _Probe(asked, options, version, page, capture, out, ending.writing)
        ending.call(probe.stop)
        report = probe.run()
    if options.output is not None:
        form = "json" if options.output.suffix == ".json" else "markdown"
        _write(options.output, _FORMS[options.format or form](report))
    elif options.format is not None:
        out.write(_FORMS[options.format](report))
    if options.capture is not None:
        say(f"recorded in {options.capture}.")
    if report.remark and not report.is_whole:
        raise UnmaskError(f"The probe ended early. {report.remark}")
    return FOUND_SOMETHING if report.findings else 0


@dataclass(frozen=True, slots=True)
class _Asked:
    """Who is to be probed."""

    peer: str
    is_local: bool
    """Whether nobody but this machine takes part."""
    presets: tuple[Preset, ...]
    request: ConnectRequest | None
    listen: Listen | None


def _asked(options: argparse.Namespace) -> _Asked:
    if (options.url is None) == (options.listen is None):
        raise UnmaskError(
            "Name a URL to probe its server, or --listen to probe a client; see unmask probe --help."
        )
    sender = Role.SERVER if options.url is None else Role.CLIENT
    presets = _chosen(presets_of(sender), options.only)
    if options.url is None:
        listen = parse_listen(options.listen)
        return _Asked(str(listen.address), listen.address.is_loopback, presets, None, listen)
    url = parse_url(options.url)
    if url.is_secure:
        presets = tuple(preset for preset in presets if preset.id != "head-looks-like-tls")
    request = ConnectRequest(
        url,
        headers=tuple(options.header),
        subprotocols=tuple(options.subprotocol),
        accepts_any_certificate=options.insecure,
    )
    is_local = url.host.lower() == "localhost" or is_loopback(url.host)
    return _Asked(url.text, is_local, presets, request, None)


def _chosen(presets: tuple[Preset, ...], patterns: Sequence[str]) -> tuple[Preset, ...]:
    for pattern in patterns:
        if not any(fnmatchcase(preset.id, pattern) for preset in presets):
            raise UnmaskError(f"No preset for this side fits {pattern!r}: unmask probe --list names all.")
    if not patterns:
        return presets
    return tuple(preset for preset in presets if any(fnmatchcase(preset.id, pattern) for pattern in patterns))


def _agree(asked: _Asked) -> None:
    """Raise UnmaskError if nobody agrees that another machine takes part."""
    count = len(asked.presets)
    if asked.request is not None:
        what = f"{asked.peer} gets up to {count} connections one after the other, each with something wrong in it."
    else:
        what = f"Everybody who can reach {asked.peer} over the network can connect, and gets wrong bytes."
    if sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty():
        say(f"{what} Probe only what is yours, or what you may.")
        sys.stderr.write("Go on? [y/N] ")
        sys.stderr.flush()
        if sys.stdin.readline().strip().lower() in ("y", "yes"):
            return
    raise UnmaskError(f"Nothing is sent. {what} Add --yes if that is what you want.")


class _Place:
    """Where the capture lies: where the person wants it, or in a folder that is removed."""

    def __init__(self, wanted: Path | None) -> None:
        self._wanted = wanted
        self._folder: str | None = None

    def __enter__(self) -> Path:
        if self._wanted is not None:
            if self._wanted.exists():
                raise UnmaskError(f"{self._wanted} exists already. Name a capture that does not.")
            return self._wanted
        self._folder = tempfile.mkdtemp(prefix="unmask-probe-")
        return Path(self._folder) / "probe.unmask"

    def __exit__(self, *_error: object) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)


class _Probe:
    """An engine for one probe, and what is printed meanwhile."""

    def __init__(
        self,
        asked: _Asked,
        options: argparse.Namespace,
        version: str,
        page: TestPage,
        capture: Path,
        out: TextIO,
        writing: Writing,
    ) -> None:
        self._writing = writing
        self._asked = asked
        self._out = out
        self._prints = options.format is None
        self._news = threading.Event()
        self._told: list[SourceStatus] = []
        self._is_stopped = False
        settings = EngineSettings(limits=_LIMITS, judgement=Judgement.TOLERANT)
        self._host = EngineHost(capture, version, settings, page, self)
        self._reader = CaptureReader(capture)
        self._front = ProbeFront() if asked.listen is not None else None
        port = EnginePort(self._host, self._reader, self._front)
        plan = Plan(
            asked.peer,
            asked.presets,
            asked.request,
            options.patience,
            1 / options.rate,
            options.back_within,
        )
        self._run = ProbeRun(port, plan)
        self._thread = threading.Thread(target=self._host.run, name="engine")

    def stop(self) -> None:
        """Try nothing more. Any time, also from a signal."""
        self._is_stopped = True
        self._news.set()

    def run(self) -> Report:
        """Probe to the end. Raises UnmaskError if nobody can be listened for."""
        self._thread.start()
        try:
            if self._asked.listen is not None:
                self._listen(self._asked.listen)
            self._go_through()
            return self._run.report
        finally:
            self._host.stop()
            self._thread.join()
            self._reader.close()
            self._host.close()

    def _listen(self, listen: Listen) -> None:
        front = self._front
        assert front is not None
        self._host.ask(lambda engine: engine.set_front(_SOURCE, front))
        self._host.start_source(Source(_SOURCE, "probe", listen))
        while not self._is_stopped:
            self._news.wait()
            self._news.clear()
            told = next((status for status in self._told if status.state in _STATED), None)
            if told is not None and told.state is SourceState.FAILED:
                raise UnmaskError(told.failure)
            if told is not None:
                scheme = "ws" if listen.tls is None else "wss"
                say(
                    f"waiting for a client at {', '.join(f'{scheme}://{place}/' for place in told.addresses)}"
                )
                return

    def _go_through(self) -> None:
        run, printed = self._run, 0
        while not run.is_over:
            if self._is_stopped:
                run.stop()
            run.step(time.monotonic())
            results = run.report.results
            # The newest may still turn out to be what it broke down under.
            for result in results[printed : len(results) if run.is_over else -1]:
                self._print(result)
                printed += 1
            self._news.wait(_STEP_SECONDS)
            self._news.clear()
        for result in run.report.results[printed:]:
            self._print(result)
        self._write(f"{run.report.summary}.")

    def _print(self, result: Result) -> None:
        mark = "ok     " if result.is_fine else "AGAINST"
        said = f"{result.said}: {result.detail}" if result.detail else result.said
        self._write(f"{mark} {result.preset.id:32} {said}")

    def _write(self, line: str) -> None:
        if self._prints:
            with self._writing:
                self._out.write(terminal_text(line) + "\n")
                self._out.flush()

    # HostListener.

    def on_changed(self) -> None:
        self._news.set()

    def on_source(self, status: SourceStatus) -> None:
        self._told.append(status)
        self._news.set()

    def on_failed(self, failure: Failure) -> None:
        if failure.subject != "probe":
            warn(failure.sentence)

    def on_sent(self, result: SendResult) -> None:
        pass

    def on_capture_moved(self, moved: CaptureMoved) -> None:
        pass


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ExportError(f"{path} cannot be written ({error.strerror}). Choose another place.") from error


def _rate(text: str) -> float:
    rate = _number(text)
    if not 0 < rate <= _FASTEST:
        raise argparse.ArgumentTypeError(f"{text} is no rate: give a number up to {_FASTEST:g}")
    return rate


def _seconds(text: str) -> float:
    seconds = _number(text)
    if not 0 < seconds <= 3600:
        raise argparse.ArgumentTypeError(f"{text} is no such time: give seconds, up to 3600")
    return seconds


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number") from None


def _header(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"{text!r} is no header: write NAME:VALUE")
    return name.strip(), value.strip()
