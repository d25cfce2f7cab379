"""What was done to a frame, in words."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.logic.text import duration, grouped, one_line
from core.capture.records import FrameRow
from core.protocol.events import Origin
from core.protocol.handling import DecidedBy, Fate, Handling


def handling_sentences(row: FrameRow) -> list[str]:
    """Sentences on a frame, for a tooltip or the line above it; none where nothing was done."""
    translate = QCoreApplication.translate
    handling = row.handling
    said = [_fate(handling)]
    if row.cause is not None:
        if row.origin is Origin.EDITED:
            text = translate("Handling", "It went on in place of frame {0}.")
        else:
            text = translate("Handling", "It was sent because of frame {0}.")
        said.append(text.format(grouped(row.cause)))
    if handling.is_redacted:
        said.append(translate("Handling", "A rule kept something of its payload out of the capture."))
    if handling.rules:
        names = one_line(", ".join(handling.rules))
        one, many = translate("Handling", "Rule: {0}."), translate("Handling", "Rules: {0}.")
        said.append((one if len(handling.rules) == 1 else many).format(names))
    return list(filter(None, said))


def _fate(handling: Handling) -> str:
    translate = QCoreApplication.translate
    held = "" if handling.held_ns is None else duration(handling.held_ns)
    if handling.fate is Fate.HELD:
        if held:
            text = translate(
                "Handling", "It was held for {0}, until the connection was over: it never went on."
            )
            return text.format(held)
        return translate("Handling", "It is held and has not gone on.")
    what = {
        Fate.PASSED: translate("Handling", "passed on"),
        Fate.DROPPED: translate("Handling", "dropped"),
        Fate.REPLACED: translate("Handling", "replaced"),
    }[handling.fate]
    by = {
        DecidedBy.NOBODY: "",
        DecidedBy.RULE: translate("Handling", "by a rule"),
        DecidedBy.PERSON: translate("Handling", "by you"),
        DecidedBy.SCRIPT: translate("Handling", "by a script"),
        DecidedBy.DEADLINE: translate("Handling", "because nobody decided in time"),
    }[handling.decided_by]
    done = f"{what} {by}".rstrip()
    if held:
        return translate("Handling", "It was held for {0}, then {1}.").format(held, done)
    return "" if handling.fate is Fate.PASSED else translate("Handling", "It was {0}.").format(done)
