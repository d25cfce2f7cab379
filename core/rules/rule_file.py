"""Rules as a file: JSON that is checked as a whole before anything of it counts."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn

from core.errors import TemplateError
from core.protocol.headers import quoted
from core.protocol.state import Role
from core.rules.action import ParameterKind, seconds_of
from core.rules.book import RuleCompiler
from core.rules.faults import ParameterError, RuleError, RuleFileError, RulePlace
from core.rules.located_json import Lines, Located, LocatedJsonError, read_located
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule

VERSION = 1
LENGTH_LIMIT = 8 * 1024 * 1024
"""Characters of a file."""
_NAME_LIMIT = 200
_HALVES = re.compile("[\ud800-\udfff]")
"""Halves of a character, which JSON can name alone (RFC 8259 section 8.2) and UTF-8 cannot have."""

_ROLES = {"client": Role.CLIENT, "server": Role.SERVER}
_MOMENTS = {each.value: each for each in Moment}
_TOP = ("$schema", "version", "title", "help", "rules")
_RULE = ("name", "on", "when", "then")
_WHEN = ("moment", "filter", "from", "every", "after", "skip", "most", "percent")


@dataclass(frozen=True, slots=True)
class RuleFile:
    """What a file says."""

    rules: tuple[Rule, ...]
    title: str = ""
    help: str = ""


def read_rules(text: str, compiler: RuleCompiler) -> RuleFile:
    """Read and check a file. Its rules are numbered from 1. Raises RuleFileError, which names line and reason."""
    lines = Lines(text)
    try:
        root = read_located(text, LENGTH_LIMIT)
    except LocatedJsonError as error:
        line, column = lines.place(error.at)
        raise RuleFileError(f"Line {line}, character {column}: {error}", line, column) from None
    return _Reading(lines, compiler).file(root)


def write_rules(file: RuleFile) -> str:
    """The file as text; `read_rules` gives the same rules back, but for their ids."""
    document: dict[str, object] = {"version": VERSION}
    if file.title:
        document["title"] = file.title
    if file.help:
        document["help"] = file.help
    document["rules"] = [_written(rule) for rule in file.rules]
    text = json.dumps(document, indent=2, ensure_ascii=False) + "\n"
    return _HALVES.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _written(rule: Rule) -> dict[str, object]:
    when, plain = rule.when, Condition(rule.when.moment)
    condition: dict[str, object] = {"moment": when.moment.value}
    if when.filter:
        condition["filter"] = when.filter
    if when.sender is not None:
        condition["from"] = when.sender.name.lower()
    if when.every_seconds:
        condition["every"] = duration_text(when.every_seconds)
    if when.after:
        condition["after"] = when.after
    for name in ("skip", "most", "percent"):
        if getattr(when, name) != getattr(plain, name):
            condition[name] = getattr(when, name)
    return {
        "name": rule.name,
        "on": rule.is_on,
        "when": condition,
        "then": [{"do": each.name, **dict(each.parameters)} for each in rule.then],
    }


def duration_text(seconds: float) -> str:
    """A duration that `seconds_of` reads back."""
    nanoseconds = round(seconds * 10**9)
    for unit, size in (("s", 10**9), ("ms", 10**6), ("us", 10**3)):
        if nanoseconds % size == 0:
            return f"{nanoseconds // size}{unit}"
    return f"{nanoseconds}ns"


class _Reading:
    """Turns a document into rules, and what is wrong into sentences with lines."""

    def __init__(self, lines: Lines, compiler: RuleCompiler) -> None:
        self._lines = lines
        self._compiler = compiler

    def file(self, root: Located) -> RuleFile:
        members = self._object(root, "The file", _TOP)
        if "version" not in members:
            self._fail('“version” is missing: a file of rules begins with “"version": 1”.', root)
        if members["version"].scalar != VERSION or isinstance(members["version"].scalar, bool):
            self._fail(f"This build reads version {VERSION} of the format.", members["version"])
        if "rules" not in members:
            self._fail("“rules” is missing: a list of rules.", root)
        listed = self._list(members["rules"], "“rules”")
        rules = tuple(self._rule(number, each) for number, each in enumerate(listed, 1))
        try:
            self._compiler.book(rules)
        except RuleError as error:
            self._fail_rule(error, members["rules"], rules)
        texts = {name: self._text(members[name], name) for name in ("title", "help") if name in members}
        return RuleFile(rules, texts.get("title", ""), texts.get("help", ""))

    def _rule(self, number: int, node: Located) -> Rule:
        members = self._object(node, "A rule", _RULE)
        for name in ("name", "when", "then"):
            if name not in members:
                self._fail(f"“{name}” is missing in this rule.", node)
        name = self._text(members["name"], "name")
        if not name or len(name) > _NAME_LIMIT:
            self._fail(f"“name” has 1 to {_NAME_LIMIT} characters.", members["name"])
        is_on = members["on"].scalar if "on" in members else True
        if not isinstance(is_on, bool):
            self._fail("“on” is true or false.", members["on"])
        when = self._condition(members["when"])
        then = tuple(self._action(each, when.moment) for each in self._list(members["then"], "“then”"))
        return Rule(number, name, when, then, is_on)

    def _condition(self, node: Located) -> Condition:
        members = self._object(node, "“when”", _WHEN)
        if "moment" not in members:
            self._fail(f"“moment” is missing in this condition: {_listed(_MOMENTS)}.", node)
        moment = _MOMENTS[self._choice(members["moment"], "moment", _MOMENTS)]
        every = 0.0
        if "every" in members:
            try:
                every = seconds_of(self._text(members["every"], "every"))
            except ValueError as error:
                self._fail(f"“every”: {error}", members["every"])
        sender = members.get("from")
        most = members.get("most")
        return Condition(
            moment,
            self._text(members["filter"], "filter") if "filter" in members else "",
            None if sender is None else _ROLES[self._choice(sender, "from", _ROLES)],
            every,
            self._text(members["after"], "after") if "after" in members else "",
            self._count(members["skip"], "skip") if "skip" in members else 0,
            None if most is None else self._count(most, "most"),
            self._number(members["percent"]) if "percent" in members else 100.0,
        )

    def _action(self, node: Located, moment: Moment) -> ActionText:
        if node.members is None:
            self._fail('An action is an object, such as {"do": "drop"}.', node)
        self._refuse_repeated(node)
        if "do" not in node.members:
            known = _listed(self._compiler.actions.names(moment))
            self._fail(f"“do” is missing in this action: {known}.", node)
        name = self._text(node.members["do"], "do")
        try:
            kinds = self._kinds(name, moment)
        except ParameterError as error:
            self._fail(str(error), node.members["do"])
        return ActionText(
            name,
            tuple(
                (key, self._value(key, each, kinds.get(key)))
                for key, each in node.members.items()
                if key != "do"
            ),
        )

    def _kinds(self, name: str, moment: Moment) -> dict[str, ParameterKind]:
        actions = self._compiler.actions
        if moment in (Moment.REQUEST, Moment.RESPONSE):
            parameters = actions.handshake(name, moment).parameters
        else:
            parameters = actions.event(name, moment).parameters
        return {each.name: each.kind for each in parameters}

    def _value(self, name: str, node: Located, kind: ParameterKind | None) -> str:
        if isinstance(node.scalar, str):
            return node.scalar
        if kind in (ParameterKind.TEMPLATE, ParameterKind.JSON) and node.scalar is None:
            try:
                return self._template(node)
            except TemplateError as error:
                self._fail(f"“{name}”, in the text {quoted(error.text)}: {error}", node)
        if node.items is not None or node.members is not None:
            self._fail(f"“{name}” is a text or a number.", node)
        return json.dumps(node.scalar)

    def _template(self, node: Located) -> str:
        """A value of JSON as a template, in which a text that is one place is what fills it, of whatever type."""
        quote = self._compiler.templates.quoted
        if node.members is not None:
            self._refuse_repeated(node)
            pairs = (
                f"{quote(name, bare=False)}:{self._template(each)}" for name, each in node.members.items()
            )
            return f"{{{','.join(pairs)}}}"
        if node.items is not None:
            return f"[{','.join(map(self._template, node.items))}]"
        return quote(node.scalar, bare=True) if isinstance(node.scalar, str) else json.dumps(node.scalar)

    # Values of the simple kinds.

    def _object(self, node: Located, what: str, known: Sequence[str]) -> dict[str, Located]:
        if node.members is None:
            self._fail(f"{what} is an object in braces.", node)
        self._refuse_repeated(node)
        for name in node.members:
            if name not in known:
                close = get_close_matches(name, known, 1)
                hint = f" Did you mean “{close[0]}”?" if close else ""
                self._fail_at(
                    f"{what} has no {quoted(name)}.{hint} There are: {_listed(known)}.", node.names[name]
                )
        return node.members

    def _refuse_repeated(self, node: Located) -> None:
        if node.repeated is not None:
            name, at = node.repeated
            self._fail_at(f"{quoted(name)} stands here twice.", at)

    def _list(self, node: Located, what: str) -> list[Located]:
        if node.items is None:
            self._fail(f"{what} is a list in square brackets.", node)
        return node.items

    def _text(self, node: Located, name: str) -> str:
        if not isinstance(node.scalar, str):
            self._fail(f"“{name}” is a text in double quotes.", node)
        return node.scalar

    def _choice(self, node: Located, name: str, known: Iterable[str]) -> str:
        text = self._text(node, name)
        if text not in known:
            self._fail(f"“{name}” cannot be {quoted(text)}: expected {_listed(known)}.", node)
        return text

    def _count(self, node: Located, name: str) -> int:
        number = node.scalar
        if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 10**15:
            self._fail(f"“{name}” is a whole number.", node)
        return number

    def _number(self, node: Located) -> float:
        number = node.scalar
        if isinstance(number, bool) or not isinstance(number, int | float) or not math.isfinite(number):
            self._fail("“percent” is a number.", node)
        return float(number)

    # What is wrong.

    def _fail_rule(self, error: RuleError, listed: Located, rules: tuple[Rule, ...]) -> NoReturn:
        if error.index >= len(rules):
            self._fail(str(error), listed)
        name = rules[error.index].name
        node = _node(listed.child(error.index), error.place)
        action = error.place.action
        where = f"Rule {quoted(name)}" + ("" if action is None else f", action {action + 1}")
        self._fail(f"{where}: {error}", node)

    def _fail(self, message: str, node: Located) -> NoReturn:
        self._fail_at(message, node.start)

    def _fail_at(self, message: str, at: int) -> NoReturn:
        line, column = self._lines.place(at)
        raise RuleFileError(f"Line {line}, character {column}: {message}", line, column)


def _node(rule: Located, place: RulePlace) -> Located:
    """Where a part of a rule stands; what holds it, where it is missing."""
    if place.part == "then":
        return rule.child("then")
    node = rule.child("when") if place.action is None else rule.child("then").child(place.action)
    return node.members.get(place.part, node) if node.members is not None else node


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)
