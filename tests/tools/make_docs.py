"""Writes the pages of resources/docs that follow from the code; with --check, names those that are out of step.

python -m tests.tools.make_docs [--check]
"""

from __future__ import annotations

import argparse
import inspect
import json
import re
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from app.actions.registry import plain_text, specs
from app.logic.sampling import Sample, WindowSpreads, sample_line
from app.options import export_parser, main_parser, probe_parser, script_parser
from core.capture.follow import Decision, Follower
from core.capture.gaps import Gap, GapReason
from core.capture.reader import CaptureReader
from core.capture.records import Mode, SourceLabel, Totals
from core.capture.timings import Spread
from core.decoders.registry import default_decoders
from core.formats.jsonl import (
    JsonLines,
    JsonStory,
    connected_line,
    error_line,
    frame_line,
    listening_line,
    note_line,
    recorded_line,
    recording_line,
)
from core.formats.registry import default_formats
from core.probe.outcome import DEMANDED, Outcome
from core.probe.registry import presets_of
from core.protocol import violations
from core.protocol.frames import Opcode
from core.protocol.handling import DecidedBy, Fate, Handling
from core.protocol.state import Role
from core.protocol.violations import CATALOGUE, Rule, Severity
from core.rules.actions.registry import default_actions
from core.rules.schema import rule_schema
from tests.tools.conversation import LISTENING, START, Conversation
from tests.tools.filter_page import filter_page
from tests.tools.json_fields import DIAGNOSTICS, MEANINGS
from tests.tools.passages import BETWEEN, passages
from tests.tools.rules_page import rules_page
from tests.tools.scripts_page import scripts_page

FOLDER = Path(__file__).resolve().parents[2] / "resources" / "docs"
ORIGIN = "<!-- Generated from the code by `python -m tests.tools.make_docs`. -->"


@dataclass(frozen=True, slots=True)
class Page:
    """One generated file."""

    name: str
    text: str
    folder: str = "docs"
    """The folder of resources that it is in."""

    @property
    def is_in_step(self) -> bool:
        path = self._path
        return path.is_file() and path.read_text(encoding="utf-8") == self.text

    def write(self) -> None:
        self._path.parent.mkdir(exist_ok=True)
        self._path.write_text(self.text, encoding="utf-8", newline="\n")

    @property
    def _path(self) -> Path:
        return FOLDER / self.name if self.folder == "docs" else FOLDER.parent / self.folder / self.name


def pages() -> tuple[Page, ...]:
    """All generated pages."""
    return (
        _page("violations.md", "What a peer can do wrong", _violations()),
        _page("json-lines.md", "JSON Lines", _json_lines()),
        _page("diagnostics.md", "Diagnostics", _diagnostics()),
        _page("decoders.md", "Decoders", _decoders()),
        _page("formats.md", "Formats", _formats()),
        _page("shortcuts.md", "Keyboard shortcuts", _shortcuts()),
        _page("filter.md", "The filter language", filter_page(_table)),
        _page("rules.md", "Rules", rules_page(_table)),
        Page("schema.json", _schema(), "rules"),
        _page("probe.md", "Probing a peer", _probe()),
        _page("command-line.md", "Command line", _command_line()),
        _page("scripts.md", "Scripts", scripts_page(_table)),
    )


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write the docs that follow from the code.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; fail where a page is not in step"
    )
    if parser.parse_args(arguments).check:
        stale = [f"{page.folder}/{page.name}" for page in pages() if not page.is_in_step]
        for name in stale:
            print(f"resources/{name} is not in step with the code: run python -m tests.tools.make_docs")
        return 1 if stale else 0
    FOLDER.mkdir(exist_ok=True)
    for page in pages():
        page.write()
    return 0


