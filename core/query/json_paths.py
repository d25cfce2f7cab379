"""Values from payloads that are JSON (RFC 8259), selected by JSONPath (RFC 9535)."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Generator
from decimal import Decimal
from functools import lru_cache
from typing import NoReturn

from jsonpath import JSONPath, JSONPathEnvironment
from jsonpath.exceptions import JSONPathError
from jsonpath.filter import BaseExpression, IntegerLiteral
from jsonpath.parse import Parser
from jsonpath.stream import TokenStream

from core.query.json_evaluation import Document, finder
from core.query.values import PAYLOAD_LIMIT as PAYLOAD_LIMIT
from core.query.values import Value, as_json

DEPTH = 900
"""Levels of nesting that can always be parsed; a payload nested too deep for the interpreter has no values."""
_START = re.compile(rb'(?:\xef\xbb\xbf)?[ \t\r\n]*[{\["0-9tfn-]')
"""How JSON can begin."""

_SHORT = 64 * 1024
"""Bytes of a payload whose document is kept for the next question about it."""

Extract = Callable[[bytes], Generator[Value]]


def json_documents(path: str) -> Callable[[bytes], Generator[Document]]:
    """A function that gives what is at `path` in a payload, containers as they are; nothing if it is not JSON.

    Raises ValueError if `path` is not a path.
    """
    find = finder(compiled_path(path))

    def extract(payload: bytes) -> Generator[Document]:
        try:
            document = _read_again(payload) if len(payload) <= _SHORT else read_json(payload)
        except (ValueError, RecursionError):
            return
        yield from find(document, document)

    return extract


def json_values(path: str) -> Extract:
    """A function that gives the values at `path` in a payload one by one, none if the payload is not JSON.

    Raises ValueError if `path` is not a path.
    """
    documents = json_documents(path)
    return lambda payload: (as_json(found) for found in documents(payload))


def compiled_path(path: str) -> JSONPath:
    """The path as the library has it. Raises ValueError if it is none of RFC 9535."""
    try:
        compiled = _Environment(strict=True).compile(path)
        if not isinstance(compiled, JSONPath):
            raise ValueError("it joins several paths")
        finder(compiled)
    except RecursionError:
        raise ValueError("it nests too deep") from None
    except OverflowError:
        raise ValueError("a number in it is too great") from None
    except JSONPathError as error:
        raise ValueError(str(error).partition("\n")[0] or "it ends too early") from None
    return compiled


def read_json(payload: bytes) -> Document:
    """Parse a document.

    It is UTF-8 (RFC 8259 section 8.1); a leading byte-order mark is skipped. Integers with more digits than `int`
    accepts become Decimals and stay exact. If an object has a name twice, the last value counts. Raises ValueError if
    it is not JSON or longer than `PAYLOAD_LIMIT`, RecursionError if it nests too deep.
    """
    if len(payload) > PAYLOAD_LIMIT or not _START.match(payload):
        raise ValueError("no JSON, or too long")
    text = payload.decode("utf-8-sig")
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError:
        raise
    except ValueError:
        # The integer has more digits than `int` accepts.
        return _EXACT_DECODER.decode(text)


@lru_cache(maxsize=1)
def _read_again(payload: bytes) -> Document:
    """The document of a payload that several paths are asked of in turn. Nobody changes it."""
    return read_json(payload)


def _refuse(word: str) -> NoReturn:
    """Refuse NaN and infinities, which Python accepts and RFC 8259 section 6 does not."""
    raise json.JSONDecodeError(f"{word} is no number", word, 0)


_DECODER = json.JSONDecoder(parse_constant=_refuse)
_EXACT_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_int=Decimal)


class _Parser(Parser):
    """Reads integers as they are written; the library goes through a float, which holds 53 bits."""

    def parse_integer_literal(self, stream: TokenStream) -> BaseExpression:
        text = stream.current().value
        literal = super().parse_integer_literal(stream)
        return IntegerLiteral(value=int(text)) if _WHOLE.fullmatch(text) else literal


_WHOLE = re.compile("-?[0-9]+")


class _Environment(JSONPathEnvironment):
    """The library's parser for paths, restricted to RFC 9535."""

    parser_class = _Parser
