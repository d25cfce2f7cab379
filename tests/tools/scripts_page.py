"""The page about scripts, from the docstrings of what they work with and from the examples that come with Unmask."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from app.logic.script_examples import example_names
from core.scripts import unmask_script
from core.scripts.patience import Patience
from core.scripts.questions import MOST_QUESTIONS
from core.scripts.records import LARGEST_PAYLOAD, LONGEST_SECONDS, MOST_SENDS
from core.sizes import size_text

Table = Callable[[Sequence[str], Iterable[Sequence[str]]], str]

EXAMPLES = Path(__file__).resolve().parents[2] / "resources" / "scripts"
_CLASSES = (unmask_script.Message, unmask_script.Frame, unmask_script.Connection)
_FUNCTIONS: tuple[Callable[..., object], ...] = (
    *(
        unmask_script.reply,
        unmask_script.send,
        unmask_script.drop,
        unmask_script.replace,
        unmask_script.delay,
    ),
    *(unmask_script.hold, unmask_script.close, unmask_script.redact, unmask_script.note, unmask_script.log),
)
_MOMENTS = (
    (
        "on_open(connection)",
        "The opening handshake has succeeded. What you send here is the first that goes out.",
    ),
    (
        "on_message(message)",
        "A whole message has come, joined from its frames and inflated. It waits for you.",
    ),
    (
        "on_frame(frame)",
        "A frame of any kind has come. Pings, pongs and closes wait for you; frames of messages are for looking at.",
    ),
    ("on_close(connection)", "The connection is over."),
)


def scripts_page(table: Table) -> Iterator[str]:
    """The parts of the page; `table` lays out heads and rows."""
    patience = Patience()
    yield (
        "A script is a Python file of yours that decides what becomes of messages: it answers, changes, holds back, "
        "delays and looks. It works with every source. Rules do the common things without code; a script does the "
        "rest."
    )
    yield (
        "    unmask script mine.py                        # writes a file to begin with\n"
        "    unmask --listen --script mine.py             # runs it, with the window\n"
        "    unmask --headless --relay wss://example.com --script mine.py"
    )
    yield (
        "In the window it is **Rules ▸ Script…** that chooses a file, shows what it prints and where it fails, and "
        "starts it again. The file is loaded again whenever you save it, and so are modules beside it that it imports. "
        "`unmask script` also writes `unmask_script.pyi` beside it, by which editors know all names and types. Unmask "
        "from a package needs no Python on the machine: it brings its own, with the standard library (all but Tk, "
        "curses and what tests are made with) and `cryptography`."
    )
    yield "## The functions that you write"
    yield "All are optional, but there must be one. Each may be plain or `async`."
    yield table(("Function", "When it is called"), ((f"`{name}`", text) for name, text in _MOMENTS))
    yield (
        "Plain functions are called one after the other. `async` ones run beside each other on an asyncio loop, so the "
        "next message may come while one still awaits something; whatever the order of your answers, messages go on in "
        "the order in which they came. Tasks of your own may go on when the function has returned: what they send goes "
        "at once. A message that a rule applies to is the rule's; the script is not asked about it."
    )
    yield "## What you call"
    yield "`from unmask_script import …` has these:"
    yield table(("Call", "What it does"), map(_function, _FUNCTIONS))
    yield (
        "A payload is a `str` (goes as text), bytes (go as binary) or anything that JSON can say (goes as text). Of "
        "`drop`, `replace` and `hold` the last one counts. Everything that you print goes into the log as well."
    )
    for each in _CLASSES:
        yield f"### {each.__name__}"
        yield inspect.cleandoc(each.__doc__ or "")
        yield table(("Name", "What it is"), _members(each))
    yield "## What cannot happen"
    yield (
        "The script runs in a process of its own, with the rights of the person who started Unmask. Neither traffic "
        "nor the window waits for it:\n\n"
        f"- A function has {patience.answer_seconds:g} seconds for a message, then that goes on unchanged, and the log "
        "says so. What the function sends later still goes out. Messages that come faster than the script answers wait "
        "for their turn, and so does their sender.\n"
        "- A script that answers nothing any more is left out at once: everything passes unchanged until it answers. "
        f"The log says in which line it is. After {patience.stuck_seconds:g} seconds its process is ended.\n"
        "- An exception is told with its line, and its message goes on unchanged. So do all messages when the process "
        "ends, is killed, or runs out of memory. Save the file, or start it again by hand.\n"
        "- A version that does not run when you save it is told with its line, and the one before goes on.\n"
        "- A script that calls `redact` anywhere says what is recorded. Of messages that it has not answered about, "
        "because it is late, has failed, or does not run any more, the capture has nothing but that they passed.\n"
        f"- At most {MOST_QUESTIONS} messages and {size_text(LARGEST_PAYLOAD)} wait in a script; what is above passes "
        f"unchanged. One call may send {MOST_SENDS} messages, one message may have {size_text(LARGEST_PAYLOAD)}, and "
        f"nothing may be delayed or held longer than {LONGEST_SECONDS:g} seconds. Of what it prints, the log keeps the "
        "last lines, and leaves some out where they come too fast."
    )
    yield "## Examples"
    yield (
        "They come with Unmask: `unmask script --example NAME FILE` writes one to a file of yours. Each is run by the "
        "tests with a real client."
    )
    for name in example_names():
        source = (EXAMPLES / f"{name}.py").read_text(encoding="utf-8")
        yield f"### {name}"
        yield inspect.cleandoc(ast.get_docstring(ast.parse(source)) or "")
        yield f"```python\n{_without_docstring(source)}```"


def _function(function: Callable[..., object]) -> tuple[str, str]:
    return f"`{_call(function)}`", _words(function.__doc__)


def _call(function: Callable[..., object]) -> str:
    """The call with its parameters, without types."""
    parts = []
    for parameter in inspect.signature(function).parameters.values():
        if parameter.name == "self":
            continue
        text = f"*{parameter.name}" if parameter.kind is parameter.VAR_POSITIONAL else parameter.name
        if parameter.default is not parameter.empty:
            text += f"={parameter.default!r}"
        parts.append(text)
    return f"{function.__name__}({', '.join(parts)})"


def _members(each: type) -> Iterator[tuple[str, str]]:
    """Attributes with the docstrings behind them, properties and methods."""
    [tree] = ast.parse(inspect.getsource(each)).body
    assert isinstance(tree, ast.ClassDef)
    for node, after in zip(tree.body, [*tree.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            described = isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            text = str(after.value.value) if described else ""  # type: ignore[union-attr]
            yield f"`{node.target.id}: {ast.unparse(node.annotation)}`", _words(text)
        elif isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            member = getattr(each, node.name)
            if isinstance(member, property):
                yield f"`{node.name}: {ast.unparse(node.returns or node)}`", _words(member.__doc__)
            else:
                yield f"`{_call(member)}`", _words(member.__doc__)


def _words(docstring: str | None) -> str:
    return " ".join((docstring or "").split())


def _without_docstring(source: str) -> str:
    first = ast.parse(source).body[0]
    return "\n".join(source.splitlines()[first.end_lineno :]).strip("\n") + "\n"
