"""JSONPath (RFC 9535): turns a path that the library has parsed into functions that yield values one by one.

The library's own evaluation records the place of every node, stops at a hundred levels, parses a string document as
JSON once more, and treats `false` and 0 as missing. Filters need only values, of documents of any depth.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Generator, Iterable, Sequence
from decimal import Decimal
from itertools import islice
from typing import Any

from jsonpath import JSONPath
from jsonpath.filter import (
    BaseExpression,
    FilterExpression,
    FilterExpressionLiteral,
    FilterQuery,
    FunctionExtension,
    InfixExpression,
    Nil,
    PrefixExpression,
    RootFilterQuery,
)
from jsonpath.function_extensions import Match, Search
from jsonpath.segments import JSONPathRecursiveDescentSegment, JSONPathSegment
from jsonpath.selectors import (
    Filter,
    IndexSelector,
    JSONPathSelector,
    NameSelector,
    SliceSelector,
    WildcardSelector,
)

Document = Any
"""What `json.loads` returns; integers with very many digits are of type Decimal."""
Find = Callable[[Document, Document], Iterable[Document]]
"""Takes the whole document and a value in it; gives the values found from there."""
_Test = Callable[[Document, Document], bool]
_Read = Callable[[Document, Document], Document]

_NOTHING = object()
"""Section 2.4.1: what a comparison gets when a query finds nothing."""


def finder(path: JSONPath) -> Find:
    """A function that gives the values of the nodes that `path` selects (section 2.1.2), in order.

    Raises ValueError if the path is not of RFC 9535.
    """
    steps = [_segment(each) for each in path.segments]

    def find(root: Document, start: Document) -> Iterable[Document]:
        found: Iterable[Document] = (start,)
        for step in steps:
            found = step(root, found)
        return found

    return find


def _segment(segment: JSONPathSegment) -> Callable[[Document, Iterable[Document]], Generator[Document]]:
    selectors = [_selector(each) for each in segment.selectors]
    # Section 2.5.2: a descendant segment selects from a node and from each of its descendants.
    reach = _descendants if isinstance(segment, JSONPathRecursiveDescentSegment) else _itself

    def step(root: Document, nodes: Iterable[Document]) -> Generator[Document]:
        for start in nodes:
            for node in reach(start):
                for select in selectors:
                    yield from select(root, node)

    return step


def _itself(node: Document) -> Iterable[Document]:
    return (node,)


def _descendants(node: Document) -> Generator[Document]:
    """Section 2.5.2.2: each node before its descendants, and an array's children in their order."""
    waiting = [node]
    while waiting:
        node = waiting.pop()
        yield node
        waiting.extend(each for each in reversed(_children(node)) if isinstance(each, dict | list))


def _children(node: Document) -> Sequence[Document]:
    if isinstance(node, dict):
        return tuple(node.values())
    return node if isinstance(node, list) else ()


def _selector(selector: JSONPathSelector) -> Find:
    match selector:
        case NameSelector(name=name):
            # Section 2.3.1.2.
            return lambda _root, node: (node[name],) if isinstance(node, dict) and name in node else ()
        case WildcardSelector():
            # Section 2.3.2.2.
            return lambda _root, node: _children(node)
        case IndexSelector(index=index):
            # Section 2.3.3.2.
            place = slice(index, index + 1 or None)
            return lambda _root, node: node[place] if isinstance(node, list) else ()
        case SliceSelector(slice=part):
            # Section 2.3.4.2.2: a step of 0 selects nothing.
            return lambda _root, node: node[part] if isinstance(node, list) and part.step != 0 else ()
        case Filter(expression=expression):
            # Section 2.3.5.2.
            test = _test(expression)
            return lambda root, node: (each for each in _children(node) if test(root, each))
    raise _unknown(selector)


