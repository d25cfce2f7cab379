"""The reference page of rules, from the help that actions and templates carry."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import resources
from core.query.language import default_language
from core.rules.action import ActionKind, Parameter, ParameterKind
from core.rules.actions.registry import default_actions
from core.rules.book import MOST_ACTIONS, MOST_RULES, RuleCompiler
from core.rules.moment import Moment
from core.rules.rule import ActionText, Condition, Rule
from core.rules.rule_file import RuleFile, read_rules, write_rules
from core.rules.template_words import default_words

Table = Callable[[Sequence[str], Iterable[Sequence[str]]], str]

FOLDER = Path(resources.__file__).resolve().parent / "rules"
_MOMENTS = {
    Moment.REQUEST: "A client has asked for a connection.",
    Moment.RESPONSE: "A server has answered, or Unmask is about to.",
    Moment.OPEN: "The opening handshake has succeeded.",
    Moment.MESSAGE: "A whole message has come, joined and inflated.",
    Moment.FRAME: "A frame of any kind has come, also a ping, a pong or a close.",
    Moment.CLOSE: "The connection is over.",
    Moment.TIMER: "So many seconds have passed since the connection opened, or since the last time.",
}
_PARTS = (
    ("`filter`", "A filter of [the filter language](filter.md); where it is missing, everything matches."),
    ("`from`", "`client` or `server`: whose messages. Where it is missing, those of both."),
    ("`every`", "Of a timer: the time between two times, such as `5s`."),
    ("`after`", "The name of a rule that has to have applied on the connection before. A timer counts from then."),
    ("`skip`", "How many matches on a connection are let by first."),
    ("`most`", "How many times the rule applies on a connection."),
    ("`percent`", "In how many of a hundred cases it applies, by chance."),
)  # fmt: skip


def rules_page(table: Table) -> Iterator[str]:
    """The parts of the page; `table` lays out heads and rows."""
    yield (
        "A rule says *when* and *then*: when such a message comes, or a connection is asked for, or time has passed, "
        "then answer, change, delay, drop, hold. Rules are an ordered list, kept in a file of JSON: "
        "`unmask --rules FILE`. A file is checked as a whole; one that is wrong is refused with line and reason, and "
        "nothing changes."
    )
    yield "```json\n" + write_rules(RuleFile((_example(),))).rstrip() + "\n```"
    yield "## How rules are asked"
    yield (
        "- Each rule that matches applies, from first to last. Later rules see what earlier ones made of a message. "
        "`drop` and `stop` end the list.\n"
        "- Rules that only redact come before all others, whatever their place.\n"
        "- Where no rule can match, nothing is looked at. What a filter says of the connection (`path`, `header[…]`) "
        "is decided once for each, and texts that a filter looks for are searched for in many messages at once.\n"
        "- A filter cannot ask for what is known only once a frame is recorded: its numbers, notes, and fate.\n"
        "- Patterns that repeat what may match the same text in several ways, such as `(a+)+` or `(a|aa)+`, are "
        "refused: on some messages they take forever, and everything else would wait.\n"
        f"- A file has at most {MOST_RULES:,} rules, and a rule at most {MOST_ACTIONS} actions. "
        "Its schema is [schema.json](../rules/schema.json)."
    )
    yield "## When"
    yield table(
        ("`moment`", "What has happened"), ((f"`{each.value}`", text) for each, text in _MOMENTS.items())
    )
    yield table(("Part", "What it means"), _PARTS)
    yield "## Templates"
    yield (
        'What actions send and write are templates: texts with places in braces, such as `{json("$.id")}`. Every '
        "field of [the filter language](filter.md) can stand there, as far as the moment has it, and the words below. "
        "A brace opens a place only before a letter, so JSON needs no escapes; `{{` before a letter is a plain `{`.\n\n"
        "Within JSON, places are JSON: a number stays a number, a text is put in quotes, an object is an object, and "
        "what is not there is `null`; within a string of JSON it is escaped. In a file, a template can be any JSON; "
        'there a text that is one place, such as `"{counter}"`, stands for a value of its own type.'
    )
    yield table(
        ("Word", "What fills it", "Example"),
        ((f"`{each.name}`", each.help, f"`{each.example}`") for each in default_words()),
    )
    actions = default_actions()
    yield "## Then: messages, frames, open, close, timers"
    for kind in actions.events():
        yield from _action(kind, table)
    yield "## Then: requests and responses"
    for handshake in actions.handshakes():
        yield from _action(handshake, table)
    yield "## Ready-made"
    compiler = RuleCompiler(default_language())
    files = sorted(path for path in FOLDER.glob("*.json") if path.name != "schema.json")
    read = [(path.name, read_rules(path.read_text("utf-8"), compiler)) for path in files]
    yield "These come with Unmask."
    yield table(
        ("File", "Title", "What it does"),
        ((f"[{name}](../rules/{name})", file.title, file.help) for name, file in read),
    )


def _example() -> Rule:
    return Rule(
        1, "Answer pings", Condition(Moment.MESSAGE, 'json("$.type") == ping'),
        (ActionText("reply", (("payload", '{"type":"pong","id":{json("$.id")}}'),)),),
    )  # fmt: skip


def _action(kind: ActionKind[object], table: Table) -> Iterator[str]:
    moments = ", ".join(each.value for each in Moment if each in kind.moments)
    yield f"### {kind.title}"
    example = json.dumps({"do": kind.name, **kind.example}, ensure_ascii=False)
    yield f"{kind.help} At: {moments}.\n\n    {example}"
    if kind.parameters:
        yield table(("Part", "How it is written", "What it means"), map(_parameter, kind.parameters))


def _parameter(parameter: Parameter) -> tuple[str, str, str]:
    how = parameter.kind.value
    if parameter.kind is ParameterKind.CHOICE:
        how = ", ".join(f"`{each}`" for each in parameter.choices)
    elif parameter.kind is ParameterKind.COUNT:
        how = f"{how}, {parameter.least:,} to {parameter.most:,}"
    if parameter.default is None:
        how += "; must be given"
    elif parameter.default:
        how += f"; else `{parameter.default}`"
    return f"`{parameter.name}`", how, parameter.help
