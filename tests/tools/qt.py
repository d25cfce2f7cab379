"""What tests of Qt objects need beside pytest-qt."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication, QEvent, QObject


def dispose(*objects: QObject) -> None:
    """Destroys objects now, and not when the interpreter ends and their timers have no thread any more."""
    for each in objects:
        each.deleteLater()
        QCoreApplication.sendPostedEvents(each, QEvent.Type.DeferredDelete.value)
