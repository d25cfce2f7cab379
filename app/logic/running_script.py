"""A script that an engine asks, for whoever shows it: window or console."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Protocol

from core.net.engine import Engine
from core.protocol.events import Origin
from core.scripts.log import LogEntry, ScriptLog
from core.scripts.records import Utterance
from core.scripts.script import Script, ScriptStatus


class Host(Protocol):
    """What runs an engine on a thread of its own."""

    @property
    def clock(self) -> Callable[[], int]:
        """Gives ns since the epoch."""

    def ask(self, action: Callable[[Engine], None]) -> None:
        """Run `action` on the loop's thread."""


class RunningScript:
    """Runs until `stop`, or until another one takes its place. Any thread."""

    def __init__(self, host: Host, path: Path, tell_news: Callable[[], None]) -> None:
        """`tell_news` is called on the engine's thread when there is something new to be read here."""
        self.path = path.absolute()
        self.log = ScriptLog(host.clock)
        self._host = host
        self._tell_news = tell_news
        self._script = Script(self.path, self.log, tell_news)
        host.ask(self._begin)

    @property
    def status(self) -> ScriptStatus:
        """How it is."""
        return self._script.status

    def restart(self) -> None:
        """Start it anew, by hand."""
        script = self._script
        self._host.ask(lambda _: script.restart())

    def begin_anew(self) -> None:
        """Run on in an engine that has begun anew."""
        self._script.abandon()
        self._script = Script(self.path, self.log, self._tell_news)
        self._host.ask(self._begin)

    def stop(self) -> None:
        """Ask it no more, and end it."""
        self._host.ask(lambda engine: engine.ruling.set_adviser(None))

    def _begin(self, engine: Engine) -> None:
        ruling = engine.ruling
        self._script.start(
            lambda target, outgoing: engine.send(target, outgoing, Origin.RULE), ruling.ask_anew
        )
        ruling.set_adviser(self._script)


def entry_text(entry: LogEntry, name: str) -> str:
    """An entry of the log of the script `name`, on one line or, with a traceback, on several."""
    said = (
        entry.text
        if entry.kind in (Utterance.ERROR, Utterance.TROUBLE, Utterance.NEWS)
        else f"{name}: {entry.text}"
    )
    times = f" ({entry.times} times)" if entry.times > 1 else ""
    detail = f"\n{entry.detail.rstrip()}" if entry.detail else ""
    return f"{said}{times}{detail}"
