"""Texts of the actions about scripts."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.actions.ids import ActionId, ActionSpec
from app.look.icons import IconName


def script_specs() -> tuple[ActionSpec, ...]:
    """In the order of lists."""
    translate = QCoreApplication.translate
    return (
        ActionSpec(
            ActionId.SCRIPT,
            translate("Actions", "&Script…"),
            "Ctrl+Alt+G",
            translate(
                "Actions", "Let a Python file of yours decide what becomes of messages, and see its log"
            ),
            IconName.SCRIPT,
        ),
    )
