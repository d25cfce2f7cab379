"""What the parts of the window meet the person with."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtWidgets import QWidget

from app.actions.registry import Actions
from app.look.look import Look
from app.views.bars.banner import Banner


@dataclass(frozen=True, slots=True)
class Shell:
    """The window that dialogs stand over, its actions and its look, and the banner for sentences."""

    window: QWidget
    actions: Actions
    look: Look
    banner: Banner
