"""Values out of payloads that are JSON (RFC 8259), by JSONPath (RFC 9535)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from decimal import Decimal
from typing import NoReturn

from jsonpath import JSONPath, JSONPathEnvironment
from jsonpath.exceptions import JSONPathError
from jsonpath.filter import BaseExpression, IntegerLiteral
from jsonpath.parse import Parser
from jsonpath.stream import TokenStream

from core.query.json_evaluation import Document, finder
from core.query.values import Value, as_json

PAYLOAD_LIMIT = 16 * 1024 * 1024
"""Bytes of a payload that is read as JSON at most; a longer one has no values."""
DEPTH = 900
"""Levels of nesting that are read at least; a payload that nests deeper than the interpreter reads has no values."""
_START = re.compile(rb'(?:\xef\xbb\xbf)?[ \t\r\n]*[{\["0-9tfn-]')
"""How JSON begins."""

Extract = Callable[[bytes], Generator[Value]]


def json_values(path: str) -> Extract:
    """What gives the values at `path` in a payload one by one, none where it is no JSON. ValueError: it is no path."""
    try:
        compiled = _Environment(strict=True).compile(path)
        if not isinstance(compiled, JSONPath):
            raise ValueError("it joins several paths")
        find = finder(compiled)
    except RecursionError:
        raise ValueError("it nests too deep") from None
    except OverflowError:
        raise ValueError("a number in it is too great") from None
    except JSONPathError as error:
        raise ValueError(str(error).partition("\n")[0] or "it ends too early") from None

    def extract(payload: bytes) -> Generator[Value]:
        try:
            document = read_json(payload)
        except (ValueError, RecursionError):
            return
        for found in find(document, document):
            yield as_json(found)

    return extract


def read_json(payload: bytes) -> Document:
    """The document. ValueError: it is none, or longer than `PAYLOAD_LIMIT`. RecursionError: it nests too deep.

    It is UTF-8 (RFC 8259 section 8.1); a byte-order mark before it is passed over. Integers of more digits than `int`
    takes become Decimals, so they are exact. Of a name that stands twice in an object the last value counts.
    """
    if len(payload) > PAYLOAD_LIMIT or not _START.match(payload):
        raise ValueError("no JSON, or too long")
    text = payload.decode("utf-8-sig")
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        # An integer of more digits than `int` takes.
        return _EXACT_DECODER.decode(text)


def _refuse(word: str) -> NoReturn:
    """NaN and infinities are no JSON (RFC 8259 section 6), though Python takes them for numbers."""
    raise json.JSONDecodeError(f"{word} is no number", word, 0)


_DECODER = json.JSONDecoder(parse_constant=_refuse)
_EXACT_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_int=Decimal)


class _Parser(Parser):
    """Reads integers as they are written; the library goes by way of a float, which holds 53 bits."""

    def parse_integer_literal(self, stream: TokenStream) -> BaseExpression:
        text = stream.current().value
        literal = super().parse_integer_literal(stream)
        return IntegerLiteral(value=int(text)) if _WHOLE.fullmatch(text) else literal


_WHOLE = re.compile("-?[0-9]+")


class _Environment(JSONPathEnvironment):
    """The library's reading of paths, held to RFC 9535."""

    parser_class = _Parser
