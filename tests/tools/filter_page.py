"""The reference page of the filter language, from the help that its fields and operators carry."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from core.query.fields import Access, Field
from core.query.frame_fields import header_fields, mark_fields, message_fields, place_fields
from core.query.handling_fields import handling_fields
from core.query.json_paths import DEPTH, PAYLOAD_LIMIT
from core.query.language import LENGTH_LIMIT, default_language
from core.query.operators import Operator
from core.query.payload_fields import connection_fields, payload_fields
from core.query.values import DURATION_UNITS, FieldKind
from core.sizes import UNITS_HELP, size_text

Table = Callable[[Sequence[str], Iterable[Sequence[str]]], str]

_GROUPS = (
    ("The frame's header", header_fields),
    ("Payloads", payload_fields),
    ("The message that a frame completed", message_fields),
    ("Time, place, and rules broken", place_fields),
    ("The connection", connection_fields),
    ("What was done to a frame on its way", handling_fields),
    ("Bookmarks and notes", mark_fields),
)
_KINDS = {
    FieldKind.FLAG: "flag",
    FieldKind.NUMBER: "number",
    FieldKind.CODE: "number or name",
    FieldKind.NAME: "name",
    FieldKind.DURATION: "duration",
    FieldKind.TIME: "time",
    FieldKind.TEXT: "text",
    FieldKind.BYTES: "bytes",
    FieldKind.JSON: "JSON",
}
_MOST_NAMES = 20


def filter_page(table: Table) -> Iterator[str]:
    """The parts of the page; `table` lays out heads and rows."""
    yield (
        "A filter is one line that says which frames are wanted: "
        "in the line above the list of frames, `unmask --headless --filter EXPR`, `unmask export FILE --filter EXPR`. "
        "It looks at whole payloads, with compressed messages inflated, never at the beginning only."
    )
    yield (
        "    login failed                                     both words are in the payload\n"
        '    "login failed" or hex"de ad"                     a text as it stands, or bytes\n'
        "    opcode == text and length > 4KiB                 comparisons\n"
        "    close.code in {1000, 1002..1015}                 sets and ranges\n"
        "    (fin or rsv1) and not masked                     brackets, and, or, not (also &&, ||, !)\n"
        '    header["Origin"] contains example and delta > 5s\n'
        '    json("$.user.id") == 42'
    )
    yield "## How it is read"
    yield (
        "- `not` binds closest, then `and`, then `or`. Words that follow each other are joined by `and`.\n"
        "- A word that is no field searches the payload, exactly as it is written. Words that are fields, or "
        "`and`, `or`, `not`, `in`, `contains`, `icontains`, `matches`, are searched for in quotes.\n"
        "- A flag alone asks whether it is set, any other field that not every frame has whether it is there.\n"
        "- What a frame does not have matches nothing, not with `!=` either; "
        "`not close.code == 1000` holds also for frames without a close code.\n"
        "- Names of fields, operators and values are the same in capital and in small letters.\n"
        f"- A filter has at most {LENGTH_LIMIT:,} characters."
    )
    yield "## JSON"
    yield (
        "- A payload is JSON where the whole of it is one document of RFC 8259 in UTF-8; a byte-order mark before it "
        "is passed over. UTF-16, `NaN`, `Infinity` and trailing commas are no JSON. Payloads of more than "
        f"{size_text(PAYLOAD_LIMIT)} are not read, nor need those be that nest more than {DEPTH} deep.\n"
        "- All values that the path finds are looked at, however many: `==`, `<` and the like hold where any value "
        "fits, `!=` where there are values and none is equal.\n"
        "- A number is equal to a number, however it is written: `42`, `42.0` and `4.2e1`. Integers are exact, of any "
        "length; numbers with a fraction or an exponent have the precision of a double. A text is equal to a text: "
        '`json("$.id") == "42"` holds for `{"id":"42"}`, and `== 42` for `{"id":42}`.\n'
        "- A string that looks like JSON stays a string. Sizes and durations (`4KiB`, `5ms`) are texts here.\n"
        "- Of a name that stands twice in an object the last value counts.\n"
        "- Objects and arrays are there, but equal to nothing that a filter can name."
    )
    yield "## Values"
    yield table(
        ("Kind", "How it is written"),
        (
            ("number", "`125`, `0x7d`, `1.5`, `2e6`"),
            (
                "size",
                f"`100KB`, `1.5 MiB`: a number and a unit, with or without a space: {UNITS_HELP}, but for `m` alone, "
                "which is minutes",
            ),
            ("duration", "a number and a unit, with or without a space: " + _listed(DURATION_UNITS)),
            ("time", "`2026-01-31`, `2026-01-31T12:00`, `2026-01-31T12:00:00.5Z`; a time of day: `14:03`, `14:03:59`, "
             "`14:03:59.250`; or a duration"),
            ("text", r'`word`, `"in quotes"`, `'"'so too'"r'`; in quotes `\"`, `\\`, `\n`, `\t`, `\r`, `\0`, `\u4f60`'),
            ("bytes", '`hex"de ad"`, or a text, which stands for its UTF-8'),
        ),
    )  # fmt: skip
    yield "## Operators"
    yield table(
        ("Operator", "What it holds for", "For", "Example"), map(_operator, default_language().operators)
    )
    yield "## Fields"
    for heading, fields in _GROUPS:
        yield f"### {heading}"
        yield table(("Field", "Kind", "What it is", "Names of values", "Example"), map(_field, fields()))


def _operator(operator: Operator) -> tuple[str, str, str, str]:
    names = ", ".join(f"`{each}`" for each in (operator.name, *operator.aliases))
    kinds = "every kind" if operator.kinds == frozenset(FieldKind) else _kinds(operator)
    return names, operator.help, kinds, f"`{operator.example}`"


def _kinds(operator: Operator) -> str:
    missing = [name for kind, name in _KINDS.items() if kind not in operator.kinds]
    if len(missing) == 1:
        return f"all but {missing[0]}"
    return ", ".join(name for kind, name in _KINDS.items() if kind in operator.kinds)


def _field(field: Field) -> tuple[str, str, str, str, str]:
    name = field.name if isinstance(field.access, Access) else field.example[: field.example.index('"')] + "…"
    names = ", ".join(f"`{each}`" for each in (name, *field.aliases))
    return names, _KINDS[field.kind], field.help, _names(field), f"`{field.example}`"


def _names(field: Field) -> str:
    if len(field.choices) > _MOST_NAMES:
        return "the ids in [violations.md](violations.md)"
    return _listed(field.choices)


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{each}`" for each in names)
