"""One process of a script, as the engine's loop sees it: questions, answers, and the time for them."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from core.protocol.http11 import parsed_request
from core.protocol.outgoing import Outgoing
from core.protocol.state import Role
from core.rules.advice import Question
from core.rules.moment import Moment
from core.rules.verdict import Verdict
from core.scripts.complaints import Complaints
from core.scripts.patience import Patience
from core.scripts.process import Process
from core.scripts.questions import Decide, Questions, Waiting
from core.scripts.records import (
    Ask,
    Begun,
    Decided,
    Forget,
    FromScript,
    Here,
    Knock,
    Load,
    Loaded,
    Meet,
    Sending,
    Told,
    Unloadable,
    Utterance,
)
from core.scripts.state import ProcessState, Trigger, step
from core.scripts.unanswered import UNCHANGED, unanswered
from core.scripts.wire import WireError, to_script, unpacker_of_script

_MOST_RECORDS = 100
"""Records that are worked on in one turn of the loop."""


@dataclass(frozen=True, slots=True)
class Failing:
    """Why a process is over, or could not begin."""

    sentence: str
    line: int = 0
    detail: str = ""


class LinkOwner(Protocol):
    """Hears of a process, on the loop's thread."""

    def link_loaded(self, link: Link, files: tuple[str, ...]) -> None:
        """The file has run."""

    def link_changed(self, link: Link) -> None:
        """Its state or its figures are others."""

    def link_ended(self, link: Link, failing: Failing | None) -> None:
        """The process is over; None if it was ended as it should."""

    def link_told(self, kind: Utterance, text: str, line: int = 0, detail: str = "") -> None:
        """An entry for the log."""

    def link_sends(self, connection: int, toward: Role, outgoing: Outgoing) -> None:
        """Something to send that belongs to no message any more."""


