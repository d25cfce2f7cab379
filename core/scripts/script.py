"""A script: a file of a person's, its process, and the newer one that replaces it when the file is saved.

Everything runs on the engine's loop, except what is said to be for any thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from core.errors import CallerError
from core.protocol.outgoing import Outgoing, Target
from core.protocol.state import Role
from core.rules.advice import Question
from core.rules.moment import Moment
from core.rules.verdict import Verdict
from core.scripts.command import child_command
from core.scripts.link import Failing, Link
from core.scripts.log import ScriptLog
from core.scripts.order import Order
from core.scripts.patience import Patience
from core.scripts.questions import Decide
from core.scripts.records import Utterance
from core.scripts.state import ProcessState
from core.scripts.unanswered import UNCHANGED, unanswered
from core.scripts.watch import FileWatch

_END_SECONDS = 2.0
_NEWS_SECONDS = 0.05
"""News are told together."""


class ScriptState(Enum):
    """What a script does."""

    STARTING = "starting"
    RUNNING = "running"
    EARLIER = "running as it was before"
    """What was saved last does not run; what ran before still does."""
    STUCK = "stuck"
    OVER = "not running"
    """It could not begin, or has ended: everything passes unchanged."""


@dataclass(frozen=True, slots=True)
class ScriptStatus:
    """A script at one moment."""

    path: Path
    state: ScriptState
    trouble: str
    """A sentence: why it does not run, or not as it was saved; "" if it does."""
    line: int
    """Where in the file the trouble is, from 1; 0 if that is not known."""
    asked: int
    """Number of questions put to it."""
    unchanged: int
    """Messages that passed without an answer of its."""
    loads: int
    """How often it was started with success."""


class Script:
    """Asked about what passes; keeps a process for it. It is an `Adviser`."""

    def __init__(
        self,
        path: Path,
        log: ScriptLog,
        tell_news: Callable[[], None],
        command: tuple[str, ...] | None = None,
        patience: Patience | None = None,
    ) -> None:
        """Any thread. `tell_news` is called on the loop's thread when there is something new in `status` or `log`.

        `command` starts the process.
        """
        self.path = path.absolute()
        self.log = log
        self._tell_news = tell_news
        self._command = child_command() if command is None else command
        self._patience = patience or Patience()
        self._loop: asyncio.AbstractEventLoop
        self._send: Callable[[Target, Outgoing], None]
        self._tell_asked: Callable[[], None]
        self._watch: FileWatch | None = None
        self._link: Link | None = None
        """The process that is asked."""
        self._coming: Link | None = None
        """Replaces it once it has run the file."""
        self._links: set[Link] = set()
        """All whose process is not gone."""
        self._order = Order()
        self._redacts = False
        """Whether the version that ran last says what is recorded."""
        self._trouble = Failing("")
        self._asked = self._unchanged = self._loads = 0
        """Figures of processes that are gone."""
        self._news: asyncio.TimerHandle | None = None
        self._has_begun = False
        self._is_closed = False
        self.status = self._status()
        """For any thread."""

    def start(self, send: Callable[[Target, Outgoing], None], tell_asked: Callable[[], None]) -> None:
        """Start the process, and look at the file from now on. Once only.

        `send` sends what belongs to no message, and may raise CallerError. `tell_asked` is called when `is_asked`
        answers otherwise than before.
        """
        self._loop = asyncio.get_running_loop()
        self._send = send
        self._tell_asked = tell_asked
        # Before the file is read, so that no change of it is missed.
        self._watch = FileWatch(
            self.path, self._on_loop(self._saved), self._on_loop(self._gone), self._patience.look_seconds
        )
        self._begin()

    def restart(self) -> None:
        """Start it anew, by hand; what runs goes on until the new process has run the file."""
        if not self._is_closed:
            self.log.add(Utterance.NEWS, f"{self.path.name} is started again.")
            self._begin()

    # Adviser.

    @property
    def name(self) -> str:
        return self.path.name

    @property
    def unanswered(self) -> Verdict:
        return unanswered(redacts=self._redacts or (self._link is not None and self._link.redacts))

    def is_asked(self, moment: Moment, sender: Role) -> bool:  # noqa: ARG002
        link = self._link
        if link is None:
            # While it does not run, what it would redact is not recorded.
            return self._redacts and moment is Moment.MESSAGE
        # An end is of interest in any case, so that a process forgets the connection.
        return moment in link.moments or moment is Moment.CLOSE

    def ask(self, question: Question, decide: Decide) -> None:
        link = self._link
        if link is None:
            decide(self.unanswered if question.moment is Moment.MESSAGE else UNCHANGED)
            return
        link.ask(question, self._order.kept(question, decide))
        self._tell()

    async def close(self) -> None:
        """End all processes, and wait until they are gone."""
        self._is_closed = True
        if self._watch is not None:
            self._watch.close()
        links = tuple(self._links)
        for link in links:
            link.end()
        if links:
            # One that the system itself does not get rid of is not waited for.
            await asyncio.wait([asyncio.ensure_future(link.ended()) for link in links], timeout=_END_SECONDS)
        if self._news is not None:
            self._news.cancel()

    def abandon(self) -> None:
        """The loop is gone, and with it the process: look at the file no more. Any thread."""
        self._is_closed = True
        if self._watch is not None:
            self._watch.close()

    # The file.

    def _on_loop(self, action: Callable[[], None]) -> Callable[[], None]:
        def post() -> None:
            # The loop may be over by now.
            with suppress(RuntimeError):
                if not self._is_closed:
                    self._loop.call_soon_threadsafe(action)

        return post

    def _saved(self) -> None:
        if not self._is_closed:
            self.log.add(Utterance.NEWS, f"{self.path.name} was saved and is loaded again.")
            self._begin()

    def _gone(self) -> None:
        if not self._is_closed:
            still = ": what ran goes on" if self._link is not None else ""
            self.log.add(Utterance.TROUBLE, f"{self.path} is not there any more{still}.")
            self._tell()

    def _begin(self) -> None:
        """Start a process for the file as it is now."""
        self._has_begun = True
        if self._coming is not None:
            self._coming.end()
        link = Link(self._loop, self, str(self.path), self._patience)
        self._links.add(link)
        if self._link is None or self._link.state is ProcessState.STARTING:
            # The first one: what comes waits until it has run the file.
            before, self._link = self._link, link
            if before is not None:
                before.end()
        self._coming = link
        link.start(self._command)
        self._tell()

    # LinkOwner.

    def link_loaded(self, link: Link, files: tuple[str, ...]) -> None:
        if self._watch is not None:
            self._watch.look_at(tuple(map(Path, files)))
        self._loads += 1
        self._redacts = link.redacts
        self._trouble = Failing("")
        self._coming = None
        before, self._link = self._link, link
        if before is not None and before is not link:
            before.follow()
        names = ", ".join(f"on_{moment.value}" for moment in Moment if moment in link.moments)
        self.log.add(Utterance.NEWS, f"{self.path.name} runs, with {names}.")
        self._tell_asked()
        self._tell()

    def link_changed(self, link: Link) -> None:  # noqa: ARG002
        self._tell()

    def link_ended(self, link: Link, failing: Failing | None) -> None:
        self._links.discard(link)
        self._asked += link.asked
        self._unchanged += link.unchanged
        if link is self._coming:
            self._coming = None
        if link is self._link:
            self._link = None
            if not self._is_closed:
                self._tell_asked()
        if failing is not None:
            goes_on = self._link is not None
            sentence = f"{failing.sentence} What ran before goes on." if goes_on else failing.sentence
            self._trouble = Failing(sentence, failing.line, failing.detail)
            self.log.add(Utterance.ERROR, sentence, failing.line, failing.detail)
        self._tell()

    def link_told(self, kind: Utterance, text: str, line: int = 0, detail: str = "") -> None:
        self.log.add(kind, text, line, detail)
        self._tell()

    def link_sends(self, connection: int, toward: Role, outgoing: Outgoing) -> None:
        try:
            self._send(Target(connection, toward), outgoing)
        except CallerError as error:
            self.log.add(Utterance.TROUBLE, f"What {self.path.name} sends does not go out. {error}")
            self._tell()

    # News.

    def _status(self) -> ScriptStatus:
        link = self._link
        if link is None:
            is_over = self._coming is None and self._has_begun
            state = ScriptState.OVER if is_over else ScriptState.STARTING
        elif link.state is ProcessState.STARTING:
            state = ScriptState.STARTING
        elif link.state is ProcessState.STUCK:
            state = ScriptState.STUCK
        else:
            state = ScriptState.EARLIER if self._trouble.sentence else ScriptState.RUNNING
        return ScriptStatus(
            self.path,
            state,
            self._trouble.sentence,
            self._trouble.line,
            self._asked + sum(each.asked for each in self._links),
            self._unchanged + sum(each.unchanged for each in self._links),
            self._loads,
        )

    def _tell(self) -> None:
        """There are news. They are told a little later, with all that come until then."""
        if self._news is None and not self._is_closed:
            self._news = self._loop.call_later(_NEWS_SECONDS, self._tell_now)

    def _tell_now(self) -> None:
        self._news = None
        self.status = self._status()
        self._tell_news()
