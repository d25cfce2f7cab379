"""Helpers for tests of Qt objects beside pytest-qt."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QObject


def dispose(*objects: QObject) -> None:
    """Destroy objects now rather than at the end of the interpreter, when the thread of their timers is gone."""
    for each in objects:
        each.deleteLater()
        QCoreApplication.sendPostedEvents(each, QEvent.Type.DeferredDelete.value)
