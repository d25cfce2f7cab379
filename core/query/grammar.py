"""The grammar, and how its parts become a tree: fields are looked up, operands are read and checked against the field's
kind.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from difflib import get_close_matches
from itertools import pairwise

from lark import Lark, Token, Transformer

from core.errors import FilterError
from core.protocol.headers import quoted
from core.query.expressions import Expression, Term, all_of, any_of, negation
from core.query.fields import Access, Field, Fields
from core.query.operators import (
    IS_SET,
    PRESENT,
    SET_LIMIT,
    UNSETTLED,
    Operand,
    OperandError,
    Operators,
    Range,
    Takes,
)
from core.query.quoting import unescaped
from core.query.values import (
    DURATION_UNITS,
    FieldKind,
    Form,
    Literal,
    TimeOfDay,
    Value,
    operand_of,
    read_word,
)
from core.sizes import SIZE_UNITS, UNIT_SPACE

_UNITS = "|".join(sorted(DURATION_UNITS, key=len, reverse=True))
_SIZES = "|".join(sorted(SIZE_UNITS, key=len, reverse=True))
_GRAMMAR = (
    r"""
start: either
either: both (OR both)*
both: negated (AND negated)*
negated: NOT negated -> denied
       | LPAR either RPAR -> grouped
       | field COMPARE value -> compared
       | field TEXTUAL value -> compared
       | field IN set -> contained
       | field NOT_IN set -> not_contained
       | call -> alone
       | (literal | apart)+ -> words
field: WORD -> named
     | call
call: WORD LSQB STRING RSQB -> called
    | FUNCTION LPAR STRING RPAR -> called
set: LBRACE item (COMMA item)* RBRACE
   | item
item: value RANGE value
    | value
value: literal | QUANTITY
apart: QUANTITY
literal: WORD | STRING | HEX

