"""What the labels beside the flags of a frame say."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.logic.frame_lines import Badge, HeldFor, Label


class LabelTexts:
    """The words of one language."""

    def __init__(self) -> None:
        translate = QCoreApplication.translate
        self._held_for = translate("FramePainter", "held {0}")
        self._texts = {
            Badge.FRAGMENT_FIRST: translate("FramePainter", "first part"),
            Badge.FRAGMENT_MIDDLE: translate("FramePainter", "part"),
            Badge.FRAGMENT_LAST: translate("FramePainter", "last part"),
            Badge.COMPRESSED: translate("FramePainter", "deflate"),
            Badge.TRUNCATED: translate("FramePainter", "cut short"),
            Badge.AUTOMATIC: translate("FramePainter", "automatic"),
            Badge.COMPOSED: translate("FramePainter", "you"),
            Badge.RULE: translate("FramePainter", "rule"),
            Badge.EDITED: translate("FramePainter", "edited"),
            Badge.INJECTED: translate("FramePainter", "injected"),
            Badge.HELD: translate("FramePainter", "held"),
            Badge.NEVER_PASSED: translate("FramePainter", "never passed on"),
            Badge.DROPPED: translate("FramePainter", "dropped"),
            Badge.REPLACED: translate("FramePainter", "replaced"),
            Badge.REDACTED: translate("FramePainter", "redacted"),
        }

    def of(self, label: Label) -> str:
        """What a label says."""
        return self._held_for.format(label.time) if isinstance(label, HeldFor) else self._texts[label]
