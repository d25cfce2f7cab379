"""Values within a payload of JSON replaced in place: every other byte stays."""

from __future__ import annotations

from jsonpath import JSONPath

from core.errors import CallerError
from core.query.json_paths import PAYLOAD_LIMIT, compiled_path, read_json
from core.rules.located_json import Located, LocatedJsonError, read_located
from core.rules.template_values import FillingError

_MOST = 100_000
"""Values that are replaced in one payload."""


class JsonEdit:
    """Replaces what a JSONPath finds."""

    def __init__(self, path: str) -> None:
        """Raises ValueError if `path` is not a path."""
        self._path: JSONPath = compiled_path(path)

    def applied(self, payload: bytes, value: bytes) -> bytes:
        """The payload with `value` wherever the path leads. Raises FillingError where it is no JSON."""
        try:
            text = payload.decode()
            document = read_json(payload)
            root = read_located(text, PAYLOAD_LIMIT)
            # The library finds the places; its other shortcomings do not matter for containers.
            found = (
                [match.parts for match, _ in zip(self._path.finditer(document), range(_MOST), strict=False)]
                if isinstance(document, dict | list)
                else [()] * (not self._path.segments)
            )
        except (ValueError, RecursionError, LocatedJsonError, CallerError):
            raise FillingError("The payload is no JSON; it stays as it is.") from None
        spans = sorted({(each.start, each.end) for each in (_at(root, parts) for parts in found)})
        pieces, at = [], 0
        for start, end in spans:
            # What is within another that is replaced goes with it.
            if start >= at:
                pieces += [text[at:start].encode(), value]
                at = end
        return b"".join((*pieces, text[at:].encode()))


def _at(root: Located, parts: tuple[int | str, ...]) -> Located:
    node = root
    for part in parts:
        node = node.child(part)
    return node
