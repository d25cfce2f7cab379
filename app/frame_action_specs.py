"""What can be done with the list of frames, in words."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.action_ids import ActionId, ActionSpec, Kind
from app.icons import IconName

_ID, _I = ActionId, IconName


def frame_specs() -> tuple[ActionSpec, ...]:
    """In the order in which lists show them."""
    translate = QCoreApplication.translate
    return (
        ActionSpec(
            _ID.FREEZE,
            translate("Actions", "&Freeze"),
            "F7",
            translate("Actions", "Hold the frame list still; recording goes on"),
            _I.FREEZE,
            Kind.SWITCH,
        ),
        ActionSpec(
            _ID.FOLLOW,
            translate("Actions", "Follow the &tail"),
            "Ctrl+Shift+F",
            translate("Actions", "Keep the newest frame in view"),
            _I.FOLLOW,
            Kind.SWITCH,
            short=translate("Actions", "Follow"),
        ),
        ActionSpec(
            _ID.SHOW_CONTROL,
            translate("Actions", "&Control frames"),
            "Ctrl+Shift+K",
            translate("Actions", "Show ping, pong and close frames"),
            _I.CONTROL,
            Kind.SWITCH,
            short=translate("Actions", "Control"),
        ),
        ActionSpec(
            _ID.TIME_FORMAT,
            translate("Actions", "Next t&ime format"),
            "Ctrl+Shift+I",
            translate("Actions", "Time of day, time since the start, or time since the frame before"),
            _I.HISTORY,
        ),
        ActionSpec(
            _ID.GO_TOP,
            translate("Actions", "&First frame"),
            "Ctrl+Home",
            translate("Actions", "Go to the first frame"),
            _I.TOP,
        ),
        ActionSpec(
            _ID.GO_BOTTOM,
            translate("Actions", "&Last frame"),
            "Ctrl+End",
            translate("Actions", "Go to the last frame and follow the tail"),
            _I.BOTTOM,
        ),
        ActionSpec(
            _ID.NEXT_VIOLATION,
            translate("Actions", "Next &violation"),
            "F4",
            translate("Actions", "Go to the next frame that breaks a rule"),
            _I.WARNING,
        ),
        ActionSpec(
            _ID.PREVIOUS_VIOLATION,
            translate("Actions", "&Previous violation"),
            "Shift+F4",
            translate("Actions", "Go to the last frame before this one that breaks a rule"),
            _I.WARNING,
        ),
        ActionSpec(
            _ID.COPY_TEXT,
            translate("Actions", "Copy as &text"),
            "Ctrl+C",
            translate(
                "Actions", "Copy what the selected frames carry as text: whole messages, joined and inflated"
            ),
            _I.TEXT,
        ),
        ActionSpec(
            _ID.COPY_HEX,
            translate("Actions", "Copy as he&x"),
            "Ctrl+Shift+X",
            translate(
                "Actions",
                "Copy what the selected frames carry as hex digits: whole messages, joined and inflated",
            ),
            _I.HEX,
        ),
        ActionSpec(
            _ID.COPY_BASE64,
            translate("Actions", "Copy as &Base64"),
            "Ctrl+Shift+B",
            translate(
                "Actions",
                "Copy what the selected frames carry as Base64: whole messages, joined and inflated",
            ),
            _I.BASE64,
        ),
        ActionSpec(
            _ID.COPY_JSON,
            translate("Actions", "Copy frame as &JSON"),
            "Ctrl+Shift+J",
            translate("Actions", "Copy all that is known of the selected frames, one JSON object a line"),
            _I.JSON,
        ),
    )
