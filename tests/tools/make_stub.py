"""Writes resources/scripts/unmask_script.pyi, by which editors know what a script works with, from its source.

python -m tests.tools.make_stub
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "core" / "scripts" / "unmask_script" / "__init__.py"
STUB = ROOT / "resources" / "scripts" / "unmask_script.pyi"


def stub(source: str) -> str:
    """The public names of `source` with their types and docstrings."""
    lines = source.splitlines()
    tree = ast.parse(source)
    parts = [_text(lines, tree.body[0]), "from typing import Any, Literal"]
    aliases: list[str] = []
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.Assign) and not _names(node)[0].startswith("_"):
            assert after is not None
            aliases.append(f"{_text(lines, node)}\n{_text(lines, after)}")
        elif isinstance(node, ast.ClassDef):
            if aliases:
                parts.append("\n".join(aliases))
                aliases = []
            parts.append("\n".join(_class(lines, node)))
        elif isinstance(node, ast.FunctionDef):
            parts.append(_function(lines, node))
    return "\n\n".join(parts) + "\n"


def _class(lines: list[str], node: ast.ClassDef) -> Iterator[str]:
    yield lines[node.lineno - 1]
    for each in node.body:
        if isinstance(each, ast.FunctionDef):
            if not each.name.startswith("_"):
                yield _function(lines, each)
        else:
            blank = "\n" if each is node.body[0] else ""
            yield f"{_text(lines, each)}{blank}"


def _function(lines: list[str], node: ast.FunctionDef) -> str:
    """The head and the docstring."""
    first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
    return "\n".join(lines[first - 1 : node.body[0].end_lineno])


def _text(lines: list[str], node: ast.stmt) -> str:
    return "\n".join(lines[node.lineno - 1 : node.end_lineno])


def _names(node: ast.Assign) -> list[str]:
    return [each.id for each in node.targets if isinstance(each, ast.Name)]


if __name__ == "__main__":
    STUB.write_text(stub(SOURCE.read_text(encoding="utf-8")), encoding="utf-8", newline="\n")
