"""Texts of the actions that send again, repeatedly or wrongly."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.actions.ids import ActionId, ActionSpec
from app.look.icons import IconName

_ID, _I = ActionId, IconName


def sending_specs() -> tuple[ActionSpec, ...]:
    """The actions, in the order of lists."""
    translate = QCoreApplication.translate
    return (
        ActionSpec(
            _ID.EDIT_AND_RESEND,
            translate("Actions", "Edit and &resend"),
            "Ctrl+Shift+Y",
            translate("Actions", "Put what the frame carries into the composer"),
            _I.EDIT,
        ),
        ActionSpec(
            _ID.EDIT_RAW,
            translate("Actions", "Edit as ra&w frame"),
            "Ctrl+Alt+A",
            translate(
                "Actions", "Put the frame into the composer bit by bit, with its header and masking key"
            ),
            _I.HEX,
        ),
        ActionSpec(
            _ID.MESSAGES,
            translate("Actions", "Saved &messages…"),
            "Ctrl+M",
            translate("Actions", "Messages kept under names, to be put into the composer"),
            _I.STAR,
        ),
        ActionSpec(
            _ID.REPEAT,
            translate("Actions", "Send re&peatedly…"),
            "Ctrl+Shift+P",
            translate("Actions", "Send what stands in the composer many times, at an interval"),
            _I.REPEAT,
        ),
        ActionSpec(
            _ID.SEND_SEQUENCE,
            translate("Actions", "Send as a se&quence…"),
            "Ctrl+Alt+Q",
            translate(
                "Actions", "Send what the selected frames carry again, in their original rhythm or another"
            ),
            _I.HISTORY,
        ),
        ActionSpec(
            _ID.STOP_SENDING,
            translate("Actions", "Stop sendin&g"),
            "Ctrl+Alt+C",
            translate("Actions", "Stop what is sent repeatedly, as a sequence or piece by piece"),
            _I.STOP,
        ),
        ActionSpec(
            _ID.PROBE,
            translate("Actions", "Pro&be a peer…"),
            "Ctrl+Alt+F",
            translate(
                "Actions",
                "Break each rule of the RFC against a server or a client, and see how it takes that",
            ),
            _I.PROBE,
        ),
    )
