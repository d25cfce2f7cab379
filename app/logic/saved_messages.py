"""Messages that a person keeps under names, in folders; and how they are written down. No Qt here."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from enum import Enum
from typing import Any

from app.logic.compose import ComposeKind
from app.logic.raw_draft import Form, Masking, RawDraft
from app.logic.saved_connections import LONGEST_NAME, clean_folder
from app.logic.variables import Variable
from core.errors import CallerError
from core.protocol.frames import LengthForm
from core.protocol.outgoing import RawEnd

MOST_SAVED = 1000
LONGEST_MESSAGE = 256 * 1024
"""Characters of one message; longer ones should stay in files."""
LONGEST_TEXT = 8 * 1024 * 1024
"""Characters of all that is written down."""
_ENUMS: dict[str, type[Enum]] = {
    "form": Form,
    "payload_kind": ComposeKind,
    "masking": Masking,
    "length_form": LengthForm,
    "end": RawEnd,
}


@dataclass(frozen=True, slots=True)
class SavedMessage:
    """A message under a name."""

    name: str
    kind: ComposeKind
    text: str = ""
    """The editor's text, the path of a file, or the reason of a close."""
    folder: str = ""
    """Such as `login`, or `login/errors` for a folder in a folder; "" for none."""
    code: int | None = 1000
    """Code of a close; None for no code."""
    raw: RawDraft | None = None
    """The boxes of a raw frame."""

    @property
    def place(self) -> tuple[str, str]:
        """Folder and name."""
        return self.folder, self.name

    def fits(self, wanted: str) -> bool:
        """Whether `wanted` occurs in folder, name or text, in capital or small letters."""
        return wanted.lower() in f"{self.folder}/{self.name}\n{self.text}".lower()


Messages = tuple[SavedMessage, ...]


def with_message(kept: Messages, message: SavedMessage) -> Messages:
    """With this one in the place of another of its name and folder, in order. Raises CallerError."""
    if not message.name.strip() or len(message.name) > LONGEST_NAME:
        raise CallerError(f"A message needs a name, of {LONGEST_NAME} characters at most.")
    if len(message.text) > LONGEST_MESSAGE or (message.raw and len(message.raw.text) > LONGEST_MESSAGE):
        raise CallerError(
            f"The message is longer than {LONGEST_MESSAGE} characters: keep it in a file, and save its path."
        )
    others = without_message(kept, message.place)
    if len(others) >= MOST_SAVED:
        raise CallerError(f"There are {MOST_SAVED} saved messages, which is the most. Remove one first.")
    return tuple(sorted((*others, message), key=lambda each: (each.folder.lower(), each.name.lower())))


def without_message(kept: Messages, place: tuple[str, str]) -> Messages:
    """Without the message at that place."""
    return tuple(each for each in kept if each.place != place)


def written(kept: Messages) -> str:
    """The messages as JSON."""
    return json.dumps([_written(each) for each in kept], ensure_ascii=False)


def read(text: str) -> Messages:
    """What `written` has written. Whatever is not as it should be is left out."""
    if len(text) > LONGEST_TEXT:
        return ()
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return ()
    kept: Messages = ()
    for entry in found[:MOST_SAVED] if isinstance(found, list) else ():
        message = _read(entry) if isinstance(entry, dict) else None
        if message is not None:
            try:
                kept = with_message(kept, message)
            except CallerError:
                continue
    return kept


def filled(text: str, variables: Mapping[str, Variable]) -> str:
    """`text` with the values of known variables in the place of their names in braces, and nothing else changed.

    Secret ones are left alone: a capture would have them.
    """
    for name, variable in variables.items():
        if not variable.is_secret:
            text = text.replace(f"{{{name}}}", variable.value)
    return text


def names_filled(text: str, variables: Mapping[str, Variable]) -> tuple[str, ...]:
    """The variables that `filled` would fill in."""
    known = (each for each in variables.values() if not each.is_secret)
    return tuple(each.name for each in known if f"{{{each.name}}}" in text)


def _written(message: SavedMessage) -> dict[str, Any]:
    said: dict[str, Any] = {"name": message.name, "kind": message.kind.value, "text": message.text}
    if message.folder:
        said["folder"] = message.folder
    if message.kind is ComposeKind.CLOSE:
        said["code"] = message.code
    if message.raw is not None:
        boxes = asdict(message.raw)
        said["raw"] = {name: each.value if isinstance(each, Enum) else each for name, each in boxes.items()}
    return said


def _read(entry: Mapping[str, Any]) -> SavedMessage | None:
    name, text, folder = entry.get("name"), entry.get("text", ""), entry.get("folder", "")
    kind = next((each for each in ComposeKind if each.value == entry.get("kind")), None)
    if kind is None or not all(isinstance(each, str) for each in (name, text, folder)):
        return None
    message = SavedMessage(str(name), kind, str(text), clean_folder(str(folder)))
    if kind is ComposeKind.CLOSE:
        code = entry.get("code")
        is_code = isinstance(code, int) and not isinstance(code, bool)
        return replace(message, code=code if is_code else None)
    if kind is ComposeKind.RAW:
        return replace(message, raw=_read_raw(entry.get("raw")))
    return message


def _read_raw(found: Any) -> RawDraft:
    """The boxes; what is not as it should be is as in an untouched page."""
    draft = RawDraft()
    if not isinstance(found, dict):
        return draft
    boxes: dict[str, Any] = {}
    for field in fields(RawDraft):
        value: Any = found.get(field.name)
        kind = _ENUMS.get(field.name)
        if kind is not None:
            value = next((each for each in kind if each.value == value), None)
        if type(value) is type(getattr(draft, field.name)) or (kind is not None and value is not None):
            boxes[field.name] = value
    if not 0 <= boxes.get("opcode", 0) <= 15:
        del boxes["opcode"]
    return replace(draft, **boxes)
