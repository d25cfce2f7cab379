"""What filters mean, and what is said of those that mean nothing."""

from __future__ import annotations

import pytest

from core.errors import FilterError
from core.query.expressions import And, Expression, Not, Or, Term, fields_in
from core.query.language import LENGTH_LIMIT, FilterLanguage, default_language
from core.query.operators import PATTERN_LIMIT, SET_LIMIT, Range
from core.query.values import JsonWord, TimeOfDay

CLOCK = ((14 * 60 + 3) * 60 + 59) * 10**9


@pytest.fixture(scope="module")
def language() -> FilterLanguage:
    return default_language()


def shape(expression: Expression) -> str:
    """The expression with all its brackets."""
    match expression:
        case Term(field=field, argument=argument, operator=operator, operand=operand):
            name = field.name if argument is None else f"{field.name}[{argument}]"
            return f"{name} {operator.name}" if operand is None else f"{name} {operator.name} {operand!r}"
        case And(parts=parts):
            return f"({' & '.join(map(shape, parts))})"
        case Or(parts=parts):
            return f"({' | '.join(map(shape, parts))})"
        case Not(part=part):
            return f"!{shape(part)}"


@pytest.mark.parametrize(
    ("text", "meaning"),
    [
        ("opcode == ping", "opcode == 9"),
        ("opcode = 0x9", "opcode == 9"),
        ("websocket.opcode == PING", "opcode == 9"),
        ("fin", "fin is set"),
        ("FIN and NOT masked", "(fin is set & !masked is set)"),
        ("fin == true && !rsv1", "(fin == 1 & !rsv1 is set)"),
        ("close.code", "close.code is there"),
        ("close.code in 1000..1015", f"close.code in {(Range(1000, 1015),)!r}"),
        ("close.code in {going_away, 1002..1003}", f"close.code in {(1001, Range(1002, 1003))!r}"),
        ("opcode not in {1}", "!opcode in (1,)"),
        ("login failed", "(payload contains b'login' & payload contains b'failed')"),
        ('"a \\"b\\"" or hex"de AD"', "(payload contains b'a \"b\"' | payload contains b'\\xde\\xad')"),
        ("'你' 5ms", "(payload contains b'\\xe4\\xbd\\xa0' & payload contains b'5ms')"),
        ('"fin"', "payload contains b'fin'"),
        ("a or b and c or d", "(payload contains b'a' | (payload contains b'b' & payload contains b'c') | "
         "payload contains b'd')"),
        ("a and (b and c)", "(payload contains b'a' & payload contains b'b' & payload contains b'c')"),
        ("not not (not a)", "!payload contains b'a'"),
        ("length > 4KiB", "length > 4096"),
        ("length <= 1.5kB", "length <= 1500"),
        ("length > 1 KiB", "length > 1024"),
        ("length > 1.5\u00a0kb and fin", "(length > 1500 & fin is set)"),
        ("length>1\u202fKiB||fin", "(length > 1024 | fin is set)"),
        ("length in 1 KiB..2 KiB", f"length in {(Range(1024, 2048),)!r}"),
        ("(delta > 5 ms)", "delta > 5000000"),
        ("payload contains 5 ms", "payload contains b'5 ms'"),
        ("took 1 KiB", "(payload contains b'took' & payload contains b'1' & payload contains b'KiB')"),
        ("5 fin", "(payload contains b'5' & fin is set)"),
        ("1\u00a0ms", "(payload contains b'1' & payload contains b'ms')"),
        ("length > 100KB", "length > 100000"),
        ("length > 100kib", "length > 102400"),
        ("length == 16M", "length == 16777216"),
        ("length < 2TiB", f"length < {2**41}"),
        ("delta < 5ms", "delta < 5000000"),
        ("delta >= 1.5s", "delta >= 1500000000"),
        ("delta == 0", "delta == 0"),
        ("time < 1m", "time.relative < 60000000000"),
        ("time in 5s..10s", f"time.relative in {(Range(5 * 10**9, 10 * 10**9),)!r}"),
        ("time >= 2023-11-14T22:13:20.000000001Z", "time >= 1700000000000000001"),
        ("time >= 2023-11-14T23:13:20+01:00", "time >= 1700000000000000000"),
        ("time > 14:03:59", f"time > {TimeOfDay(CLOCK)!r}"),
        ("time > 9:03", f"time > {TimeOfDay((9 * 60 + 3) * 60 * 10**9)!r}"),
        ("time in 14:03:59..14:03:59.250", f"time in {(Range(TimeOfDay(CLOCK), TimeOfDay(CLOCK + 10**9 // 4)),)!r}"),
        ("time in {23:59..0:01, 2023-11-14T22:13:20Z, 14:03:59}",
         f"time in {(Range(TimeOfDay(86340 * 10**9), TimeOfDay(60 * 10**9)), 17 * 10**17, TimeOfDay(CLOCK))!r}"),
        ("14:03 or path == 14:03", "(payload contains b'14:03' | path == '14:03')"),
        ('header["Origin"] != x', "header[Origin] != 'x'"),
        ('json("$.a.b") == 3', "json[$.a.b] == 3"),
        ('json("$.a") in {1..2, "true", true}', f"json[$.a] in {(Range(1, 2), 'true', JsonWord.TRUE)!r}"),
        ('json("$.a") == "42"', "json[$.a] == '42'"),
        ('json("$.a") == 1234567890123456789', "json[$.a] == 1234567890123456789"),
        ('json("$.a") > -1.5e3', "json[$.a] > -1500.0"),
        ('json("$.a") == 1e999', "json[$.a] == '1e999'"),
        ('json("$.a") contains 1', "json[$.a] contains '1'"),
        ('json("$.a") icontains true', "json[$.a] icontains 'true'"),
        (r'payload matches "id=\d\""', r"""payload matches 'id=\\d\\"'"""),
        ("path ~ ^/c", "path matches '^/c'"),
        ('masking_key == hex"01 02 03 04"', "masking_key == b'\\x01\\x02\\x03\\x04'"),
        ("violation == rsv2-set", "violation == 'rsv2-set'"),
        ("severity >= warning", "severity >= 2"),
        ("direction == client_to_server", "direction == 0"),
        ("payload icontains 0x10", "payload icontains b'0x10'"),
    ],
)  # fmt: skip
def test_meanings(language: FilterLanguage, text: str, meaning: str) -> None:
    assert shape(language.parse(text)) == meaning