AND.3: /(and(?![\w.-])|&&)/i
OR.3: /(or(?![\w.-])|\|\|)/i
NOT_IN.4: /not\s+in(?![\w.-])/i
NOT.3: /not(?![\w.-])|!(?!=)/i
IN.3: /in(?![\w.-])/i
TEXTUAL.3: /(icontains|contains|matches)(?![\w.-])|~/i
COMPARE.3: "==" | "!=" | "<=" | ">=" | "<>" | "=" | "<" | ">"
FUNCTION.3: /json(?=\s*\()/i
HEX.3: /hex"[^"]*"|hex'[^']*'/i
STRING: /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/s
RANGE.2: ".."
WORD: /(?:(?!\.\.)[^\s"'(){}\[\],=<>!~&|])+/
LPAR: "("
RPAR: ")"
LSQB: "["
RSQB: "]"
LBRACE: "{"
RBRACE: "}"
COMMA: ","
%ignore /\s+/
"""
    # A unit apart from its number, as displays write it. A word ends behind it.
    rf"""
QUANTITY.2: /[+-]?\d{{1,15}}(?:\.\d{{1,9}})?{UNIT_SPACE}(?:{_UNITS}|(?i:{_SIZES}))(?=\.\.|[\s"'(){{}}\[\],=<>!~&|]|$)/
"""
)

_Item = Literal | tuple[Literal, Literal]
"""One value, or the two ends of a range."""


@dataclass(frozen=True, slots=True)
class _NamedField:
    """A field as it is named in the text, with its argument."""

    field: Field
    argument: str | None
    access: Access


def make_parser(builder: Builder) -> Lark:
    """The parser; it returns an `Expression`."""
    return Lark(_GRAMMAR, parser="lalr", lexer="basic", transformer=builder)


class Builder(Transformer[Token, Expression]):
    """Builds the tree; the parser calls it for each part that it has read, innermost first."""

    def __init__(self, fields: Fields, operators: Operators) -> None:
        super().__init__()
        self._fields = fields
        self._operators = operators
        self.text = ""
        """The text being parsed."""

    def start(self, children: list[Expression]) -> Expression:
        return children[0]

    def either(self, children: list[Expression | Token]) -> Expression:
        return any_of(_without_tokens(children))

    def both(self, children: list[Expression | Token]) -> Expression:
        return all_of(_without_tokens(children))

    def denied(self, children: list[Expression]) -> Expression:
        return negation(children[1])

    def grouped(self, children: list[Expression]) -> Expression:
        return children[1]

    def compared(self, children: list[object]) -> Expression:
        place, symbol, literal = children
        assert isinstance(place, _NamedField)
        assert isinstance(symbol, Token)
        assert isinstance(literal, Literal)
        return self._test(place, symbol, [literal])

    def contained(self, children: list[object]) -> Expression:
        place, symbol, items = children
        assert isinstance(place, _NamedField)
        assert isinstance(symbol, Token)
        assert isinstance(items, list)
        return self._test(place, symbol, items)

    def not_contained(self, children: list[object]) -> Expression:
        place, symbol, items = children
        assert isinstance(symbol, Token)
        return negation(self.contained([place, symbol.update(value="in"), items]))

    def alone(self, children: list[object]) -> Expression:
        (place,) = children
        assert isinstance(place, _NamedField)
        return self._present(place)

    def words(self, children: list[Literal | tuple[Literal, Literal]]) -> Expression:
        literals = [each for child in children for each in (child if isinstance(child, tuple) else (child,))]
        for literal, behind in pairwise(literals):
            self._refuse_value(literal, behind)
        return all_of([self._word(literal) for literal in literals])

    def apart(self, children: list[Token]) -> tuple[Literal, Literal]:
        """The two words that a number and a unit are where nothing is compared."""
        (token,) = children
        number, unit = str(token).split()
        start, end = _span(token)
        return read_word(number, start, start + len(number)), read_word(unit, end - len(unit), end)

    def named(self, children: list[Token]) -> _NamedField:
        (name,) = children
        found = self._fields.get(name)
        if found is None:
            close = get_close_matches(name.lower(), self._fields.names(), 1)
            hint = f" Did you mean “{close[0]}”?" if close else ""
            hint += " To search for it as a text, put it in quotes."
            raise self._error(f"There is no field {quoted(str(name))}.{hint}", name)
        return self._place(found, None, name)

    def called(self, children: list[Token]) -> _NamedField:
        name, _, argument, _ = children
        found = self._fields.get(name)
        if found is None or isinstance(found.access, Access):
            known = " and ".join(each.example for each in self._fields if not isinstance(each.access, Access))
            raise self._error(f"Brackets follow only some fields: {known}.", name)
        return self._place(found, argument, name)

    def field(self, children: list[_NamedField]) -> _NamedField:
        return children[0]

    def set(self, children: list[_Item | Token]) -> list[_Item]:
        return [each for each in children if not isinstance(each, Token)]

    def item(self, children: list[Literal | Token]) -> _Item:
        literals = [each for each in children if isinstance(each, Literal)]
        return (literals[0], literals[1]) if len(literals) == 2 else literals[0]

    def value(self, children: list[Literal | Token]) -> Literal:
        (child,) = children
        if isinstance(child, Literal):
            return child
        return replace(read_word("".join(child.split()), *_span(child)), text=str(child))

    def literal(self, children: list[Token]) -> Literal:
        (token,) = children
        start, end = _span(token)
        if token.type == "STRING":
            return Literal(token[1:-1], Form.QUOTED, unescaped(token[1:-1]), start, end)
        if token.type == "HEX":
            try:
                return Literal(token[4:-1], Form.HEX, bytes.fromhex(token[4:-1]), start, end)
            except ValueError:
                raise self._error('Expected pairs of hex digits, such as hex"de ad".', token) from None
        return read_word(str(token), start, end)

    # Tests.

    def _place(self, field: Field, argument: Token | None, name: Token) -> _NamedField:
        if argument is None:
            if not isinstance(field.access, Access):
                raise self._error(f"“{field.name}” needs to know of what, such as {field.example}.", name)
            return _NamedField(field, None, field.access)
        assert not isinstance(field.access, Access)
        text = unescaped(argument[1:-1])
        try:
            return _NamedField(field, text, field.access(text))
        except ValueError as error:
            raise self._error(f"“{field.name}” cannot take {quoted(text)}: {error}.", argument) from None

    def _word(self, literal: Literal) -> Expression:
        """A field's name asks whether the frame has it; any other word is searched for in the payload."""
        name = Token("WORD", literal.text, start_pos=literal.start, end_pos=literal.end)
        found = self._fields.get(name) if literal.form is Form.WORD else None
        if found is None:
            payload = self._fields.get("payload")
            assert payload is not None
            contains = Token("TEXTUAL", "contains", start_pos=literal.start, end_pos=literal.end)
            return self._test(self._place(payload, None, name), contains, [literal])
        if found.kind is not FieldKind.FLAG and not found.optional:
            behind = Token("WORD", "", start_pos=literal.end, end_pos=literal.end)
            raise self._error(
                f"“{literal.text}” is a field of every frame: expected an operator and a value behind it, such as "
                f'{found.example}. To search for the word, write "{literal.text}".',
                behind,
            )
        return self._present(self._place(found, None, name))

    def _refuse_value(self, literal: Literal, behind: Literal) -> None:
        """Refuse an optional field followed by a value: the operator is missing, or is not one."""
        found = self._fields.get(Token("WORD", literal.text)) if literal.form is Form.WORD else None
        if (
            found is None
            or found.kind is FieldKind.FLAG
            or not (found.optional and isinstance(found.access, Access))
        ):
            return
        raise self._wrong(
            f"“{literal.text}” is a field: expected an operator behind it, such as {found.example}. To ask whether a "
            f'frame has it, write “and” between; to search for the word, write "{literal.text}".',
            behind,
        )

    def _present(self, place: _NamedField) -> Expression:
        operator = IS_SET if place.field.kind is FieldKind.FLAG else PRESENT
        matcher = operator.build(place.field.kind, None)
        return Term(place.field, place.argument, operator, None, place.access, matcher)

    def _test(self, place: _NamedField, symbol: Token, items: Sequence[_Item]) -> Expression:
        operator, field, access = self._operators.get(symbol), place.field, place.access
        literals = [each for item in items for each in (item if isinstance(item, tuple) else (item,))]
        if field.relative is not None and all(each.form is Form.DURATION for each in literals):
            other = self._fields.get(field.relative)
            assert other is not None
            assert isinstance(other.access, Access)
            field, access = other, other.access
        if field.kind not in operator.kinds:
            fitting = ", ".join(each.name for each in self._operators if field.kind in each.kinds)
            raise self._error(f"“{field.name}” has no {symbol}: expected one of {fitting}.", symbol)
        operand = self._operand(field, operator.takes, items, literals)
        try:
            of_day = field.kind is FieldKind.TIME and any(each.form is Form.CLOCK for each in literals)
            matcher = UNSETTLED if of_day else operator.build(field.kind, operand)
        except OperandError as error:
            raise self._wrong(f"“{field.name} {operator.name}”: expected {error}.", *literals) from None
        return Term(field, place.argument, operator, operand, access, matcher)

    def _operand(
        self, field: Field, takes: Takes, items: Sequence[_Item], literals: Sequence[Literal]
    ) -> Operand:
        if takes is Takes.SET:
            if len(items) > SET_LIMIT:
                raise self._wrong(f"There are {len(items)} values: expected at most {SET_LIMIT}.", *literals)
            return tuple(
                self._range(field, *item) if isinstance(item, tuple) else self._value(field, item)
                for item in items
            )
        if takes is not Takes.PATTERN:
            # A text field compares with text, even if the literal looks like a number.
            as_text = takes is Takes.TEXT and field.kind is FieldKind.JSON
            return self._value(replace(field, kind=FieldKind.TEXT) if as_text else field, literals[0])
        if literals[0].form is Form.HEX:
            raise self._wrong(
                r'Expected a regular expression in quotes; bytes stand in it as "\xde\xad".', *literals
            )
        return literals[0].text

    def _range(self, field: Field, low: Literal, high: Literal) -> Range:
        first, last = self._value(field, low), self._value(field, high)
        if isinstance(first, TimeOfDay) and isinstance(last, TimeOfDay):
            return Range(first, last)
        if isinstance(first, TimeOfDay) or isinstance(last, TimeOfDay):
            raise self._wrong(
                f"From {low.text} to {high.text}: expected two times of day, or two dates.", low, high
            )
        if field.kind is FieldKind.NAME or not (
            isinstance(first, int | float) and isinstance(last, int | float)
        ):
            raise self._wrong(
                f"“{field.name}” has no ranges: expected single values, such as {{a, b}}.", low, high
            )
        if first > last:
            raise self._wrong(
                f"Nothing is between {low.text} and {high.text}: expected the smaller value first.", low, high
            )
        return Range(first, last)

    def _value(self, field: Field, literal: Literal) -> Value:
        value = operand_of(field.kind, literal, field.choices)
        if value is not None:
            return value
        expected = f"{field.kind.value}."
        if field.choices:
            names = list(field.choices)
            shown = ", ".join(names) if len(names) <= 12 else f"{', '.join(names[:8])}, …"
            close = get_close_matches(literal.text.lower(), names, 1)
            expected = f"{field.kind.value}: {shown}." + (f" Did you mean “{close[0]}”?" if close else "")
        raise self._wrong(f"“{field.name}” cannot be {quoted(literal.text)}: expected {expected}", literal)

    def _error(self, message: str, token: Token) -> FilterError:
        return FilterError(message, self.text, *_span(token))

    def _wrong(self, message: str, *literals: Literal) -> FilterError:
        return FilterError(message, self.text, literals[0].start, literals[-1].end)


def _span(token: Token) -> tuple[int, int]:
    return token.start_pos or 0, token.end_pos or 0


def _without_tokens(children: list[Expression | Token]) -> list[Expression]:
    return [each for each in children if not isinstance(each, Token)]
