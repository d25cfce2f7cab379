"""Connections that a person keeps, in folders, with their variables; and how they are written down. Secrets are not."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from app.logic.connect_draft import MOST_FOLLOWED, Auth, AuthKind, ConnectDraft, Trust
from app.logic.variables import LONGEST_VALUE, MOST_VARIABLES, Variable, check_name
from core.errors import CallerError

MOST_SAVED = 500
LONGEST_NAME = 200
MOST_LINES = 200
"""Headers or subprotocols of one connection."""
LONGEST_TEXT = 4 * 1024 * 1024
"""Characters of all that is written down."""


@dataclass(frozen=True, slots=True)
class SavedConnection:
    """A connection under a name."""

    name: str
    draft: ConnectDraft
    folder: str = ""
    """Such as `staging`, or `staging/chat` for a folder in a folder; "" for none."""


@dataclass(frozen=True, slots=True)
class Saved:
    """All that is kept."""

    connections: tuple[SavedConnection, ...] = ()
    variables: tuple[Variable, ...] = ()

    def find(self, folder: str, name: str) -> SavedConnection | None:
        """The connection of that name in that folder."""
        return next((each for each in self.connections if (each.folder, each.name) == (folder, name)), None)

    def with_connection(self, connection: SavedConnection) -> Saved:
        """With this one in the place of another of its name and folder. Raises CallerError if there are too many."""
        others = self.without(connection.folder, connection.name).connections
        if len(others) >= MOST_SAVED:
            raise CallerError(
                f"There are {MOST_SAVED} saved connections, which is the most. Remove one first."
            )
        kept = sorted((*others, connection), key=lambda each: (each.folder.lower(), each.name.lower()))
        return replace(self, connections=tuple(kept))

    def without(self, folder: str, name: str) -> Saved:
        """Without the connection of that name in that folder."""
        kept = (each for each in self.connections if (each.folder, each.name) != (folder, name))
        return replace(self, connections=tuple(kept))

    def with_variables(self, variables: tuple[Variable, ...]) -> Saved:
        """With these variables instead. Raises CallerError for a bad name, one that stands twice, or too many."""
        names = [check_name(each.name) for each in variables]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise CallerError(f"There are two variables {{{twice}}}: give one of them another name.")
        if len(variables) > MOST_VARIABLES:
            raise CallerError(f"There are {len(variables)} variables; at most {MOST_VARIABLES} are kept.")
        return replace(self, variables=variables)

    @property
    def by_name(self) -> Mapping[str, Variable]:
        return {each.name: each for each in self.variables}


def clean_folder(text: str) -> str:
    """A folder as it is kept: parts with single slashes between, without space around them."""
    return "/".join(part.strip() for part in text.split("/") if part.strip())[:LONGEST_NAME]


def written(saved: Saved) -> str:
    """`saved` as JSON. The values of secret variables are left out."""
    return json.dumps(
        {
            "connections": [
                {"name": each.name, "folder": each.folder, **written_draft(each.draft)}
                for each in saved.connections
            ],
            "variables": [
                {"name": each.name, "secret": True}
                if each.is_secret
                else {"name": each.name, "value": each.value}
                for each in saved.variables
            ],
        },
        ensure_ascii=False,
    )


def read(text: str) -> Saved:
    """What `written` has written. Whatever is not as it should be is left out."""
    if len(text) > LONGEST_TEXT:
        return Saved()
    try:
        found: Any = json.loads(text)
    except (ValueError, RecursionError):
        return Saved()
    if not isinstance(found, dict):
        return Saved()
    saved = Saved()
    for entry in _list(found.get("connections"))[:MOST_SAVED]:
        if isinstance(entry, dict) and (name := _text(entry.get("name"), LONGEST_NAME)):
            folder = clean_folder(_text(entry.get("folder"), LONGEST_NAME))
            saved = saved.with_connection(SavedConnection(name, read_draft(entry), folder))
    variables: dict[str, Variable] = {}
    for entry in _list(found.get("variables"))[:MOST_VARIABLES]:
        variable = _read_variable(entry)
        if variable is not None:
            variables[variable.name] = variable
    return replace(saved, variables=tuple(variables.values()))


def written_draft(draft: ConnectDraft) -> dict[str, Any]:
    """The fields of a draft that are not as in an empty one."""
    usual = ConnectDraft()
    said = {field.name: getattr(draft, field.name) for field in fields(draft)}
    changed = {name: value for name, value in said.items() if value != getattr(usual, name)}
    if "auth" in changed:
        auth = draft.auth
        changed["auth"] = {"kind": auth.kind.value, "user": auth.user, "secret": auth.secret}
    if "trust" in changed:
        changed["trust"] = draft.trust.value
    return changed


def read_draft(entry: Mapping[str, Any]) -> ConnectDraft:
    """What `written_draft` wrote; whatever is not as it should be is as in an empty draft."""
    usual = ConnectDraft()
    headers = [
        (_text(pair[0]), _text(pair[1]))
        for pair in _list(entry.get("headers"))[:MOST_LINES]
        if isinstance(pair, list) and len(pair) == 2
    ]
    subprotocols = [_text(each) for each in _list(entry.get("subprotocols"))[:MOST_LINES]]
    return ConnectDraft(
        url=_text(entry.get("url")),
        headers=tuple(headers),
        cookies=_text(entry.get("cookies")),
        auth=_read_auth(entry.get("auth")),
        origin=_text(entry.get("origin")),
        subprotocols=tuple(each for each in subprotocols if each),
        compression=_text(entry["compression"]) if "compression" in entry else usual.compression,
        proxy=_text(entry.get("proxy")),
        trust=Trust.ANY if entry.get("trust") == Trust.ANY.value else Trust.VERIFIED,
        connect_seconds=_number(entry.get("connect_seconds"), usual.connect_seconds),
        handshake_seconds=_number(entry.get("handshake_seconds"), usual.handshake_seconds),
        follows=min(int(_number(entry.get("follows"), usual.follows)), MOST_FOLLOWED),
        reconnects=entry.get("reconnects") is True,
        ping_seconds=_number(entry.get("ping_seconds"), usual.ping_seconds),
    )


def _read_auth(found: Any) -> Auth:
    if not isinstance(found, dict):
        return Auth()
    kind = next((each for each in AuthKind if each.value == found.get("kind")), AuthKind.NONE)
    return Auth(kind, _text(found.get("user")), _text(found.get("secret")))


def _read_variable(entry: Any) -> Variable | None:
    if not isinstance(entry, dict):
        return None
    is_secret = entry.get("secret") is True
    try:
        name = check_name(_text(entry.get("name")))
    except CallerError:
        return None
    return Variable(name, "" if is_secret else _text(entry.get("value")), is_secret)


def _list(found: Any) -> list[Any]:
    return found if isinstance(found, list) else []


def _text(found: Any, longest: int = LONGEST_VALUE) -> str:
    return found if isinstance(found, str) and len(found) <= longest else ""


def _number(found: Any, usual: float) -> float:
    is_number = isinstance(found, (int, float)) and not isinstance(found, bool)
    return found if is_number and 0 <= found < 1e9 else usual
