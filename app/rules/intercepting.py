"""The queue of what is held: follows the engine, and carries out what the person decides."""

from __future__ import annotations

import time
from collections.abc import Sequence

from PySide6.QtCore import QObject, QPoint, Qt, QTimer, Signal

from app.actions.menus import held_menu
from app.actions.registry import ActionId
from app.captures.workplace import Workplace
from app.logic.held_lines import HeldLine, HeldQueue
from app.logic.text import counted, grouped
from app.models.held import HeldModel, Key
from app.rules.desk import RuleDesk
from app.runtime.engine_thread import EngineThread
from app.views.bars.banner import Tone
from app.views.panes import Panes
from app.views.rules.held_bar import HeldBar
from app.views.rules.intercept_pane import InterceptPane
from app.views.shell import Shell
from core.errors import PayloadError
from core.rules.decision import Answer, Decision
from core.rules.verdict import Onward

_GONE_NS = 2 * 10**9
"""How long the engine may take to let something go."""
_LAYOUT = "held"
_TICK_MS = 200
"""How often the ages in the queue follow while something waits."""


class Intercepting(QObject):
    """Owns the queue and its editor."""

    changed = Signal()
    """More or less is held."""

    def __init__(
        self, engine: EngineThread, work: Workplace, panes: Panes, rules: RuleDesk, shell: Shell
    ) -> None:
        super().__init__(shell.window)
        self._engine = engine
        self._details = panes.details
        self._rules = rules
        self._shell = shell
        self._count = 0
        self._held = HeldQueue()
        self._decided: dict[Key, int] = {}
        """When it was decided about what is not gone yet."""
        self._settings = work.settings
        self._desk = work.desk
        self._connections = panes.connections.connection_model
        self.model = HeldModel(self._name, self)
        self.pane = InterceptPane(self.model, shell.actions, shell.look)
        self.bar = HeldBar(shell.actions, shell.look)
        self._details.add_page(self.pane, "intercept", self.tr("Intercept"))
        self._tick = QTimer(self)
        self._tick.setInterval(_TICK_MS)
        self._tick.timeout.connect(self._look_again)
        work.refresher.due.connect(self.refresh)
        self._details.tab_changed.connect(self._show_bar)
        self.pane.list.context_menu_requested.connect(self._open_menu)
        shell.actions.connect_each(
            {
                ActionId.FOCUS_HELD: self.show_queue,
                ActionId.NEXT_HELD: lambda: self.pane.list.step(1),
                ActionId.PREVIOUS_HELD: lambda: self.pane.list.step(-1),
                ActionId.FORWARD_HELD: self.forward,
                ActionId.FORWARD_ALL: self.forward_all,
                ActionId.DROP_HELD: self.drop,
                ActionId.ANSWER_HELD: self.answer,
                ActionId.STOP_HOLDING: self.stop_here,
                ActionId.CLOSE_HELD: self.close_connection,
            }
        )
        self._show_bar()

    @property
    def count(self) -> int:
        """How many wait."""
        return self._count

    def show_queue(self) -> None:
        """Put the keyboard on the queue."""
        self._details.show_page(self.pane)

    def refresh(self) -> None:
        """Ask the engine what is held."""
        held = self._engine.held
        if held is self._held and not self._decided:
            return
        self._held = held
        now = time.time_ns()
        waiting = {line.key for line in held.lines}
        # What is still there after a while could not be decided so.
        late = now - _GONE_NS
        self._decided = {key: at for key, at in self._decided.items() if key in waiting and at > late}
        lines = [line for line in held.lines if line.key not in self._decided]
        self._tell_overdue({line.key for line in lines}, now)
        self.model.set_lines(lines, now)
        self._count = held.total - len(self._decided)
        self.pane.show_total(self._count)
        if not (self._count or self._decided):
            self._tick.stop()
        elif not self._tick.isActive():
            self._tick.start()
        title = self.tr("Intercept")
        self._details.set_title(self.pane, f"{title} {grouped(self._count)}" if self._count else title)
        self._show_time()
        self.changed.emit()

    def _look_again(self) -> None:
        """Time has passed."""
        if self._decided:
            self.refresh()
        else:
            self._show_time()

    def _show_time(self) -> None:
        now = time.time_ns()
        self.model.pass_time(now)
        lines = self.model.lines
        oldest = now - lines[0].since_ns if lines else None
        self.bar.show_held(self._count, is_stuck=self._held.is_stuck, oldest_ns=oldest)
        self._show_bar()

    def _tell_overdue(self, waiting: set[Key], now: int) -> None:
        """Say how many went on by themselves, because their time was up."""
        gone = [
            line for line in self.model.lines if line.key not in waiting and line.key not in self._decided
        ]
        overdue = sum(line.until_ns <= now for line in gone)
        if overdue:
            one = self.tr("1 message went on unchanged: nobody decided in time.")
            many = self.tr("{count} messages went on unchanged: nobody decided in time.")
            self._shell.banner.say(Tone.WARNING, counted(overdue, one, many))

    def restore(self) -> None:
        """Divide the pane as it was."""
        if (state := self._settings.layout(_LAYOUT)) is not None:
            self.pane.split.restoreState(state)

    def keep(self) -> None:
        """Remember how the pane is divided."""
        self._settings.set_layout(_LAYOUT, self.pane.split.saveState())

    # What the person decides.

    def forward(self) -> None:
        """Let the chosen one go on, as the editor has it."""
        line = self._seen()
        if line is None:
            return
        try:
            replacement = self.pane.replacement()
        except PayloadError as error:
            self.pane.editor.say(str(error), "error")
            return
        self._decide([line], Onward.PASS if replacement is None else replacement)

    def drop(self) -> None:
        """Let the chosen one not go on."""
        line = self._seen()
        if line is not None:
            self._decide([line], Onward.DROP)

    def answer(self) -> None:
        """Send what the editor holds back to the sender, in place of letting it go on."""
        line = self._seen()
        if line is None:
            return
        try:
            message = self.pane.editor.answer()
        except PayloadError as error:
            self.pane.editor.say(str(error), "error")
            return
        self._decide([line], Answer(message))

    def forward_all(self) -> None:
        """Let everything go on unchanged."""
        self._forget(self.model.lines)
        self._engine.let_all_go()
        self.refresh()

    def stop_here(self) -> None:
        """Switch off the rules that hold the chosen one, and let go on what they hold."""
        line = self._seen()
        if line is None:
            return
        mine = [rule.id for rule in self._rules.holding if rule.is_on and rule.name in line.rules]
        self._rules.switch(mine, on=False)
        freed = [each for each in self.model.lines if set(each.rules) & set(line.rules)]
        self._decide(freed, Onward.PASS)
        one, many = self.tr("1 message went on unchanged."), self.tr("{count} messages went on unchanged.")
        self._shell.banner.say(Tone.NOTE, counted(len(freed), one, many))

    def close_connection(self) -> None:
        """Cut the connection of the chosen one."""
        line = self._seen()
        if line is not None:
            self._engine.disconnect_peer(line.connection)

    def stop(self) -> None:
        """End what runs, at the end of the window."""
        self._tick.stop()

    # Internals.

    def _seen(self) -> HeldLine | None:
        """The chosen one; while the queue is out of sight it is shown instead, so that nothing is decided blindly."""
        if self.pane.isVisible():
            return self.pane.line
        # Others make room for the queue too.
        self._shell.actions[ActionId.FOCUS_HELD].trigger()
        return None

    def _decide(self, lines: Sequence[HeldLine], decision: Decision) -> None:
        for line in lines:
            self.pane.forget_edit(line.key)
        self._forget(lines)
        self._engine.decide(lines, decision)
        self.refresh()

    def _forget(self, lines: Sequence[HeldLine]) -> None:
        """Show them no more: the engine tells a moment later that they have gone."""
        now = time.time_ns()
        self._decided |= {line.key: now for line in lines}

    def _name(self, connection: int) -> str:
        """The path of a connection; "" while another capture is shown, which has other connections."""
        return self._connections.name(connection) if self._desk.shows_live else ""

    def _show_bar(self) -> None:
        self.bar.setVisible(self._count > 0 and not self.pane.isVisible())

    def _open_menu(self, position: QPoint) -> None:
        menu = held_menu(self._shell.window, self._shell.actions)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(position)