def _test(expression: BaseExpression) -> _Test:
    """A logical expression (section 2.3.5.1)."""
    match expression:
        case FilterExpression(expression=inner):
            return _test(inner)
        case PrefixExpression(operator="!", right=right):
            denied = _test(right)
            return lambda root, node: not denied(root, node)
        case InfixExpression(left=left, operator="&&", right=right):
            one, other = _test(left), _test(right)
            return lambda root, node: one(root, node) and other(root, node)
        case InfixExpression(left=left, operator="||", right=right):
            one, other = _test(left), _test(right)
            return lambda root, node: one(root, node) or other(root, node)
        case InfixExpression(left=left, operator=symbol, right=right) if symbol in _COMPARISONS:
            compare, first, second = _COMPARISONS[symbol], _value(left), _value(right)
            return lambda root, node: compare(first(root, node), second(root, node))
        case FilterQuery():
            # The test asks whether such a node exists, whatever its value.
            find = _query(expression)
            return lambda root, node: any(True for _ in find(root, node))
        case FunctionExtension(name="match" | "search" as name, args=[text, pattern]):
            holds = Match() if name == "match" else Search()
            read, read_pattern = _value(text), _value(pattern)
            return lambda root, node: holds(read(root, node), read_pattern(root, node))
    raise _unknown(expression)


def _value(expression: BaseExpression) -> _Read:
    """The value of something that can be compared, or `_NOTHING`."""
    match expression:
        case FilterExpression(expression=inner):
            return _value(inner)
        case Nil():
            return lambda _root, _node: None
        case FilterExpressionLiteral(value=value):
            return lambda _root, _node: value
        case FilterQuery() if expression.path.singular_query():
            find = _query(expression)
            return lambda root, node: next(iter(find(root, node)), _NOTHING)
        case FunctionExtension(name="length", args=[argument]):
            # Section 2.4.4.
            read = _value(argument)
            return lambda root, node: _length(read(root, node))
        case FunctionExtension(name="count", args=[FilterQuery() as query]):
            # Section 2.4.5.
            find = _query(query)
            return lambda root, node: sum(1 for _ in find(root, node))
        case FunctionExtension(name="value", args=[FilterQuery() as query]):
            # Section 2.4.8.
            find = _query(query)
            return lambda root, node: _single(find(root, node))
    raise _unknown(expression)


def _query(query: FilterQuery) -> Find:
    find = finder(query.path)
    if isinstance(query, RootFilterQuery):
        return lambda root, _node: find(root, root)
    return find


def _length(value: Document) -> Document:
    return len(value) if isinstance(value, str | list | dict) else _NOTHING


def _single(found: Iterable[Document]) -> Document:
    first = list(islice(found, 2))
    return first[0] if len(first) == 1 else _NOTHING


def _equal(one: Document, other: Document) -> bool:
    """Section 2.3.5.2.2; also for values nested deeper than Python compares."""
    waiting = [(one, other)]
    while waiting:
        one, other = waiting.pop()
        if isinstance(one, list) and isinstance(other, list):
            if len(one) != len(other):
                return False
            waiting.extend(zip(one, other, strict=True))
        elif isinstance(one, dict) and isinstance(other, dict):
            if one.keys() != other.keys():
                return False
            waiting.extend((one[name], other[name]) for name in one)
        elif isinstance(one, bool) or isinstance(other, bool):
            # In Python, 1 equals True.
            if one is not other:
                return False
        elif one != other:
            return False
    return True


def _less(one: Document, other: Document) -> bool:
    """Section 2.3.5.2.2: numbers compare with numbers, and strings with strings."""
    if isinstance(one, str) and isinstance(other, str):
        return one < other
    return _is_number(one) and _is_number(other) and bool(operator.lt(one, other))


def _is_number(value: Document) -> bool:
    return isinstance(value, int | float | Decimal) and not isinstance(value, bool)


_COMPARISONS: dict[str, Callable[[Document, Document], bool]] = {
    "==": _equal,
    "!=": lambda one, other: not _equal(one, other),
    "<": _less,
    ">": lambda one, other: _less(other, one),
    "<=": lambda one, other: _less(one, other) or _equal(one, other),
    ">=": lambda one, other: _less(other, one) or _equal(one, other),
}


def _unknown(part: object) -> ValueError:
    return ValueError(f"“{part}” is not of RFC 9535")
