"""Values out of payloads that are JSON, by JSONPath (RFC 9535)."""

from __future__ import annotations

import json
from collections.abc import Callable

from jsonpath import JSONPathEnvironment
from jsonpath.exceptions import JSONPathError

from core.query.values import Value, as_json

PAYLOAD_LIMIT = 16 * 1024 * 1024
"""Bytes of a payload that is read as JSON at most; a longer one has no values."""
VALUE_LIMIT = 10_000
"""Values that are looked at, of all that a path finds."""
_FIRST = b'{["-0123456789tfn'

Extract = Callable[[bytes], tuple[Value, ...]]


def json_values(path: str) -> Extract:
    """What takes the values at `path` out of a payload; no values where it is no JSON. ValueError: it is no path."""
    try:
        compiled = JSONPathEnvironment(strict=True).compile(path)
    except RecursionError:
        raise ValueError("it nests too deep") from None
    except JSONPathError as error:
        raise ValueError(str(error).partition("\n")[0] or "it ends too early") from None

    def extract(payload: bytes) -> tuple[Value, ...]:
        if len(payload) > PAYLOAD_LIMIT or payload.lstrip(b" \t\r\n")[:1] not in _FIRSTS:
            return ()
        try:
            document = json.loads(payload)
            found = zip(compiled.finditer(document), range(VALUE_LIMIT), strict=False)
            return tuple(as_json(match.obj) for match, _ in found)
        except (ValueError, RecursionError, JSONPathError):
            return ()

    return extract


_FIRSTS = frozenset(_FIRST[index : index + 1] for index in range(len(_FIRST)))
