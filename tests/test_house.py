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
    "core.rules": ("core.errors", "core.sizes", "core.protocol", "core.capture", "core.query"),
    "core.scripts": ("core.errors", "core.sizes", "core.protocol", "core.rules"),
    "core.query": ("core.errors", "core.sizes", "core.protocol", "core.capture"),
    "core.probe": ("core.errors", "core.sizes", "core.protocol", "core.capture", "core.net"),
    "core.net.fronts": (
        *("core.errors", "core.protocol", "core.net.connect_request", "core.net.proxy", "core.net.reach"),
        "core.net.relay",
    ),
    "core.net.legs": (
        *("core.errors", "core.sizes", "core.protocol", "core.capture"),
        *("core.net.budget", "core.net.connect_request", "core.net.dial", "core.net.failures"),
        *(
            "core.net.fronts.front",
            "core.net.fronts.router",
            "core.net.settings",
            "core.net.ruling",
            "core.rules",
        ),
        *("core.net.sockets", "core.net.sources", "core.net.tls", "core.net.turns"),
        *("core.net.client_status", "core.net.host_list", "core.net.redirect"),
        *("core.net.proxy", "core.net.reach", "core.net.upstream"),
    ),
    "core.net.tls": (
        *("core.errors", "core.sizes", "core.protocol", "core.capture"),
        *("core.net.host_list", "core.net.settings", "core.net.turns"),
    ),
    "core.net": ("core.errors", "core.sizes", "core.protocol", "core.capture", "core.rules"),
}
"""What each room of `core` may import of `core` beside itself. A room within another stands before it."""

_BELOW_DESKS = (
    "app.logic",
    "app.look",
    "app.runtime",
    "app.actions",
    "app.models",
    "app.settings",
    "app.views",
    "app.dialogs",
)
_DESKS = ("app.captures", "app.sources", "app.filters", "app.rules", "app.frames", "app.scripts", "app.help")

APP_MAY_IMPORT = {
    "app.logic": (),
    "app.terminal": ("app.logic",),
    "app.look": (),
    "app.runtime": ("app.logic",),
    "app.actions": ("app.look",),
    "app.models": ("app.logic",),
    "app.settings": ("app.logic", "app.look"),
    "app.version": (),
    "app.views": ("app.logic", "app.look", "app.runtime", "app.actions", "app.models"),
    "app.dialogs": (
        *("app.logic", "app.look", "app.runtime", "app.actions", "app.models", "app.settings"),
        *("app.views.parts", "app.views.filter"),
    ),
    "app.captures": _BELOW_DESKS,
    "app.sources": _BELOW_DESKS,
    "app.scripts": _BELOW_DESKS,
    "app.help": _BELOW_DESKS,
    "app.filters": (*_BELOW_DESKS, "app.captures"),
    "app.rules": (*_BELOW_DESKS, "app.captures", "app.filters"),
    "app.frames": (*_BELOW_DESKS, "app.captures", "app.filters", "app.sources", "app.rules"),
    "app.window": (*_BELOW_DESKS, *_DESKS, "app.version"),
    "app.self_test": (*_BELOW_DESKS, "app.terminal", "app.window"),
    "app.options": ("app.terminal", "app.version"),
    "app.cli": (
        *("app.logic", "app.terminal", "app.runtime", "app.window", "app.self_test", "app.version"),
        "app.options",
    ),
    "app.__main__": ("app.cli", "app.terminal"),
}
"""What each room of `app` may import of `app` beside itself. Each room of views may import `parts` alone."""

VIEW_ROOMS = frozenset(
    f"app.views.{room}"
    for room in (
        *("frames", "message", "bits", "bytes", "handshake"),
        *("compose", "filter", "sides", "bars", "sources", "rules"),
    )
)
NOT_IN_APP = {
    "app.logic": ("PySide6", "shiboken6"),
    "app.terminal": ("PySide6", "shiboken6"),
    "app.version": ("PySide6", "shiboken6"),
    "app.models": ("core.net",),
    "app.views": ("core.net", "app.runtime.engine_thread"),
}
"""What must not be had in a room: no Qt where none is needed, no engine where things are only shown."""
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
    if is_within(module, "core"):
        is_wrong = _is_wrong_in_core
    elif is_within(module, "app") and module != "app":
        is_wrong = _is_wrong_in_app
    else:
        return []
    return [f"{module} imports {name}" for name in sorted(imported(module, source)) if is_wrong(module, name)]


def _is_wrong_in_core(module: str, name: str) -> bool:
    room = next((room for room in MAY_IMPORT if is_within(module, room)), "core")
    forbidden = NOT_IN_CORE + (NOT_IN_PROTOCOL if room == "core.protocol" else ())
    allowed = (room, *MAY_IMPORT.get(room, ()))
    inward = not is_within(name, "core") or any(is_within(name, package) for package in allowed)
    return not inward or any(is_within(name, package) for package in forbidden)


def _is_wrong_in_app(module: str, name: str) -> bool:
    room = next((room for room in APP_MAY_IMPORT if is_within(module, room)), "")
    if is_within(name, "tests") or not room:
        return True
    forbidden = NOT_IN_APP.get(room, ())
    if any(is_within(name, package) for package in forbidden):
        return True
    view_room = next((each for each in VIEW_ROOMS if is_within(module, each)), None)
    others = VIEW_ROOMS - {view_room} if is_within(module, "app.views.parts") or view_room else ()
    if any(is_within(name, each) for each in others):
        return True
    allowed = (room, *APP_MAY_IMPORT[room])
    return is_within(name, "app") and not any(is_within(name, package) for package in allowed)


