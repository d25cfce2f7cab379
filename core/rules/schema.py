"""The JSON Schema (2020-12) of a file of rules, made of what the actions say of themselves."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from core.rules.action import ActionKind, ActionKinds, Parameter, ParameterKind
from core.rules.book import MOST_ACTIONS, MOST_RULES
from core.rules.moment import Moment
from core.rules.rule_file import VERSION

Schema = dict[str, object]

_DURATION = r"^\s*(0|[0-9]+(\.[0-9]+)?\s*(ns|us|µs|ms|s|m|min|h|d))\s*$"


def rule_schema(actions: ActionKinds) -> Schema:
    """The schema of a whole file."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Unmask rules",
        "type": "object",
        "additionalProperties": False,
        "required": ["version", "rules"],
        "properties": {
            "$schema": {"type": "string"},
            "version": {"const": VERSION, "description": "The version of the format."},
            "title": {"type": "string", "description": "What the rules are for, in a few words."},
            "help": {"type": "string", "description": "What they do, and how they are used."},
            "rules": {"type": "array", "maxItems": MOST_RULES, "items": {"$ref": "#/$defs/rule"}},
        },
        "$defs": {"rule": _rule(actions), "when": _when(), **_actions(actions)},
    }


def _rule(actions: ActionKinds) -> Schema:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["name", "when", "then"],
        "properties": {
            "name": {"type": "string", "minLength": 1, "maxLength": 200},
            "on": {"type": "boolean", "default": True, "description": "Whether it applies at all."},
            "when": {"$ref": "#/$defs/when"},
            "then": {
                "type": "array",
                "minItems": 1,
                "maxItems": MOST_ACTIONS,
                "items": {"type": "object", "required": ["do"]},
                "description": "What is done, in this order.",
            },
        },
        "allOf": [_at(moment, actions.names(moment)) for moment in Moment],
    }


def _at(moment: Moment, names: Iterable[str]) -> Schema:
    """Which actions there are at a moment."""
    handshake = moment in (Moment.REQUEST, Moment.RESPONSE)
    references = [{"$ref": f"#/$defs/{_key(name, handshake=handshake)}"} for name in names]
    return {
        "if": {"properties": {"when": {"properties": {"moment": {"const": moment.value}}}}},
        "then": {"properties": {"then": {"items": {"anyOf": references}}}},
    }


def _when() -> Schema:
    count: Schema = {"type": "integer", "minimum": 0}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": ["moment"],
        "properties": {
            "moment": {"enum": [each.value for each in Moment], "description": "What has just happened."},
            "filter": {
                "type": "string",
                "description": "A filter of the filter language; where there is none, all matches.",
            },
            "from": {"enum": ["client", "server"], "description": "Whose messages; where it is missing, both sides’."},
            "every": {
                "type": "string", "pattern": _DURATION, "description": "Of a timer: the time between two times.",
            },
            "after": {
                "type": "string",
                "description": "The name of a rule that has to have applied on the connection before.",
            },
            "skip": {**count, "description": "How many matches on a connection are let by first."},
            "most": {**count, "minimum": 1, "description": "How many times it applies on a connection."},
            "percent": {
                "type": "number", "exclusiveMinimum": 0, "maximum": 100,
                "description": "In how many of a hundred cases it applies, by chance.",
            },
        },
    }  # fmt: skip


def _actions(actions: ActionKinds) -> Mapping[str, object]:
    return {
        **{_key(each.name, handshake=False): _action(each) for each in actions.events()},
        **{_key(each.name, handshake=True): _action(each) for each in actions.handshakes()},
    }


def _key(name: str, *, handshake: bool) -> str:
    return f"handshake-{name}" if handshake else name


def _action(kind: ActionKind[object]) -> Schema:
    return {
        "type": "object",
        "description": kind.help,
        "additionalProperties": False,
        "required": ["do", *(each.name for each in kind.parameters if each.default is None)],
        "properties": {
            "do": {"const": kind.name},
            **{each.name: _parameter(each) for each in kind.parameters},
        },
    }


def _parameter(parameter: Parameter) -> Schema:
    schema: Schema = {"description": parameter.help}
    match parameter.kind:
        case ParameterKind.TEMPLATE | ParameterKind.JSON:
            # Any JSON: what is no text is a template of its own.
            pass
        case ParameterKind.COUNT:
            schema |= {"type": ["integer", "string"], "minimum": parameter.least, "maximum": parameter.most}
        case ParameterKind.CHOICE:
            schema |= {"enum": list(parameter.choices)}
        case ParameterKind.DURATION:
            schema |= {"type": "string", "pattern": _DURATION}
        case _:
            schema |= {"type": "string"}
    if parameter.default:
        schema["default"] = parameter.default
    return schema