@pytest.mark.parametrize(
    ("text", "pointed", "sentence"),
    [
        ("", "^", "ends too early: expected a field, a word to search for, “(” or “not”"),
        ("opcode ==", "         ^", "ends too early: expected a value"),
        ("a and", "     ^", "ends too early: expected a field"),
        ("(a or b", "       ^", "expected “)”"),
        ("a or b)", "      ^", "')' cannot stand here: expected “and”, “or” or the end"),
        ("length > 5 apples", "           ^^^^^^", "'apples' cannot stand here"),
        ("length > 5  KiB", "            ^^^", "'KiB' cannot stand here"),
        ("length > 5 KiBs", "           ^^^^", "'KiBs' cannot stand here"),
        ("opcode == 5 KiB", "          ^^^^^", "“opcode” cannot be '5 KiB'"),
        ("length in {1,2", "              ^", "expected “,” or “}”"),
        ('a "b', "  ^^", "not closed"),
        ("a & b", "  ^", "has no '&' here"),
        ("opcod == 3", "^^^^^", "no field 'opcod'. Did you mean “opcode”?"),
        ("user=alice", "^^^^", "no field 'user'"),
        ("opcode", "      ^", "expected an operator and a value behind it, such as opcode in {ping, pong}"),
        ("opcode == pin", "          ^^^", "close, ping, pong. Did you mean “ping”?"),
        ("fin contains x", "    ^^^^^^^^", "expected one of ==, !="),
        ("fin == maybe", "       ^^^^^", "expected true or false"),
        ("length > 5ms", "         ^^^", "expected a number"),
        ("delta > 5", "        ^", "expected a duration, such as 5ms"),
        ("time > 2026-02-30", "       ^^^^^^^^^^", "expected a time"),
        ("time > 24:00", "       ^^^^^", "expected a time, such as 14:03:59 or 2026"),
        ("time > 5:60", "       ^^^^", "expected a time"),
        ("delta > 14:03", "        ^^^^^", "expected a duration"),
        ("time in 14:03..2026-01-31", "        ^^^^^^^^^^^^^^^^^", "two times of day, or two dates"),
        ("time in 5s..14:03", "        ^^", "expected a time"),
        ("time contains 14:03", "     ^^^^^^^^", "expected one of =="),
        ("severity in error..note", "            ^^^^^^^^^^^", "expected the smaller value first"),
        ("direction in c2s..s2c", "             ^^^^^^^^", "no ranges"),
        ('payload contains ""', "                 ^^", "expected at least one character"),
        ('payload matches "(a"', "                ^^^^", "expected a regular expression; missing )"),
        ('payload matches hex"61"', "                ^^^^^^^", "Expected a regular expression in quotes"),
        ('payload contains hex"6"', "                 ^^^^^^", "Expected pairs of hex digits"),
        ("close.code 1000", "           ^^^^", "is a field: expected an operator behind it"),
        ("fin subprotocol mqtt", "                ^^^^", 'to search for the word, write "subprotocol"'),
        ("path startswith /x", "     ^^^^^^^^^^", "expected an operator"),
        ("a=b", "^", "To search for it as a text, put it in quotes"),
        ('json("$.a[") == 3', "     ^^^^^^", "“json” cannot take '$.a['"),
        ("json == 3", "^^^^", "needs to know of what"),
        ("json", "^^^^", "needs to know of what"),
        ('json("$.a") > true', "              ^^^^", "no order among"),
        ('header["a b"]', "       ^^^^^", "letters, digits and hyphens"),
        ('path["x"] == 1', "^^^^", "Brackets follow only some fields"),
        ("header > x", "^^^^^^", "needs to know of what"),
        ('你好 "', "     ^", "not closed"),
    ],
)
def test_errors_point_and_say_what_was_expected(
    language: FilterLanguage, text: str, pointed: str, sentence: str
) -> None:
    with pytest.raises(FilterError) as caught:
        language.parse(text)
    assert sentence in str(caught.value)
    assert caught.value.pointed().split("\n") == [text, pointed]


