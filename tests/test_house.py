"""The rules of the house, held by machine: who imports whom, what stands where, how long a file may be."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest

ROOT = Path(__file__).resolve().parent.parent
MAX_LINES = 450
MAX_TEST_LINES = 700

TOP_LEVEL = frozenset(
    {
        *("app", "core", "resources", "tests", "build.spec", "pyproject.toml"),
        *("README.md", "LICENSE", "CHANGELOG.md", "Makefile", ".ci"),
        *(".editorconfig", ".gitattributes", ".gitignore"),
    }
)

MAY_IMPORT = {
    "core.errors": (),
    "core.sizes": (),
    "core.protocol": ("core.errors",),
    "core.capture": ("core.errors", "core.protocol"),
    "core.decoders": ("core.errors", "core.protocol", "core.capture"),
    "core.formats": ("core.errors", "core.protocol", "core.capture", "core.decoders"),
    "core.rules": ("core.errors", "core.protocol", "core.capture"),
    "core.query": ("core.errors", "core.sizes", "core.protocol", "core.capture"),
    "core.net": ("core.errors", "core.sizes", "core.protocol", "core.capture", "core.rules"),
}
"""Of each room of `core`, what it may import of `core` beside itself."""

NOT_IN_CORE = ("PySide6", "shiboken6", "app", "tests")
NOT_IN_PROTOCOL = (
    "asyncio",
    "socket",
    "ssl",
    "selectors",
    "sqlite3",
    "threading",
    "concurrent",
    "time",
    "datetime",
)

# Spelt so that no pattern matches this file.
FOREIGN = re.compile(
    r"pyp[i]\.org|pythonhosted\.or[g]|registry\.npm[j]s|npmmirro[r]|deb\.debia[n]|security\.debia[n]"
    r"|/ro[o]t/|/wor[k]/|/ho[m]e/\w+/|/User[s]/\w+/|\.pyen[v]"
)
TEXT_SUFFIXES = {
    *("", ".py", ".pyi", ".md", ".toml", ".txt", ".spec", ".json", ".js", ".mjs", ".html", ".css", ".svg"),
    *(".ts", ".desktop", ".ini", ".yml", ".yaml", ".sh"),
}


def tracked_files() -> list[Path]:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    files = [ROOT / name for name in listing.decode().split("\0") if name]
    return [file for file in files if file.is_file()]


def modules(*rooms: str) -> Iterator[tuple[str, str]]:
    """The dotted name and the source of every module in `rooms`."""
    for room in rooms:
        for file in sorted((ROOT / room).rglob("*.py")):
            parts = file.relative_to(ROOT).with_suffix("").parts
            yield ".".join(parts).removesuffix(".__init__"), file.read_text(encoding="utf-8")


def is_within(module: str, package: str) -> bool:
    return module == package or module.startswith(package + ".")


def imported(module: str, source: str) -> set[str]:
    """Dotted names that `source` imports, also those for type checking only; `from a import b` gives `a.b`."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = module.split(".")[: -node.level] if node.level else []
            base = ".".join([*above, node.module or ""]).strip(".")
            names.update(f"{base}.{alias.name}" for alias in node.names)
    return names


def wrong_imports(module: str, source: str) -> list[str]:
    """The imports of `source` that go against the direction of the house."""
    if not is_within(module, "core"):
        return []
    room = next((room for room in MAY_IMPORT if is_within(module, room)), "core")
    wrong = []
    for name in sorted(imported(module, source)):
        forbidden = NOT_IN_CORE + (NOT_IN_PROTOCOL if room == "core.protocol" else ())
        allowed = (room, *MAY_IMPORT.get(room, ()))
        inward = not is_within(name, "core") or any(is_within(name, package) for package in allowed)
        if not inward or any(is_within(name, package) for package in forbidden):
            wrong.append(f"{module} imports {name}")
    return wrong


def wrong_words(name: str, text: str) -> list[str]:
    """Where `text` names a package registry or a path of somebody's machine."""
    return [
        f"{name}:{number}: {match[0]}"
        for number, line in enumerate(text.splitlines(), 1)
        for match in FOREIGN.finditer(line)
    ]


