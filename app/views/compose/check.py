"""What the composer says about a draft while it is written."""

from __future__ import annotations

import os

from PySide6.QtCore import QCoreApplication

from app.logic.compose import ComposeKind, Draft, build, file_size
from app.logic.text import count_bytes, grouped
from core.protocol.outgoing import OutgoingClose, OutgoingMessage, OutgoingRaw

_translate = QCoreApplication.translate


def examine(draft: Draft) -> tuple[str, str]:
    """What is wrong with `draft`, and its size, as text; both "" if there is nothing to say.

    Files are not read here, only when sent. Raises PayloadError if the draft cannot be sent.
    """
    if draft.kind is ComposeKind.FILE:
        return _examine_file(draft.text)
    outgoing = build(draft)
    if isinstance(outgoing, OutgoingClose | OutgoingRaw):
        return "", ""
    size = count_bytes(len(outgoing.payload))
    if isinstance(outgoing, OutgoingMessage) and outgoing.fragments > 1:
        return "", _translate("Composer", "{0} in {1} frames").format(size, grouped(outgoing.fragments))
    return "", size


def _examine_file(path: str) -> tuple[str, str]:
    size = file_size(path)
    if size is not None:
        return "", count_bytes(size)
    if not path:
        return _translate("Composer", "No file is chosen; choose one."), ""
    if os.path.lexists(path):
        text = _translate("Composer", "{0} is no file whose content can be sent; choose another.")
    else:
        text = _translate("Composer", "There is no file {0}; choose another.")
    return text.format(path), ""
