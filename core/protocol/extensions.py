"""The grammar of Sec-WebSocket-Extensions (RFC 6455 section 9.1). Parsing takes linear time."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core.protocol.violations import Violation, violation

_TOKEN = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_NAME = re.compile(_TOKEN)
_PARAMETER = re.compile(
    rf"[ \t]*;[ \t]*(?P<name>{_TOKEN})"
    rf'(?:[ \t]*=[ \t]*(?:(?P<token>{_TOKEN})|"(?P<quoted>(?:[^"\\]|\\.)*+)"))?'
)
# An unclosed quote extends to the end; retrying at each further quote would be quadratic.
_ELEMENT = re.compile(r'(?:[^,"]|"(?:[^"\\]|\\.)*+"?)++')
_ESCAPE = re.compile(r"\\(.)")


@dataclass(frozen=True, slots=True)
class Extension:
    """One element of Sec-WebSocket-Extensions: a name and its parameters in order, without quotes."""

    name: str
    params: tuple[tuple[str, str | None], ...] = ()
    """The value is None for a parameter without one."""


def parse_extensions(values: tuple[str, ...]) -> tuple[tuple[Extension, ...], tuple[Violation, ...]]:
    """The extensions listed by the Sec-WebSocket-Extensions lines `values`, in order.

    An element that breaks the grammar (RFC 6455 section 9.1) is left out and gives one `extension-syntax`.
    """
    extensions: list[Extension] = []
    broken: list[Violation] = []
    for value in values:
        elements = [element for match in _ELEMENT.finditer(value) if (element := match[0].strip(" \t"))]
        if not elements:
            broken.append(violation("extension-syntax", "the header names no extension"))
        for element in elements:
            extension = _parse_extension(element)
            if extension is None:
                broken.append(violation("extension-syntax", f"cannot be read: {element[:200]!r}"))
            else:
                extensions.append(extension)
    return tuple(extensions), tuple(broken)


def _parse_extension(element: str) -> Extension | None:
    """Parse extension-token *( ";" extension-param ); None if that fails."""
    name = _NAME.match(element)
    if name is None:
        return None
    params: list[tuple[str, str | None]] = []
    at = name.end()
    while at < len(element):
        param = _PARAMETER.match(element, at)
        if param is None:
            return None
        value = param["token"]
        if param["quoted"] is not None:
            value = _ESCAPE.sub(r"\1", param["quoted"])
            # RFC 6455 section 9.1: the text in quotes must itself be a token.
            if _NAME.fullmatch(value) is None:
                return None
        params.append((param["name"], value))
        at = param.end()
    return Extension(name[0], tuple(params))
