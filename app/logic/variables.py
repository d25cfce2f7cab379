"""Variables such as {host} in what a person writes of a connection. Two braces stand for one that is meant as such."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from core.errors import CallerError

MOST_VARIABLES = 200
LONGEST_NAME = 40
LONGEST_VALUE = 16 * 1024
MASK = "*"
"""Stands for each byte of a secret value where it is shown or recorded."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_\-]*")
_PLACE = re.compile(r"\{\{|\}\}|\{(?P<name>[A-Za-z_][A-Za-z0-9_\-]*)\}")
_BRACES = re.compile(r"[{}]")
_UNFIT = re.compile(r"[\x00-\x1f\x7f]|[^\x00-\xff]")

Wire = Callable[[str], str]
"""How a value looks in the request, such as percent-encoded."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A name and what it stands for."""

    name: str
    value: str = field(repr=False)
    is_secret: bool = False
    """Whether its value may only be shown when a person asks for it, and never be recorded or written to a file."""


@dataclass(frozen=True, slots=True)
class Filled:
    """A text with its variables filled in."""

    text: str = field(repr=False)
    masked: str
    """The text with secret values as asterisks."""
    secrets: tuple[str, ...] = field(default=(), repr=False)
    """The secret values in it, as they look in the request."""


def as_is(value: str) -> str:
    return value


def check_name(name: str) -> str:
    """The name. Raises CallerError if no variable can have it."""
    if _NAME.fullmatch(name) is None or len(name) > LONGEST_NAME:
        raise CallerError(
            f"“{name}” is no name for a variable: write a letter, then letters, digits, _ or - "
            f"({LONGEST_NAME} characters at most)."
        )
    return name


def check_value(variable: Variable) -> Variable:
    """The variable. Raises CallerError, without the value, if no request can carry that."""
    if len(variable.value) > LONGEST_VALUE:
        raise CallerError(f"The value of {{{variable.name}}} is longer than {LONGEST_VALUE} characters.")
    if _UNFIT.search(variable.value):
        raise CallerError(
            f"The value of {{{variable.name}}} has a line end, another control character, or one outside of Latin-1, "
            "which no header can carry. Take it out."
        )
    return variable


def names_in(texts: Iterable[str]) -> tuple[str, ...]:
    """The variables that these texts name, each once."""
    found = (place["name"] for text in texts for place in _PLACE.finditer(text) if place["name"])
    return tuple(dict.fromkeys(found))


def literal(text: str) -> str:
    """`text` as a template that gives just this text."""
    return _BRACES.sub(lambda brace: brace[0] * 2, text) if _PLACE.search(text) else text


def fill(template: str, variables: Mapping[str, Variable], wire: Wire = as_is) -> Filled:
    """Fill in the variables of `template`. Raises CallerError for one that is not known or has an unfit value."""
    pieces: list[str] = []
    masked: list[str] = []
    secrets: list[str] = []
    done = 0
    for place in _PLACE.finditer(template):
        before = template[done : place.start()]
        done = place.end()
        value = shown = place[0][0]
        if place["name"] is not None:
            variable = _known(place["name"], variables)
            value = shown = variable.value
            if variable.is_secret and value:
                secrets.append(wire(value))
                shown = MASK * len(wire(value))
        pieces += (before, value)
        masked += (before, shown)
    return Filled(
        "".join((*pieces, template[done:])),
        "".join((*masked, template[done:])),
        tuple(dict.fromkeys(secrets)),
    )


def _known(name: str, variables: Mapping[str, Variable]) -> Variable:
    variable = variables.get(name)
    if variable is None:
        raise CallerError(
            f"There is no variable {{{name}}}: give it a value, or write {{{{{name}}}}} if the braces are meant."
        )
    if variable.is_secret and not variable.value:
        raise CallerError(f"The secret {{{name}}} has no value here: enter it.")
    return check_value(variable)