def svg_faults(name: str, text: str) -> list[str]:
    """What is wrong with an SVG: not XML, not an SVG, a script, something loaded from elsewhere."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        return [f"{name}: {error}"]
    faults = [] if root.tag == "{http://www.w3.org/2000/svg}svg" else [f"{name}: the root is {root.tag}"]
    for element in root.iter():
        if element.tag.endswith("}script"):
            faults.append(f"{name}: has a script")
        for attribute, value in element.attrib.items():
            if attribute.endswith("href") and not value.startswith("#"):
                faults.append(f"{name}: loads {value}")
    return faults


def test_imports_go_one_way() -> None:
    assert [fault for module, source in modules("core") for fault in wrong_imports(module, source)] == []


@pytest.mark.parametrize(
    ("module", "source", "fault"),
    [
        ("core.protocol.frames", "import asyncio", "asyncio"),
        ("core.protocol.frames", "from time import monotonic", "time.monotonic"),
        (
            "core.protocol.frames",
            "from core.capture.records import FrameRecord",
            "core.capture.records.FrameRecord",
        ),
        ("core.protocol.frames", "from ..net import engine", "core.net.engine"),
        ("core.capture.store", "def f():\n    import core.net.session", "core.net.session"),
        ("core.decoders.json", "from core.net import engine", "core.net.engine"),
        ("core.query.scan", "from core.decoders import json", "core.decoders.json"),
        ("core.net.engine", "from PySide6.QtCore import QObject", "PySide6.QtCore.QObject"),
        ("core.errors", "from core.protocol import frames", "core.protocol.frames"),
        ("core.net.engine", "from app import theme", "app.theme"),
    ],
)
def test_a_wrong_import_is_found(module: str, source: str, fault: str) -> None:
    assert wrong_imports(module, source) == [f"{module} imports {fault}"]


def test_right_imports_are_let_through() -> None:
    source = (
        "import asyncio\nfrom core.capture.records import FrameRecord\nfrom core.net.settings import Limits"
    )
    assert wrong_imports("core.net.engine", source) == []
    assert wrong_imports("core.protocol.http11", "from .violations import violation") == []


def test_the_top_level_stays_as_it_is() -> None:
    assert {file.relative_to(ROOT).parts[0] for file in tracked_files()} - TOP_LEVEL == set()


def test_nothing_names_a_registry_or_a_machine() -> None:
    faults = []
    for file in tracked_files():
        if file.suffix in TEXT_SUFFIXES:
            faults += wrong_words(str(file.relative_to(ROOT)), file.read_text(encoding="utf-8"))
    assert faults == []


def test_a_registry_and_a_machine_are_found() -> None:
    text = "\n".join(("fine", "https://pypi" + ".org/simple", "see /ro" + "ot/notes", "/ho" + "me/ann/x"))
    assert [fault.split(": ")[0] for fault in wrong_words("f", text)] == ["f:2", "f:3", "f:4"]


def test_locks_pin_by_hash_and_name_no_place() -> None:
    locks = sorted((ROOT / ".ci" / "locks").glob("*.txt"))
    assert [lock.stem for lock in locks] == ["build", "dev", "run"]
    for lock in locks:
        text = lock.read_text(encoding="utf-8")
        assert "://" not in text
        requirements = re.findall(r"^\S+==.*?(?=^\S|\Z)", text, re.MULTILINE | re.DOTALL)
        assert requirements
        assert [entry for entry in requirements if "--hash=sha256:" not in entry] == []
    node = (ROOT / "tests" / "e2e" / "node" / "package-lock.json").read_text(encoding="utf-8")
    assert "resolved" not in node
    assert "sha512-" in node


def test_no_file_is_too_long() -> None:
    too_long = []
    for file in tracked_files():
        if file.suffix == ".py":
            lines = len(file.read_text(encoding="utf-8").splitlines())
            name = file.relative_to(ROOT)
            if lines > (MAX_TEST_LINES if name.parts[0] == "tests" else MAX_LINES):
                too_long.append(f"{name} has {lines} lines")
    assert too_long == []


def test_every_svg_is_one() -> None:
    drawings = [file for file in tracked_files() if file.suffix == ".svg"]
    assert drawings
    assert [
        fault for file in drawings for fault in svg_faults(file.name, file.read_text(encoding="utf-8"))
    ] == []


@pytest.mark.parametrize(
    "text",
    [
        "<svg xmlns='http://www.w3.org/2000/svg'><path></svg>",
        "<svg/>",
        "<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>",
        "<svg xmlns='http://www.w3.org/2000/svg'><image href='http://example.com/a.png'/></svg>",
    ],
)
def test_a_bad_svg_is_found(text: str) -> None:
    assert len(svg_faults("a.svg", text)) == 1