def test_control_characters_do_not_break_the_pointing(language: FilterLanguage) -> None:
    with pytest.raises(FilterError) as caught:
        language.parse('fin\n\t"\x1b')
    assert caught.value.pointed().split("\n")[0] == 'fin  " '


def test_which_fields_it_asks_for(language: FilterLanguage) -> None:
    text = 'not (marked or header["Origin"] == x) and (note contains y or z)'
    assert fields_in(language.parse(text)) == {"marked", "header", "note", "payload"}


def test_limits(language: FilterLanguage) -> None:
    with pytest.raises(FilterError, match="at most 2,000 characters"):
        language.parse("a" * (LENGTH_LIMIT + 1))
    with pytest.raises(FilterError, match="nest deeper"):
        language.parse("(" * 60 + "a" + ")" * 60)
    with pytest.raises(FilterError, match=f"at most {PATTERN_LIMIT} characters"):
        language.parse(f"payload matches {'a' * (PATTERN_LIMIT + 1)}")
    # The length of the text holds before the size of a set does.
    assert LENGTH_LIMIT < 2 * SET_LIMIT
    language.parse("not " * 499 + "a")
    language.parse("!" * 1999 + "a")


def test_every_example_is_one(language: FilterLanguage) -> None:
    for each in (*language.fields, *language.operators):
        language.parse(each.example)


def test_names_are_unambiguous(language: FilterLanguage) -> None:
    names = [name.lower() for each in language.fields for name in (each.name, *each.aliases)]
    assert len(names) == len(set(names))
    names = [name for each in language.operators for name in (each.name, *each.aliases)]
    assert len(names) == len(set(names))
