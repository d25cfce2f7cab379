"""Actions that change the message itself, or what is recorded of it."""

from __future__ import annotations

import re
from collections.abc import Iterable

from core.query.quoting import text_literal
from core.query.values import PAYLOAD_LIMIT
from core.rules.action import MESSAGES, Act, ActionKind, Given, Parameter, ParameterKind
from core.rules.actions.sending import binary_or_text
from core.rules.deed import Deed
from core.rules.faults import ParameterError
from core.rules.json_edit import JsonEdit
from core.rules.template_values import FillingError

_STARS = b"***"
_ESCAPED_OR_QUOTE = re.compile(r'\\.|"', re.DOTALL)


def _replace(given: Given) -> Act:
    template, form = given.template("payload"), given.choice("as")

    def act(deed: Deed) -> None:
        data = deed.filled(template)
        message = None if data is None else binary_or_text(deed, data, form)
        if message is not None:
            deed.replace(message[1], message[0])

    return act


def _replace_pattern(given: Given) -> Act:
    pattern, template, most = given.pattern("pattern"), given.template("with"), given.count("most")

    def act(deed: Deed) -> None:
        def filled(found: re.Match[bytes]) -> bytes:
            data = deed.filled(template, found)
            return found[0] if data is None else data

        deed.replace(pattern.sub(filled, deed.payload, count=most))

    return act


def _set_json(given: Given) -> Act:
    edit, template = _edit(given), given.template("value", is_json=True)

    def act(deed: Deed) -> None:
        value = deed.filled(template)
        if value is None:
            return
        try:
            deed.replace(edit.applied(deed.payload, value))
        except FillingError as error:
            deed.note(str(error))

    return act


def _redact(given: Given) -> Act:
    if given.has("pattern") == given.has("path"):
        raise ParameterError("Give either a “pattern” or a “path”.", "pattern")
    if given.has("path"):
        edit = _edit(given, every=True)

        def without_values(payload: bytes) -> bytes:
            try:
                return edit.applied(payload, b'"***"')
            except FillingError:
                # What is no JSON has no such place; what is too long to be read may have one.
                return payload if len(payload) <= PAYLOAD_LIMIT else b'"***"'

        return lambda deed: deed.redactions.append(without_values)
    pattern = given.pattern("pattern")
    return lambda deed: deed.redactions.append(lambda payload: pattern.sub(_hidden, payload))


def _hidden(found: re.Match[bytes]) -> bytes:
    """Asterisks for what was matched; where the pattern has groups, for these alone."""
    if not found.re.groups:
        return _STARS
    text, at = b"", found.start()
    for group in range(1, found.re.groups + 1):
        start, end = found.span(group)
        if start >= at:
            text += found.string[at:start] + _STARS
            at = end
    return text + found.string[at : found.end()]


def _edit(given: Given, *, every: bool = False) -> JsonEdit:
    path = given.text("path")
    try:
        return JsonEdit(path, every=every)
    except ValueError as error:
        raise ParameterError(f"“path” cannot be “{path}”: {error}.", "path") from None


def _found_pattern(given: Given) -> str:
    # A pattern in a filter stands as it is written, but for quotes.
    text = _ESCAPED_OR_QUOTE.sub(
        lambda found: r"\x22" if found[0] == '"' else found[0], given.text("pattern")
    )
    return f'payload matches "{text}"'


def _found_path(given: Given) -> str:
    return f"json({text_literal(given.text('path'))})"


def _found_or_unread(given: Given) -> str:
    return f"{_found_path(given)} or message.length > {PAYLOAD_LIMIT}"


_PATTERN = Parameter(
    "pattern", ParameterKind.PATTERN,
    "A regular expression (Python's) that works on the bytes of the message; (?i) before it has capitals be the same "
    "as small letters.", None,
)  # fmt: skip


def changing_actions() -> Iterable[ActionKind[Act]]:
    """Actions that change the message itself."""
    yield ActionKind(
        "replace", "Replace", "Another message goes on in place of this one. Later rules see that one.",
        {"payload": '{"type":"pong","id":{json(\'$.id\')}}'}, MESSAGES, _replace,
        (
            Parameter("payload", ParameterKind.TEMPLATE, "What goes on.", None),
            Parameter("as", ParameterKind.CHOICE, "What it is; hex and base64 are binary, written so.",
                      "same", ("same", "text", "binary", "hex", "base64")),
        ),
    )  # fmt: skip
    yield ActionKind(
        "replace-pattern", "Replace a pattern", "Replaces what a regular expression matches in the message.",
        {"pattern": r"price=(\d+)", "with": "price={match.1}00"}, MESSAGES, _replace_pattern,
        (
            _PATTERN,
            Parameter("with", ParameterKind.TEMPLATE, "What stands there instead; {match.1} is the first group."),
            Parameter("most", ParameterKind.COUNT, "How many places are replaced; 0 means all.", "0", (), 0, 1_000_000),
        ),
        _found_pattern,
    )  # fmt: skip
    yield ActionKind(
        "set-json", "Set a JSON value",
        "Replaces the values that a JSONPath finds; the rest of the message stays as it is, byte for byte.",
        {"path": "$.price", "value": "0"}, MESSAGES, _set_json,
        (
            Parameter("path", ParameterKind.PATH, "Which values.", None),
            Parameter("value", ParameterKind.JSON, "The new value; what is no JSON is a string.", None),
        ),
        _found_path,
    )  # fmt: skip
    yield ActionKind(
        "redact", "Redact",
        "Keeps secrets out of the capture: the message goes on as it is, and is recorded with *** in their place. Give "
        "a pattern or a path.",
        {"path": "$.token"}, MESSAGES, _redact,
        (
            Parameter("pattern", ParameterKind.PATTERN,
                      "A regular expression; where it has groups, only these are hidden."),
            Parameter("path", ParameterKind.PATH,
                      "A JSONPath; what it finds becomes \"***\". Of a message of more than 16MiB nothing is kept."),
        ),
        lambda given: _found_or_unread(given) if given.has("path") else _found_pattern(given),
    )  # fmt: skip
