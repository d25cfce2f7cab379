"""Texts of the actions on the list of frames."""

from __future__ import annotations

from PySide6.QtCore import QCoreApplication

from app.actions.ids import ActionId, ActionKind, ActionSpec
from app.look.icons import IconName

_ID, _I = ActionId, IconName


def frame_specs() -> tuple[ActionSpec, ...]:
    """The actions, in the order of lists."""
    translate = QCoreApplication.translate
    return (
        ActionSpec(
            _ID.FREEZE,
            translate("Actions", "&Freeze"),
            "F7",
            translate("Actions", "Hold the frame list still; recording goes on"),
            _I.FREEZE,
            ActionKind.SWITCH,
        ),
        ActionSpec(
            _ID.FOLLOW,
            translate("Actions", "Follow the &tail"),
            "Ctrl+Shift+F",
            translate("Actions", "Keep the newest frame in view"),
            _I.FOLLOW,
            ActionKind.SWITCH,
            short=translate("Actions", "Follow"),
        ),
        ActionSpec(
            _ID.SHOW_CONTROL,
            translate("Actions", "&Control frames"),
            "Ctrl+Shift+K",
            translate("Actions", "Show ping, pong and close frames"),
            _I.CONTROL,
            ActionKind.SWITCH,
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
        *_mark_specs(),
        *_filter_specs(),
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


def _mark_specs() -> tuple[ActionSpec, ...]:
    translate = QCoreApplication.translate
    return (
        ActionSpec(
            _ID.GO_TO,
            translate("Actions", "&Go to…"),
            "Ctrl+G",
            translate("Actions", "Go to a frame by its number, or to a time"),
            _I.GO_TO,
        ),
        ActionSpec(
            _ID.TOGGLE_MARK,
            translate("Actions", "&Bookmark"),
            "Ctrl+B",
            translate("Actions", "Bookmark the selected frames in the capture, or remove their bookmarks"),
            _I.BOOKMARK,
        ),
        ActionSpec(
            _ID.EDIT_NOTE,
            translate("Actions", "&Note…"),
            "Ctrl+Shift+N",
            translate("Actions", "Bookmark the selected frame with a note, or change its note"),
            _I.EDIT,
        ),
        ActionSpec(
            _ID.NEXT_MARK,
            translate("Actions", "Next boo&kmark"),
            "F2",
            translate("Actions", "Go to the next frame that is bookmarked"),
            _I.BOOKMARK_NEXT,
        ),
        ActionSpec(
            _ID.PREVIOUS_MARK,
            translate("Actions", "Prev&ious bookmark"),
            "Shift+F2",
            translate("Actions", "Go to the last frame before this one that is bookmarked"),
            _I.BOOKMARK_PREVIOUS,
        ),
        ActionSpec(
            _ID.REMOVE_MARKS,
            translate("Actions", "&Remove all bookmarks…"),
            "Ctrl+Shift+F2",
            translate("Actions", "Remove all bookmarks of the capture, with their notes"),
            _I.CLEAR,
        ),
    )


def _filter_specs() -> tuple[ActionSpec, ...]:
    translate = QCoreApplication.translate
    return (
        ActionSpec(
            _ID.FOCUS_FILTER,
            translate("Actions", "&Filter frames"),
            "F6",
            translate("Actions", "Go to the filter, which shows only the frames that match"),
            _I.FILTER,
        ),
        ActionSpec(
            _ID.FOCUS_FIND,
            translate("Actions", "Find fra&mes"),
            "Shift+F6",
            translate("Actions", "Go to the search, which shows all frames and marks those that match"),
            _I.SEARCH,
        ),
        ActionSpec(
            _ID.APPLY_FILTER,
            translate("Actions", "&Apply the filter"),
            "Ctrl+F6",
            translate("Actions", "Filter or find what stands in the line"),
            _I.FILTER,
        ),
        ActionSpec(
            _ID.CLEAR_FILTER,
            translate("Actions", "&Clear the filter"),
            "Ctrl+Shift+F6",
            translate("Actions", "Empty the line and show all frames"),
            _I.CLEAR,
        ),
        ActionSpec(
            _ID.SAVE_FILTER,
            translate("Actions", "&Save the filter…"),
            "Ctrl+Shift+S",
            translate("Actions", "Keep what stands in the line under a name"),
            _I.STAR,
        ),
        ActionSpec(
            _ID.NEXT_HIT,
            translate("Actions", "&Next hit"),
            "F9",
            translate("Actions", "Go to the next frame that matches"),
            _I.NEXT,
        ),
        ActionSpec(
            _ID.PREVIOUS_HIT,
            translate("Actions", "Previous &hit"),
            "Shift+F9",
            translate("Actions", "Go to the last frame before this one that matches"),
            _I.PREVIOUS,
        ),
    )