LEANING = re.compile(r"(?:The same|Same|As|Of|And|Also|But)\b")
"""Words that a docstring does not begin with: it would need the one before to be understood."""


def docstrings(source: str) -> Iterator[tuple[int, str]]:
    """Line and text of each docstring, also of those behind an attribute."""
    for node in ast.walk(ast.parse(source)):
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.Expr) and isinstance(child.value, ast.Constant):
                text = child.value.value
                if isinstance(text, str):
                    yield child.lineno, text


def leaning_docstrings(name: str, source: str) -> list[str]:
    """The docstrings that do not stand by themselves."""
    return [f"{name}:{line}: {text}" for line, text in docstrings(source) if LEANING.match(text)]


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
    found = [fault for module, source in modules("core", "app") for fault in wrong_imports(module, source)]
    assert found == []


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
        ("core.capture.store", "def f():\n    import core.net.engine", "core.net.engine"),
        ("core.net.legs.leg", "from core.net.engine import Engine", "core.net.engine.Engine"),
        ("core.net.legs.served", "from core.net.fronts import test_page", "core.net.fronts.test_page"),
        ("core.net.fronts.front", "from core.net.legs.leg import Leg", "core.net.legs.leg.Leg"),
        ("core.decoders.json", "from core.net import engine", "core.net.engine"),
        ("core.query.scan", "from core.decoders import json", "core.decoders.json"),
        ("core.net.engine", "from PySide6.QtCore import QObject", "PySide6.QtCore.QObject"),
        ("core.scripts.script", "from core.net.engine import Engine", "core.net.engine.Engine"),
        ("core.rules.advice", "from core.scripts.script import Script", "core.scripts.script.Script"),
        ("core.errors", "from core.protocol import frames", "core.protocol.frames"),
        ("core.net.engine", "from app.look import theme", "app.look.theme"),
        ("app.logic.text", "from PySide6.QtCore import QObject", "PySide6.QtCore.QObject"),
        ("app.terminal.console", "from PySide6 import QtCore", "PySide6.QtCore"),
        ("app.logic.text", "from app.look.theme import Theme", "app.look.theme.Theme"),
        ("app.terminal.console", "from app.runtime import jobs", "app.runtime.jobs"),
        ("app.models.frames", "from core.net.engine import Engine", "core.net.engine.Engine"),
        ("app.models.frames", "from app.views.parts import widgets", "app.views.parts.widgets"),
        ("app.views.bars.tool_bar", "from core.net import engine", "core.net.engine"),
        ("app.views.bars.tool_bar", "import app.runtime.engine_thread", "app.runtime.engine_thread"),
        ("app.views.bars.tool_bar", "from app.captures import desk", "app.captures.desk"),
        ("app.views.bytes.view", "from app.views.message import view", "app.views.message.view"),
        ("app.views.parts.finder", "from app.views.frames import table", "app.views.frames.table"),
        ("app.captures.desk", "from app.frames import selection", "app.frames.selection"),
        ("app.filters.desk", "from app.window import main_window", "app.window.main_window"),
        ("app.filters.desk", "from app.rules import desk", "app.rules.desk"),
        ("app.rules.desk", "from app.frames import selection", "app.frames.selection"),
        ("app.views.rules.rule_list", "from app.rules.desk import RuleDesk", "app.rules.desk.RuleDesk"),
        ("app.views.rules.held_editor", "from app.views.message import view", "app.views.message.view"),
        ("app.models.rules", "from core.net.ruling import Ruling", "core.net.ruling.Ruling"),
        (
            "app.dialogs.rules.rule_dialog",
            "from app.views.rules import rule_list",
            "app.views.rules.rule_list",
        ),
        ("core.rules.book", "from core.net import engine", "core.net.engine"),
        ("app.window.desktop", "from app.cli import main", "app.cli.main"),
        ("app.nowhere", "from app.logic import text", "app.logic.text"),
    ],
)
def test_a_wrong_import_is_found(module: str, source: str, fault: str) -> None:
    assert wrong_imports(module, source) == [f"{module} imports {fault}"]


def test_every_module_of_app_has_a_room() -> None:
    homeless = [
        module
        for module, _ in modules("app")
        if module != "app" and not any(is_within(module, room) for room in APP_MAY_IMPORT)
    ]
    assert homeless == []


def test_right_imports_are_let_through() -> None:
    assert wrong_imports("app.views.compose.composer", "from core.protocol.outgoing import Outgoing") == []
    assert wrong_imports("app.views.detail_tabs", "from app.views.bytes.view import BytesView") == []
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


def test_docstrings_stand_by_themselves() -> None:
    python = [file for file in tracked_files() if file.suffix == ".py"]
    assert [
        fault
        for file in python
        for fault in leaning_docstrings(str(file.relative_to(ROOT)), file.read_text(encoding="utf-8"))
    ] == []


def test_a_docstring_that_leans_on_another_is_found() -> None:
    source = (
        'LIMIT = 3\n"""Of all peers."""\ndef f():\n    """Ask."""\nclass C:\n    """The same, twice."""\n'
    )
    assert [fault.split(": ")[0] for fault in leaning_docstrings("f", source)] == ["f:2", "f:6"]


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