class Link:
    """Asks one process, and goes on without it where it does not answer."""

    def __init__(
        self, loop: asyncio.AbstractEventLoop, owner: LinkOwner, path: str, patience: Patience
    ) -> None:
        self._loop = loop
        self._owner = owner
        self._path = path
        self._name = os.path.basename(path)
        self._patience = patience
        self.state = ProcessState.STARTING
        self.moments = frozenset(Moment)
        """Those that it wants to know of; before it has run, all."""
        self.redacts = False
        """Whether nothing may be recorded that it has not answered about."""
        self.asked = 0
        self.unchanged = 0
        """Messages that went on without an answer of its."""
        self._process = Process(loop, self)
        self._unpacker = unpacker_of_script()
        self._is_working = False
        self._complaints = Complaints(path, self._complain, self._found_place)
        self._known: set[int] = set()
        """Connections that it has heard of."""
        self._questions = Questions()
        self._asked_before = 0
        """The last question before the knock."""
        self._is_full = False
        self._unchanged_before = 0
        """`unchanged` when it became stuck."""
        self._failing: Failing | None = None
        self._is_wanted = True
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._ended = loop.create_future()
        self._task: asyncio.Task[None] | None = None

    # Called by the owner.

    def start(self, command: tuple[str, ...]) -> None:
        """Start the process."""
        self._process.write(to_script(Load(self._path)))
        self._set_timer("load", self._patience.load_seconds, self._load_takes_long)
        self._task = self._loop.create_task(self._begin(command))

    def ask(self, question: Question, decide: Decide) -> None:
        """Ask, and pass the answer on; at once if there will be none."""
        connection, moment = question.connection, question.moment
        is_over = moment is Moment.CLOSE
        if moment not in self.moments:
            decide(UNCHANGED)
        elif not self._has_room(question):
            decide(self.unanswered)
        else:
            if connection not in self._known:
                self._known.add(connection)
                self._process.write(to_script(_meet(question)))
            self.asked += 1
            ticket = self._questions.add(question, decide, self._loop.time())
            self._process.write(
                to_script(Ask(ticket, connection, moment, question.sender, question.head, question.payload))
            )
            if "deadline" not in self._timers:
                self._set_timer("deadline", self._patience.answer_seconds, self._look_at_deadlines)
        if is_over and connection in self._known:
            self._known.discard(connection)
            self._process.write(to_script(Forget(connection)))

    @property
    def unanswered(self) -> Verdict:
        """What becomes of what it has not answered."""
        return unanswered(redacts=self.redacts)

    def follow(self) -> None:
        """A newer process has taken over: end once all is answered, or too late."""
        self._is_wanted = False
        self._become(Trigger.FOLLOWED)
        self._end_if_finished()

    def end(self) -> None:
        """End the process at once; what waits goes on unchanged."""
        self._is_wanted = False
        self._over()

    async def ended(self) -> None:
        """Wait until the process is gone."""
        await self._ended

    # Called by the process.

    def process_said(self, data: bytes) -> None:
        self._unpacker.feed(data)
        if not self._is_working:
            self._work()

    def process_complained(self, data: bytes) -> None:
        self._complaints.take(data)
        self._process.let_complain(on=not self._complaints.is_too_much)
        if "second" not in self._timers:
            self._set_timer("second", 1.0, self._begin_second)

    def process_ended(self, status: int) -> None:
        while self._unpacker.has_more and self.state is not ProcessState.ENDED:
            # Its last words.
            self._work()
        if self._failing is None and self._is_wanted:
            self._failing = Failing(f"{self._name} {_way_of_ending(status)}: everything passes unchanged.")
        self._over()
        self._complaints.end()
        if not self._ended.done():
            self._ended.set_result(None)
        self._owner.link_ended(self, self._failing)

    # Internals.

    async def _begin(self, command: tuple[str, ...]) -> None:
        try:
            await self._process.start(command)
        except OSError as error:
            self._failing = Failing(
                f"{self._name} cannot run, as there can be no process for it: {error.strerror or error}."
            )
            self._over()
            self._ended.set_result(None)
            self._owner.link_ended(self, self._failing)
            return
        if self.state is ProcessState.ENDED:
            self._process.kill()

    def _has_room(self, question: Question) -> bool:
        """Whether another question may be put. Says once why not."""
        if self.state not in (ProcessState.STARTING, ProcessState.RUNNING):
            self.unchanged += self.state is ProcessState.STUCK
            return False
        if self._questions.has_room(question):
            self._is_full = False
            return True
        self.unchanged += 1
        if not self._is_full:
            self._is_full = True
            self._trouble(
                f"{self._name} is not fast enough for what comes: messages pass unchanged until it has caught up."
            )
        return False

    def _work(self) -> None:
        """Take some of what came. The rest waits for the next turn of the loop, and more of it in the pipe."""
        self._is_working = False
        if self.state is ProcessState.ENDED:
            return
        try:
            records = tuple(self._unpacker.records(_MOST_RECORDS))
        except WireError as error:
            self._fail(Failing(f"{self._name} wrote to Unmask what it cannot read ({error}), and was ended."))
            return
        self._take(records)
        self._is_working = self._unpacker.has_more
        self._process.let_talk(on=not self._is_working)
        if self._is_working:
            self._loop.call_soon(self._work)

    def _take(self, records: tuple[FromScript, ...]) -> None:
        for record in records:
            match record:
                case Decided(ticket, verdict):
                    self._hear()
                    self._decided(ticket, verdict)
                case Told(kind, text, line, detail):
                    self._owner.link_told(kind, text, line, detail)
                case Sending(connection, toward, outgoing):
                    self._owner.link_sends(connection, toward, outgoing)
                case Here():
                    self._hear()
                    # What it has not answered is up to functions that await something.
                    self._questions.all_begun(self._asked_before)
                    self._look_at_deadlines()
                case Begun(redacts):
                    self.redacts = redacts
                    self._questions.be_ready(self._loop.time())
                    self._look_at_deadlines()
                case Loaded(moments, files):
                    self._loaded(moments, files)
                case Unloadable(sentence, line, detail):
                    self._failing = Failing(sentence, line, detail)
            if self.state is ProcessState.ENDED:
                return

    def _loaded(self, moments: frozenset[Moment], files: tuple[str, ...]) -> None:
        if self.state is not ProcessState.STARTING:
            return
        self._drop_timer("load")
        # Its owner wants to know of ends in any case, so that it forgets.
        self.moments = moments
        self._become(Trigger.LOADED)
        self._owner.link_loaded(self, files)

    def _decided(self, ticket: int, verdict: Verdict) -> None:
        waiting = self._questions.answered(ticket, self._loop.time())
        if waiting is not None:
            waiting.decide(verdict)
        else:
            self._answered_late(ticket, verdict)
        self._end_if_finished()

    def _answered_late(self, ticket: int, verdict: Verdict) -> None:
        question = self._questions.answered_late(ticket, self._loop.time())
        for send in () if question is None else verdict.sends:
            assert question is not None
            self._owner.link_sends(question.connection, send.toward, send.outgoing)

    # Deadlines.

    def _look_at_deadlines(self) -> None:
        now, seconds = self._loop.time(), self._patience.answer_seconds
        late = self._questions.give_up(now - seconds, now)
        if late:
            self._pass_unchanged(late)
            self._trouble(
                f"{self._name} takes longer than {seconds:g} s over {_what(late[0].question)}: it goes on unchanged."
            )
            self._knock()
        begun = self._questions.first_begun
        if begun is not None:
            self._set_timer("deadline", begun + seconds - now, self._look_at_deadlines)
        self._end_if_finished()

    def _knock(self) -> None:
        """See whether it is there. It answers once no plain function is in its way."""
        if "knock" not in self._timers and self.state is not ProcessState.STUCK:
            self._asked_before = self._questions.last
            self._process.write(to_script(Knock()))
            self._set_timer("knock", self._patience.knock_seconds, self._not_there)

    def _not_there(self) -> None:
        """It did not answer the knock."""
        if self.state is ProcessState.STARTING:
            # The time for loading ends that.
            return
        self._become(Trigger.SILENT)
        self._unchanged_before = self.unchanged
        self._abandon()
        self._process.ask_where()
        self._complaints.expect_place()
        self._trouble(f"{self._name} does not answer any more: everything passes unchanged until it does.")
        self._set_timer("stuck", self._patience.stuck_seconds, self._stuck_for_long)
        self._end_if_finished()

    def _hear(self) -> None:
        self._drop_timer("knock")
        self._drop_timer("stuck")
        was_stuck = self.state is ProcessState.STUCK
        self._become(Trigger.HEARD)
        if was_stuck:
            passed = self.unchanged - self._unchanged_before
            self._owner.link_told(
                Utterance.NEWS, f"{self._name} answers again. Messages that passed meanwhile: {passed}."
            )

    def _stuck_for_long(self) -> None:
        seconds = self._patience.stuck_seconds
        self._fail(
            Failing(
                f"{self._name} did not answer for {seconds:g} s and was ended: everything passes unchanged. Save it "
                "or restart it to try again."
            )
        )

    def _load_takes_long(self) -> None:
        self._process.ask_where()
        self._complaints.expect_place()
        seconds = self._patience.load_seconds
        failing = Failing(
            f"{self._name} takes longer than {seconds:g} s to run once, and was ended: do long work in a function that "
            "Unmask calls."
        )
        self._set_timer("load", self._patience.knock_seconds, lambda: self._fail(failing))

    def _abandon(self) -> None:
        """Let everything that waits go on unchanged."""
        self._pass_unchanged(self._questions.give_up_all())

    def _pass_unchanged(self, those: list[Waiting]) -> None:
        self.unchanged += len(those)
        for each in those:
            each.decide(self.unanswered)

    # The end.

    def _end_if_finished(self) -> None:
        if self.state is ProcessState.FINISHING and self._questions.is_empty:
            self._over()

    def _fail(self, failing: Failing) -> None:
        self._failing = failing
        self._over()

    def _over(self) -> None:
        """End the process if it has not ended by itself."""
        self._become(Trigger.OVER)
        for name in tuple(self._timers):
            self._drop_timer(name)
        self._abandon()
        self._process.kill()

    def _become(self, trigger: Trigger) -> None:
        before, self.state = self.state, step(self.state, trigger)
        if self.state is not before:
            self._owner.link_changed(self)

    # Timers and words.

    def _set_timer(self, name: str, seconds: float, then: Callable[[], None]) -> None:
        def run() -> None:
            del self._timers[name]
            then()

        self._drop_timer(name)
        self._timers[name] = self._loop.call_later(max(0.0, seconds), run)

    def _drop_timer(self, name: str) -> None:
        timer = self._timers.pop(name, None)
        if timer is not None:
            timer.cancel()

    def _begin_second(self) -> None:
        self._complaints.begin_second()
        self._process.let_complain(on=True)

    def _trouble(self, sentence: str, line: int = 0) -> None:
        self._owner.link_told(Utterance.TROUBLE, sentence, line)

    def _complain(self, line: str) -> None:
        self._owner.link_told(Utterance.PRINT, line)

    def _found_place(self, line: int, function: str) -> None:
        self._trouble(f"{self._name}, line {line}: this is where it is, in {function}.", line)


def _meet(question: Question) -> Meet:
    about = question.about
    request = parsed_request(about.request)
    return Meet(
        question.connection,
        about.id,
        about.mode.name.lower(),
        "" if about.source is None else about.source.name,
        about.path,
        about.peer,
        about.subprotocol or "",
        () if request is None else request.headers.items,
    )


def _what(question: Question) -> str:
    """The question in words."""
    place = f"connection #{question.about.id}"
    match question.moment:
        case Moment.MESSAGE:
            return f"a message of {place}"
        case Moment.FRAME:
            return f"a frame of {place}"
        case _:
            return f"the {question.moment.value} of {place}"


def _way_of_ending(status: int) -> str:
    if status >= 0:
        return f"ended by itself with status {status}"
    try:
        return f"was ended by the signal {signal.Signals(-status).name}"
    except ValueError:
        return f"was ended by the signal {-status}"