def _page(name: str, title: str, parts: Iterable[str]) -> Page:
    """A page of these parts: paragraphs, tables and headings, each a block of its own."""
    return Page(name, "\n\n".join((ORIGIN, f"# {title}", *parts)) + "\n")


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ["---"] * len(heads), *([_cell(each) for each in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


def _violations() -> Iterator[str]:
    yield (
        "Every rule of RFC 6455 (WebSocket), RFC 7692 (permessage-deflate) and RFC 9112 (HTTP/1.1) that Unmask checks. "
        "An error fails the connection in strict mode, with the close code given here, or refuses the handshake; "
        "in tolerant mode it is recorded and the connection goes on where that is possible. "
        "Warnings and notes never end a connection."
    )
    for heading, rules in _rule_groups():
        yield f"## {heading}"
        yield _table(
            ("Id", "Severity", "Section", "What is wrong", "Close code"),
            (
                (
                    f"`{rule.id}`",
                    rule.severity.name.lower(),
                    rule.section,
                    rule.sentence,
                    str(rule.close_code) if rule.severity is Severity.ERROR and not opening else "",
                )
                for opening in (heading.startswith(("Opening handshake", "permessage-deflate")),)
                for rule in rules
            ),
        )


def _rule_groups() -> Iterator[tuple[str, list[Rule]]]:
    """The rules of the catalogue, grouped by the comments in its source."""
    heading, rules = "", list[Rule]()
    for line in inspect.getsource(violations).splitlines():
        if found := re.match(r"    # (.+)\.$", line):
            if rules:
                yield heading, rules
            heading, rules = found[1], []
        elif found := re.match(r'    Rule\("([^"]+)"', line):
            rules.append(CATALOGUE[found[1]])
    yield heading, rules


def _json_lines() -> Iterator[str]:
    yield (
        "`unmask --json` prints one JSON object a line as things happen; `unmask export FILE --format jsonl` writes "
        "a capture in the same form. Lines are UTF-8; what could steer a terminal or break a line is escaped: control "
        "and format characters, line and paragraph separators, lone surrogates. Every object has `event`, which is one "
        "of those below. A payload stands in `payload` as `encoding` says. Heads are text in Latin-1, so that each "
        "character is one byte of the wire. `listening`, `connected`, "
        "`note`, `error` and `recorded` come from `--json` only, `recording` from `--quiet --json`."
    )
    examples = _examples()
    for event in dict.fromkeys(str(example["event"]) for example in examples):
        mine = [example for example in examples if example["event"] == event]
        yield f"## {event}"
        yield _table(("Field", "Type", "Meaning"), _field_rows(event, mine))
        yield f"```json\n{json.dumps(mine[0], indent=2, ensure_ascii=False)}\n```"
    yield "## legs"
    yield (
        "Each entry of `legs` has these fields; those of a handshake have what is known by then. A client that came in "
        "is at the end of one leg."
    )
    leg = max((entry for example in examples for entry in _entries(example, "legs")), key=len)
    yield _table(("Field", "Type", "Meaning"), _field_rows("leg", [leg]))
    yield f"```json\n{json.dumps(leg, indent=2, ensure_ascii=False)}\n```"
    yield "## violations"
    yield "Each entry of `violations` has these fields; the rules are listed in [violations.md](violations.md)."
    broken = next(entry for example in examples for entry in _entries(example, "violations"))
    yield _table(("Field", "Type", "Meaning"), _field_rows("violation", [broken | {"head": None}]))
    yield f"```json\n{json.dumps(broken, indent=2, ensure_ascii=False)}\n```"


def _entries(example: dict[str, object], name: str) -> list[dict[str, object]]:
    found = example.get(name, [])
    return found if isinstance(found, list) else []


def _examples() -> list[dict[str, object]]:
    """The lines of a small capture, identical in every run."""
    with tempfile.TemporaryDirectory() as folder:
        talk = Conversation(Path(folder) / "example.unmask")
        talk.open()
        talk.frame(Opcode.TEXT, "Hello 你好".encode())
        talk.frame(Opcode.CLOSE, (1000).to_bytes(2, "big") + b"done")
        talk.end()
        with closing(CaptureReader(talk.keep())) as reader:
            lines = b"".join(JsonLines().export(Follower(reader).entries())).decode().splitlines()
            [record] = reader.frames([1])
    lines = [
        recording_line(Path("traffic.unmask")),
        listening_line(LISTENING, ("127.0.0.1:8080",), "ws"),
        listening_line(BETWEEN, ("127.0.0.1:8081",), "ws"),
        connected_line(SourceLabel(Mode.CONNECT, "example.com 2", "", "wss://example.com/app")),
        note_line("The connection is lost. Unmask tries again in 2 s.", "example.com 2"),
        *lines,
    ]
    lines[-1:-1] = JsonStory().lines_of(Gap(4097, GapReason.DROPPED, 4096, START, START + 5_000_000))
    passed_on = Handling(Fate.PASSED, DecidedBy.PERSON, 3_200_000_000, ("Hold greetings",))
    row = replace(record.row, handling=passed_on, cause=1)
    lines[-1:-1] = [*JsonStory().lines_of(Decision(row)), frame_line(replace(record, row=row), None)]
    for passage in passages():
        lines[-1:-1] = JsonStory().lines_of(passage)
    lines.append(error_line("Port 8080 on 127.0.0.1 is in use by another program. Stop that program, or …"))
    lines.append(recorded_line(Path("traffic.unmask"), Totals(3, 4096, 12, 1_203_415, 1, 90, 1)))
    return [json.loads(line) for line in lines]


def _field_rows(event: str, examples: Sequence[dict[str, object]]) -> Iterator[tuple[str, str, str]]:
    for name in dict.fromkeys(name for example in examples for name in example):
        if name != "event":
            values = [example[name] for example in examples if name in example]
            meaning = MEANINGS.get(f"{event}.{name}") or MEANINGS[name]
            yield f"`{name}`", _type_of(meaning, values), meaning


def _type_of(meaning: str, values: Sequence[object]) -> str:
    names = {bool: "true or false", int: "number", str: "text", list: "list"}
    kinds = list(dict.fromkeys(names[type(value)] for value in values if value is not None))
    if "null" in meaning:
        kinds = [*(kinds or ["text"]), "null"]
    return " or ".join(kinds)


def _diagnostics() -> Iterator[str]:
    yield (
        "Help ▸ Diagnostics shows how Unmask itself is doing. `unmask --diagnostics FILE` writes these figures to the "
        "end of a file, one JSON object a second; `gap`, `paint` and `latency` only where there is a window. Times are "
        "milliseconds and of the last ten seconds. They are measured only while one of the two wants to know."
    )
    spread = Spread(330, 812_000, 6_100_000, 11_250_000)
    window = WindowSpreads(Spread(4816, 61_000, 7_450_000, 19_300_000), spread, spread)
    sample = Sample(
        1_767_268_800_123_456_789, 1_203_415, 50_012.3, 0, 1_310_720, 8, 105_906_176, 21_474_836_480, 149_422_080,
        spread, window,
    )  # fmt: skip
    example = json.loads(sample_line(sample))
    yield _table(
        ("Field", "Meaning"), ((f"`{name}`", DIAGNOSTICS[name]) for name in example if name != "event")
    )
    yield f"```json\n{json.dumps(example, indent=2)}\n```"


def _decoders() -> Iterator[str]:
    yield (
        "A decoder turns the payload of a message into something a person reads. The one that fits best is chosen; "
        "another can be picked by hand, and where it fails the next best one takes over and says so."
    )
    yield _table(
        ("Name", "Title", "What it shows"),
        ((f"`{each.name}`", each.title, each.help) for each in default_decoders()),
    )


def _formats() -> Iterator[str]:
    yield "What `unmask export FILE --format NAME` writes."
    rows = ((f"`{each.name}`", each.title, f"`{each.ending}`", each.help) for each in default_formats())
    yield _table(("Name", "Title", "File ending", "What it holds"), rows)
    yield "JSON Lines are described in [json-lines.md](json-lines.md)."


_PROBE_FIELDS = (
    ("preset", "its name, for `--only`"),
    ("title", "what the peer got"),
    ("rule", "the rule that was broken; null where the bytes were correct"),
    ("section", "where that rule stands; null as before"),
    ("demand", "what the peer may do: a word of the table above"),
    ("outcome", ", ".join(outcome.value for outcome in Outcome)),
    ("code", "the close code, or the HTTP status of a refusal; null where there is none"),
    ("detail", "why it was skipped, or what else there is to say"),
    ("fine", "whether the RFC lets the peer do so"),
    ("connection", "the number of its connection in the capture (`--capture FILE` keeps that)"),
    ("frame", "the number of the first frame of the fault; null where it was made by a head"),
    ("answer", "the number of the frame that answered; null where none did"),
    ("seconds", "time from the fault to the outcome"),
)


def _probe() -> Iterator[str]:
    yield (
        "`unmask probe URL` breaks each rule of [violations.md](violations.md) against a server, one connection after "
        "the other, and reports how it takes that; `unmask probe --listen ADDRESS` does so with a client that connects "
        "again each time. There is one connection at a time, at a bounded rate; for anything but this machine it asks "
        "first (`--yes` answers)."
    )
    yield "What the peer may do is what the RFC lets it do:"
    yield _table(
        ("Word", "The peer"), ((f"`{demand.value}`", sentence) for demand, sentence in DEMANDED.items())
    )
    yield (
        "After a fault Unmask pings. A pong means that the peer went on; a close frame, an HTTP error or the end of "
        "the stream, that it failed the connection; nothing for `--patience` seconds, that it hung. A server that "
        "accepts no connection afterwards, or a client that does not come back, has crashed."
    )
    yield "## The report"
    yield (
        "`--format json` prints one object: `peer`, `probed` (server or client), `presets` (how "
        "many were to be tried), `tried`, `findings` (how many are against the RFC), `remark` (why it ended early) and "
        "`results`, each of which has these fields:"
    )
    yield _table(("Field", "Meaning"), ((f"`{name}`", meaning) for name, meaning in _PROBE_FIELDS))
    for heading, sender in (("What a server gets", Role.CLIENT), ("What a client gets", Role.SERVER)):
        yield f"## {heading}"
        yield _table(
            ("Preset", "It gets", "Rule", "Demand"),
            (
                (
                    f"`{preset.id}`",
                    preset.title,
                    "" if preset.rule is None else f"`{preset.rule.id}`, {preset.rule.section}",
                    preset.demand.value,
                )
                for preset in presets_of(sender)
            ),
        )


def _shortcuts() -> Iterator[str]:
    yield "On macOS, Ctrl is ⌘."
    rows = ((plain_text(spec.text), f"`{spec.shortcut}`", spec.tooltip) for spec in specs())
    yield _table(("Action", "Keys", "What it does"), rows)


def _schema() -> str:
    return json.dumps(rule_schema(default_actions()), indent=2, ensure_ascii=False) + "\n"


def _command_line() -> Iterator[str]:
    for parser in (main_parser(), export_parser(), probe_parser(), script_parser()):
        yield f"## {parser.prog}"
        yield parser.description or ""
        yield _table(("Argument", "Meaning"), map(_argument, parser._actions))
        if parser.epilog:
            yield parser.epilog
    yield (
        "The exit status is 0 where all went well, 1 where something could not be done (a sentence says what), "
        "2 where the command line is not understood, and 3 where a probe has found something."
    )


def _argument(action: argparse.Action) -> tuple[str, str]:
    value = action.metavar or ("|".join(map(str, action.choices)) if action.choices else "")
    takes_value = action.nargs != 0
    words = ", ".join(action.option_strings)
    shown = f"{words} {value}".strip() if takes_value else words
    return f"`{shown}`", (action.help or "") % vars(action)


if __name__ == "__main__":
    sys.exit(main())
