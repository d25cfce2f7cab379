"""What can come next in a filter that is being typed."""

from __future__ import annotations

from collections.abc import Iterable

from lark import Token

from core.query.candidates import Candidate, CandidateKind, Completion, KnownValues
from core.query.fields import Access, Field
from core.query.language import FilterLanguage
from core.query.operators import Operator
from core.query.values import DURATION_UNITS, FieldKind, Form, read_word
from core.sizes import SIZE_UNITS

CANDIDATE_LIMIT = 200
_QUOTES_TRIED = 16
_OPERAND = frozenset({"NOT", "FUNCTION"})
_OPERATOR = frozenset({"COMPARE", "TEXTUAL", "IN"})
_OF_DAY = "A time of the day that the capture is of."
_WORDS = {"AND": "and", "OR": "or"}


def _none_known(_field: Field) -> Iterable[Candidate]:
    return ()


def complete(
    language: FilterLanguage, text: str, position: int, known: KnownValues = _none_known
) -> Completion:
    """What can stand at `position`, where part of it may be typed already. Never fails; may have no candidates."""
    start = position
    tokens = language.tokens(text[:position])
    if tokens is None:
        # Inside quotes, or behind a character that no filter has.
        start, tokens = _open_quote(language, text[:position])
    elif tokens and tokens[-1].end_pos == position and _is_wordlike(tokens[-1]):
        # An operator made of signs ends by itself; a word may continue.
        start = tokens.pop().start_pos or 0
    if tokens is None:
        return Completion(position, position, ())
    typed = text[start:position].lower()
    accepted = language.accepted(tokens)
    candidates = _candidates(language, tokens, accepted, typed, known)
    found = [each for each in candidates if typed in each.text.lower()]
    found.sort(key=lambda each: not each.text.lower().startswith(typed))
    return Completion(start, position, tuple(found[:CANDIDATE_LIMIT]))


def _open_quote(language: FilterLanguage, text: str) -> tuple[int, list[Token] | None]:
    """Where an unclosed quote begins, and the tokens before it; None for the tokens if there is no such quote."""
    quotes = (at for at in range(len(text) - 1, -1, -1) if text[at] in "\"'")
    for at, _ in zip(quotes, range(_QUOTES_TRIED), strict=False):
        if (tokens := language.tokens(text[:at])) is not None:
            return at, tokens
    return len(text), None


def _is_wordlike(token: Token) -> bool:
    return token[-1:].isalnum() or token[-1:] in "_-."


def _candidates(
    language: FilterLanguage, tokens: list[Token], accepted: frozenset[str], typed: str, known: KnownValues
) -> list[Candidate]:
    if not accepted & {"WORD", *_OPERATOR, *_WORDS}:
        return []
    if accepted & _OPERAND == _OPERAND:
        return [*_fields(language), Candidate("not", CandidateKind.KEYWORD, "What does not match.")]
    found: list[Candidate] = []
    named = _field_before(language, tokens)
    if "WORD" in accepted and not accepted & _OPERATOR and named is not None:
        found += _values(named, typed)
        found += known(named)
    if accepted & _OPERATOR:
        operators = language.operators if named is None else _fitting(language, named)
        if named is not None or _ends_call(tokens):
            found += [Candidate(each.name, CandidateKind.OPERATOR, each.help) for each in operators]
    return found + [
        Candidate(word, CandidateKind.KEYWORD, "Both." if name == "AND" else "One of both.")
        for name, word in _WORDS.items()
        if name in accepted
    ]


def _ends_call(tokens: list[Token]) -> bool:
    return bool(tokens) and tokens[-1].type in ("RSQB", "RPAR")


def _fields(language: FilterLanguage) -> list[Candidate]:
    return [Candidate(_shown(each), CandidateKind.FIELD, each.help) for each in language.fields]


def _shown(field: Field) -> str:
    """How a field's name begins a term: with the opening bracket if an argument has to follow."""
    if isinstance(field.access, Access):
        return field.name
    return field.example[: field.example.index('"') + 1]


def _fitting(language: FilterLanguage, field: Field) -> list[Operator]:
    return [each for each in language.operators if field.kind in each.kinds]


def _field_before(language: FilterLanguage, tokens: list[Token]) -> Field | None:
    """The field of the term that is still open at the end of the tokens."""
    for token in reversed(tokens):
        if token.type in ("AND", "OR", "NOT"):
            return None
        if token.type in ("WORD", "FUNCTION"):
            found = language.fields.get(token)
            if found is not None:
                return found
    return None


def _begins_clock(field: Field, typed: str) -> bool:
    return field.kind is FieldKind.TIME and read_word(typed + ":00", 0, 0).form is Form.CLOCK


def _values(field: Field, typed: str) -> list[Candidate]:
    if field.kind is FieldKind.FLAG:
        return [Candidate(each, CandidateKind.VALUE, "") for each in ("true", "false")]
    if field.kind is FieldKind.JSON:
        return [Candidate(each, CandidateKind.VALUE, "") for each in ("true", "false", "null")]
    if typed and read_word(typed, 0, 0).form is Form.NUMBER:
        found = (
            [Candidate(typed + ":00", CandidateKind.VALUE, _OF_DAY)] if _begins_clock(field, typed) else []
        )
        units = {
            FieldKind.NUMBER: SIZE_UNITS,
            FieldKind.DURATION: DURATION_UNITS,
            FieldKind.TIME: DURATION_UNITS,
        }
        words = [typed + unit for unit in units.get(field.kind, ())]
        # No unit follows an exponent.
        return found + [
            Candidate(each, CandidateKind.VALUE, "")
            for each in words
            if read_word(each, 0, 0).form is not Form.WORD
        ]
    return [Candidate(each, CandidateKind.VALUE, str(code)) for each, code in field.choices.items()]
