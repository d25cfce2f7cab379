"""The rules of the window: shows them, changes them, remembers them, and gives them to the engine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import QObject, QPoint, Qt, QTimer, Signal
from PySide6.QtWidgets import QPushButton

from app.actions.menus import rule_menu
from app.actions.registry import ActionId
from app.captures.workplace import Workplace
from app.dialogs.rules.rule_dialog import RuleDialog
from app.logic.filter_assistant import FilterAssistant
from app.logic.known_rules import KnownRules, with_rule
from app.logic.remembered_rules import read_remembered, write_remembered
from app.logic.rule_drafts import HOLD, is_holding, rule_of_filter
from app.logic.rule_lines import moved, next_rule_id
from app.logic.text import counted, one_line
from app.models.rules import RuleModel
from app.rules.previewing import Previewing
from app.rules.rule_files import RuleFiles
from app.runtime.engine_thread import EngineThread
from app.views.bars.banner import Tone
from app.views.panes import Panes
from app.views.rules.rule_list import RulePage
from app.views.shell import Shell
from core.errors import CallerError
from core.net.settings import AutoReply
from core.rules.book import RuleCompiler
from core.rules.rule import ActionText, Rule

_LOOK_MS = 500
"""How often the hits in the list follow."""


class RuleDesk(QObject):
    """Owns the list of rules, and carries out its actions."""

    changed = Signal()
    """Other rules, or other switches."""

    def __init__(
        self, engine: EngineThread, work: Workplace, panes: Panes, assistant: FilterAssistant, shell: Shell
    ) -> None:
        super().__init__(shell.window)
        self._engine = engine
        self._settings = work.settings
        self._assistant = assistant
        self._sides = panes.sides
        self._shell = shell
        self._compiler: RuleCompiler | None = None
        self._given: set[int] = set()
        """Ids of rules of this run, which are not remembered until they are changed."""
        self._seen_changes = -1
        self.known = KnownRules(self._make_compiler)
        self.model = RuleModel(self)
        self.page = RulePage(self.model, shell.actions, shell.look)
        self._sides.add_rules(self.page)
        self.previewing = Previewing(work, self.known, self)
        self.files = RuleFiles(self, work.settings, shell)
        self._look = QTimer(self)
        self._look.setInterval(_LOOK_MS)
        self._look.timeout.connect(self._show_hits)
        self._connect()
        self.known.set_rules(read_remembered(work.settings.rules))
        self._adopt_echo()
        self._apply()

    # Looking.

    @property
    def rules(self) -> tuple[Rule, ...]:
        return self.known.rules

    @property
    def chosen(self) -> Rule | None:
        """The rule that is chosen in the list."""
        chosen = self.page.list.chosen_rule
        return None if chosen is None else self.known.find(chosen)

    @property
    def compiler(self) -> RuleCompiler:
        return self._make_compiler()

    @property
    def holding(self) -> tuple[Rule, ...]:
        """The rules that have a person decide."""
        return tuple(rule for rule in self.rules if is_holding(rule))

    # Acting.

    def take_for_this_run(self, rules: Sequence[Rule]) -> None:
        """Add rules that are not remembered unless they are changed."""
        before = {rule.id for rule in self.rules}
        self.known.set_rules((*self.rules, *(replace(rule, id=0) for rule in rules)))
        self._given |= {rule.id for rule in self.rules} - before
        self._apply()

    def ask_new(self, rule: Rule | None = None, frame: int | None = None) -> None:
        """Ask for another rule, beginning with this one, which may be made of a frame."""
        start = rule or rule_of_filter("")
        start = replace(start, id=0, name="" if rule is None or not rule.name else rule.name, is_on=True)
        dialog = self._dialog(start, is_new=True, frame=frame)
        dialog.accepted.connect(lambda: self.add(dialog.rule))
        dialog.open()

    def add(self, rule: Rule) -> int:
        """Add a rule at the end of the list; gives its id."""
        number = next_rule_id(self.rules)
        self.set_rules((*self.rules, replace(rule, id=number)))
        self._sides.show_page(self.page)
        self.page.list.choose(number)
        return number

    def edit(self, rule: Rule) -> None:
        """Ask for changes of a rule."""
        dialog = self._dialog(rule, is_new=False, frame=None)
        dialog.accepted.connect(lambda: self.replace(dialog.rule))
        dialog.open()

    def replace(self, rule: Rule) -> None:
        """Put a rule in place of that with its id."""
        self._given.discard(rule.id)
        self.set_rules(with_rule(self.rules, rule))

    def switch(self, rules: Sequence[int], *, on: bool) -> None:
        """Switch rules on or off."""
        wanted = set(rules)
        self._given -= wanted
        self.set_rules([replace(rule, is_on=on) if rule.id in wanted else rule for rule in self.rules])

    def remove(self, rule: Rule) -> None:
        """Forget a rule; it can be brought back."""
        before = self.rules
        self.set_rules([each for each in before if each.id != rule.id])
        text = self.tr("“{name}” was removed.").format(name=one_line(rule.name))
        self._say_undoable(text, lambda: self.set_rules(before))

    def set_rules(self, rules: Sequence[Rule]) -> None:
        """These are the rules from now on."""
        try:
            self.known.set_rules(rules)
        except CallerError as error:
            self._shell.banner.say(Tone.ERROR, str(error))
            return
        self._given &= {rule.id for rule in self.rules}
        self._settings.rules = write_remembered([rule for rule in self.rules if rule.id not in self._given])
        self._apply()

    def add_imported(self, rules: Sequence[Rule], title: str) -> None:
        """Add the rules of a file, switched off."""
        before = self.rules
        self.set_rules((*before, *(replace(rule, id=0, is_on=False) for rule in rules)))
        if self.rules != before:
            one, many = (
                self.tr("1 rule of {name} was added, switched off."),
                self.tr("{count} rules of {name} were added, switched off."),
            )
            self._sides.show_page(self.page)
            self._say_undoable(
                counted(len(rules), one, many, name=one_line(title)), lambda: self.set_rules(before)
            )

    def stop(self) -> None:
        """End what runs, at the end of the window."""
        self._look.stop()
        self.previewing.stop()

    # Internals.

    def _connect(self) -> None:
        rows, actions = self.page.list, self._shell.actions
        rows.edit_wanted.connect(lambda row: self._at(row, self.edit))
        rows.toggle_wanted.connect(lambda row: self._at(row, self._toggle))
        rows.remove_wanted.connect(lambda row: self._at(row, self.remove))
        rows.context_menu_requested.connect(self._open_menu)
        rows.selectionModel().currentChanged.connect(self._enable)
        self.page.ready_made_wanted.connect(self.files.fill_ready_made)
        self.model.switched.connect(lambda row: self._at(row, self._toggle))
        self.model.moved.connect(self._move)
        actions.connect_each(
            {
                ActionId.FOCUS_RULES: lambda: self._sides.show_page(self.page),
                ActionId.NEW_RULE: self.ask_new,
                ActionId.EDIT_RULE: lambda: self._with_chosen(self.edit),
                ActionId.TOGGLE_RULE: lambda: self._with_chosen(self._toggle),
                ActionId.DUPLICATE_RULE: lambda: self._with_chosen(self.ask_new),
                ActionId.RULE_UP: lambda: self._step(-1),
                ActionId.RULE_DOWN: lambda: self._step(1),
                ActionId.REMOVE_RULE: lambda: self._with_chosen(self.remove),
                ActionId.IMPORT_RULES: self.files.ask_import,
                ActionId.EXPORT_RULES: self.files.ask_export,
            }
        )
        actions[ActionId.AUTO_REPLY].toggled.connect(self._set_echo)
        actions[ActionId.INTERCEPT].triggered.connect(self._set_intercept)
        actions[ActionId.PASS_HEARTBEATS].setChecked(self._settings.heartbeats_pass)
        actions[ActionId.PASS_HEARTBEATS].toggled.connect(self._set_heartbeats)

    def _adopt_echo(self) -> None:
        """An echo that the settings ask for, such as those of the command line, becomes a rule."""
        settings = self._settings
        if settings.engine.auto_reply is not AutoReply.ECHO:
            return
        is_remembered = settings.remembers_echo
        settings.set_auto_reply(AutoReply.NONE)
        self._engine.set_auto_reply(AutoReply.NONE)
        if self.known.is_echoing:
            return
        before = {rule.id for rule in self.rules}
        self.known.set_rules(self.known.with_echo(on=True))
        if is_remembered:
            settings.rules = write_remembered(self.rules)
        else:
            self._given |= {rule.id for rule in self.rules} - before

    def _make_compiler(self) -> RuleCompiler:
        if self._compiler is None:
            self._compiler = RuleCompiler(self._assistant.language)
        return self._compiler

    def _dialog(self, rule: Rule, *, is_new: bool, frame: int | None) -> RuleDialog:
        others = [each.name for each in self.rules if each.id != rule.id]
        shell = self._shell
        dialog = RuleDialog(
            rule,
            self.known.fault,
            others,
            self.compiler.actions,
            self._assistant,
            shell.look,
            shell.window,
            is_new=is_new,
        )
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.previewing.serve(dialog, self._assistant.language, frame)
        return dialog

    def _apply(self) -> None:
        """Give the rules to the engine, and show them."""
        if self.rules:
            self._engine.set_rules(self.known.book(lets_heartbeats_pass=self._settings.heartbeats_pass))
            self._look.start()
        elif self._compiler is not None:
            self._engine.set_rules(self.known.book(lets_heartbeats_pass=False))
            self._look.stop()
        self._show()
        actions = self._shell.actions
        for identity, on in (
            (ActionId.AUTO_REPLY, self.known.is_echoing),
            (ActionId.INTERCEPT, any(rule.is_on for rule in self.holding)),
        ):
            actions[identity].blockSignals(True)
            actions[identity].setChecked(on)
            actions[identity].blockSignals(False)
            actions[identity].changed.emit()
        self.changed.emit()

    def _show(self) -> None:
        lines = self.known.lines() if self.rules else ()
        self.model.set_lines(lines, time.time_ns())
        self._sides.set_count(self.page, sum(line.rule.is_on and not line.problem for line in lines))
        self._enable()

    def _show_hits(self) -> None:
        if self.page.isVisible() or self.known.hits.changes != self._seen_changes:
            self._seen_changes = self.known.hits.changes
            self.model.set_lines(self.known.lines(), time.time_ns())

    def _enable(self) -> None:
        chosen = self.chosen
        row = -1 if chosen is None else self.model.row_of(chosen.id)
        actions = self._shell.actions
        for identity in (
            ActionId.EDIT_RULE,
            ActionId.TOGGLE_RULE,
            ActionId.DUPLICATE_RULE,
            ActionId.REMOVE_RULE,
        ):
            actions[identity].setEnabled(chosen is not None)
        actions[ActionId.RULE_UP].setEnabled(row > 0)
        actions[ActionId.RULE_DOWN].setEnabled(0 <= row < self.model.rowCount() - 1)
        actions[ActionId.EXPORT_RULES].setEnabled(bool(self.rules))

    def _at(self, row: int, act: Callable[[Rule], object]) -> None:
        line = self.model.line(row)
        if line is not None:
            act(line.rule)

    def _with_chosen(self, act: Callable[[Rule], object]) -> None:
        if self.chosen is not None:
            act(self.chosen)

    def _toggle(self, rule: Rule) -> None:
        line = self.model.line(self.model.row_of(rule.id))
        if not rule.is_on and line is not None and line.problem:
            self._shell.banner.say(Tone.WARNING, line.problem)
            return
        self.switch([rule.id], on=not rule.is_on)

    def _move(self, row: int, to: int) -> None:
        self.set_rules(moved(self.rules, row, to))

    def _step(self, rows: int) -> None:
        chosen = self.chosen
        row = -1 if chosen is None else self.model.row_of(chosen.id)
        if row >= 0 and 0 <= row + rows < len(self.rules):
            self._move(row, row + rows + (rows > 0))

    def _set_echo(self, on: bool) -> None:
        if on != self.known.is_echoing:
            self.set_rules(self.known.with_echo(on=on))

    def _set_intercept(self, on: bool) -> None:
        """Switch the intercept rules; where there are none, ask what to hold."""
        holding = self.holding
        if holding:
            self.switch([rule.id for rule in holding], on=on)
        elif on:
            self._shell.actions[ActionId.INTERCEPT].setChecked(False)
            start = rule_of_filter("")
            self.ask_new(replace(start, name=self.tr("Intercept"), then=(ActionText(HOLD),)))

    def _set_heartbeats(self, passes: bool) -> None:
        self._settings.heartbeats_pass = passes
        self._apply()

    def _open_menu(self, position: QPoint) -> None:
        menu = rule_menu(self._shell.window, self._shell.actions)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.popup(position)

    def _say_undoable(self, sentence: str, undo: Callable[[], None]) -> None:
        button = QPushButton(self.tr("&Undo"))
        button.clicked.connect(lambda: undo())
        button.clicked.connect(self._shell.banner.dismiss)
        self._shell.banner.say(Tone.NOTE, sentence, button)
