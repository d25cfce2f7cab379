"""Takes rules from files, and writes them to files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QMenu

from app.logic.ready_made_rules import ready_made_rules
from app.logic.rule_files import ENDING, load_rules, save_rules
from app.logic.text import counted, tooltip
from app.settings import Settings
from app.views.bars.banner import Tone
from app.views.shell import Shell
from core.errors import UnmaskError
from core.rules.book import RuleCompiler
from core.rules.rule import Rule


class RuleKeeper(Protocol):
    """Who has the rules."""

    @property
    def rules(self) -> tuple[Rule, ...]: ...

    @property
    def compiler(self) -> RuleCompiler: ...

    def add_imported(self, rules: Sequence[Rule], title: str) -> None:
        """Add rules, switched off."""


class RuleFiles(QObject):
    """Asks for a file, and says what is wrong with it; then nothing changes."""

    def __init__(self, keeper: RuleKeeper, settings: Settings, shell: Shell) -> None:
        super().__init__(shell.window)
        self._keeper = keeper
        self._settings = settings
        self._banner = shell.banner
        self._window = shell.window

    def ask_import(self) -> None:
        """Ask for a file, and add its rules."""
        name, _ = QFileDialog.getOpenFileName(
            self._window, self.tr("Import rules"), self._settings.export_folder, self._filter()
        )
        if name:
            self.take(Path(name))

    def fill_ready_made(self, menu: QMenu) -> None:
        """Fill the menu of the rules that come with Unmask."""
        menu.clear()
        try:
            offers = ready_made_rules(self._keeper.compiler)
        except UnmaskError as error:
            self._banner.say(Tone.ERROR, str(error))
            return
        for each in offers:
            action = menu.addAction(each.file.title or each.path.stem)
            action.setToolTip(tooltip(each.file.help))
            action.triggered.connect(lambda _checked=False, path=each.path: self.take(path))

    def take(self, path: Path) -> None:
        """Add the rules of a file, switched off."""
        try:
            file = load_rules(path, self._keeper.compiler)
        except UnmaskError as error:
            self._banner.say(Tone.ERROR, str(error))
            return
        self._keeper.add_imported(file.rules, file.title or path.name)

    def ask_export(self) -> None:
        """Ask for a file, and write the rules to it."""
        start = str(Path(self._settings.export_folder) / f"rules{ENDING}")
        name, _ = QFileDialog.getSaveFileName(self._window, self.tr("Export rules"), start, self._filter())
        if name:
            path = Path(name)
            self.give(path if path.suffix else path.with_suffix(ENDING))

    def give(self, path: Path) -> None:
        """Write the rules to a file."""
        rules = self._keeper.rules
        try:
            save_rules(path, rules)
        except UnmaskError as error:
            self._banner.say(Tone.ERROR, str(error))
            return
        one, many = self.tr("1 rule was written to {path}."), self.tr("{count} rules were written to {path}.")
        self._banner.say(Tone.NOTE, counted(len(rules), one, many, path=path))

    def _filter(self) -> str:
        return self.tr("Rules (*.json);;All files (*)")
