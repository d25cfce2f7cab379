"""Actions: small plug-ins, each with its own help. Built once for a rule, one acts each time the rule applies."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Generic, TypeVar

from core.errors import TemplateError
from core.query.operators import PATTERN_LIMIT
from core.query.values import DURATION_UNITS
from core.rules.deed import Deed, HandshakeDeed
from core.rules.faults import ParameterError
from core.rules.moment import Moment
from core.rules.pattern_risk import TAKES_FOREVER, may_take_forever
from core.rules.template import Refuse, Template, TemplateLanguage
from core.sizes import multiplied, parse_size

Act = Callable[[Deed], None]
HandshakeAct = Callable[[HandshakeDeed], None]

MESSAGES = frozenset({Moment.MESSAGE})
PASSING = frozenset({Moment.MESSAGE, Moment.FRAME})
EVENTS = frozenset({Moment.MESSAGE, Moment.FRAME, Moment.OPEN, Moment.CLOSE, Moment.TIMER})
HANDSHAKES = frozenset({Moment.REQUEST, Moment.RESPONSE})

MOST_SECONDS = 86_400.0
_QUANTITY = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([a-zA-Zµ]{1,3})")
_NUMBER = re.compile(r"[+-]?\d{1,15}(?:\.\d{1,9})?")


class ParameterKind(Enum):
    """Kinds of value that a part of an action takes; the enum's value says how one is written."""

    TEMPLATE = "a template"
    JSON = "a template that is one value of JSON"
    TEXT = "a text"
    COUNT = "a whole number"
    DURATION = "a duration, such as 250ms or 2s"
    RATE = "bytes a second, such as 10KB"
    CHOICE = "one of the names"
    PATTERN = "a regular expression"
    PATH = "a JSONPath (RFC 9535)"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A part of an action that a person fills in."""

    name: str
    kind: ParameterKind
    help: str
    default: str | None = ""
    """What counts where nothing is given; None: something has to be."""
    choices: tuple[str, ...] = ()
    least: int = 0
    most: int = 0
    """The least and the greatest number of a COUNT."""


class Given:
    """The parts of one action as they are written. Every reading raises ParameterError."""

    def __init__(
        self,
        parameters: Iterable[Parameter],
        texts: Iterable[tuple[str, str]],
        templates: TemplateLanguage,
        refuse: Refuse,
    ) -> None:
        self._parameters = {each.name: each for each in parameters}
        self._texts = dict(texts)
        self._templates = templates
        self._refuse = refuse
        for name in self._texts:
            if name not in self._parameters:
                known = ", ".join(self._parameters) or "none"
                raise ParameterError(f"There is no part “{name}” here. There are: {known}.", name)

    def text(self, name: str) -> str:
        parameter = self._parameters[name]
        text = self._texts.get(name, parameter.default)
        if text is None:
            raise ParameterError(f"“{name}” is missing: {parameter.kind.value}. {parameter.help}", name)
        return text

    def has(self, name: str) -> bool:
        """Whether something is given that is not empty."""
        return bool(self._texts.get(name))

    def choice(self, name: str) -> str:
        text, choices = self.text(name).lower(), self._parameters[name].choices
        if text not in choices:
            raise ParameterError(f"“{name}” cannot be “{text}”: expected {_either(choices)}.", name)
        return text

    def count(self, name: str) -> int:
        text, parameter = self.text(name).strip(), self._parameters[name]
        if not text.isascii() or not text.isdecimal() or len(text) > 15:
            raise ParameterError(f"“{name}” cannot be “{text}”: expected a whole number.", name)
        if not parameter.least <= int(text) <= parameter.most:
            raise ParameterError(
                f"“{name}” cannot be {int(text)}: expected {parameter.least} to {parameter.most}.", name
            )
        return int(text)

    def seconds(self, name: str) -> float:
        try:
            return seconds_of(self.text(name))
        except ValueError as error:
            raise ParameterError(f"“{name}”: {error}", name) from None

    def rate(self, name: str) -> float:
        text = self.text(name).removesuffix("/s")
        try:
            return float(parse_size(text))
        except ValueError:
            raise ParameterError(
                f"“{name}” cannot be “{text}”: expected bytes a second, such as 10KB.", name
            ) from None

    def template(self, name: str, *, is_json: bool = False) -> Template:
        try:
            return self._templates.read(self.text(name), self._refuse, is_json=is_json)
        except TemplateError as error:
            raise ParameterError(f"“{name}”, character {error.start + 1}: {error}", name, error) from None

    def pattern(self, name: str) -> re.Pattern[bytes]:
        text = self.text(name)
        if not text or len(text) > PATTERN_LIMIT:
            raise ParameterError(f"“{name}” has 1 to {PATTERN_LIMIT} characters.", name)
        try:
            pattern = re.compile(text.encode())
        except (re.error, RecursionError, OverflowError, UnicodeEncodeError) as error:
            raise ParameterError(f"“{name}” is no regular expression: {error}.", name) from None
        if may_take_forever(text):
            raise ParameterError(f"“{name}” {TAKES_FOREVER}", name)
        return pattern


def seconds_of(text: str) -> float:
    """A duration such as `250ms`, or a bare 0, in seconds; ValueError with a sentence for anything else."""
    found = _QUANTITY.fullmatch(text.strip())
    unit = None if found is None else DURATION_UNITS.get(found[2])
    if found is not None and unit is not None:
        seconds = multiplied(found[1], unit) / 10**9
    elif _NUMBER.fullmatch(text.strip()) and float(text) == 0:
        seconds = 0.0
    else:
        raise ValueError(f"“{text}” is no duration: write a number with a unit, such as 250ms or 2s.")
    if seconds > MOST_SECONDS:
        raise ValueError(f"“{text}” is too long: at most 24h.")
    return seconds


def _either(names: Iterable[str]) -> str:
    *first, last = names
    return f"{', '.join(first)} or {last}" if first else last


A_co = TypeVar("A_co", covariant=True)


@dataclass(frozen=True, slots=True)
class ActionKind(Generic[A_co]):
    """An action: its name, its help, and how it is built."""

    name: str
    title: str
    help: str
    example: Mapping[str, str]
    """Parts that make a whole action."""
    moments: frozenset[Moment]
    build: Callable[[Given], A_co]
    """Makes the action; raises ParameterError."""
    parameters: tuple[Parameter, ...] = ()
    implied: Callable[[Given], str] | None = field(default=None)
    """A filter without which the action changes nothing."""

    def given(self, texts: Iterable[tuple[str, str]], templates: TemplateLanguage, refuse: Refuse) -> Given:
        """The parts as written, for `build`. Raises ParameterError."""
        return Given(self.parameters, texts, templates, refuse)


class ActionKinds:
    """Actions by name, in order; those of a handshake apart."""

    def __init__(
        self, kinds: Iterable[ActionKind[Act]], of_handshakes: Iterable[ActionKind[HandshakeAct]]
    ) -> None:
        self._kinds = {each.name: each for each in kinds}
        self._of_handshakes = {each.name: each for each in of_handshakes}

    def events(self) -> Iterator[ActionKind[Act]]:
        return iter(self._kinds.values())

    def handshakes(self) -> Iterator[ActionKind[HandshakeAct]]:
        return iter(self._of_handshakes.values())

    def names(self, moment: Moment) -> tuple[str, ...]:
        """The actions there are at a moment."""
        kinds: tuple[ActionKind[object], ...] = (*self._kinds.values(), *self._of_handshakes.values())
        return tuple(each.name for each in kinds if moment in each.moments)

    def event(self, name: str, moment: Moment) -> ActionKind[Act]:
        """The action with that name; raises ParameterError if there is none at the moment."""
        kind = self._kinds.get(name)
        if kind is None or moment not in kind.moments:
            raise self._unknown(name, moment)
        return kind

    def handshake(self, name: str, moment: Moment) -> ActionKind[HandshakeAct]:
        """The action on a handshake with that name; raises ParameterError if there is none at the moment."""
        kind = self._of_handshakes.get(name)
        if kind is None or moment not in kind.moments:
            raise self._unknown(name, moment)
        return kind

    def _unknown(self, name: str, moment: Moment) -> ParameterError:
        known = ", ".join(self.names(moment))
        where = f" at the moment “{moment.value}”" if name in {*self._kinds, *self._of_handshakes} else ""
        return ParameterError(f"There is no action “{name}”{where}. There are: {known}.", "do")
