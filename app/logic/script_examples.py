"""The scripts that come with the program, to begin with, and the stub by which editors know what they work with."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

from core.errors import ExportError

BEGINNING = "begin"
"""The one that a new script begins as."""
STUB = "unmask_script.pyi"


def example_names() -> tuple[str, ...]:
    """Names of the examples, without the one to begin with."""
    folder = files("resources") / "scripts"
    names = (each.name.removesuffix(".py") for each in folder.iterdir() if each.name.endswith(".py"))
    return tuple(sorted(name for name in names if name != BEGINNING))


def write_example(name: str, path: Path) -> None:
    """Write an example to a new file, and the stub beside it. Raises ExportError."""
    folder = files("resources") / "scripts"
    try:
        with path.open("xb") as file:
            file.write((folder / f"{name}.py").read_bytes())
        write_stub(path.parent)
    except FileExistsError:
        raise ExportError(f"{path} exists already. Name a file that does not.") from None
    except OSError as error:
        raise ExportError(
            f"{path} cannot be written ({error.strerror or error}). Choose another place."
        ) from error


def write_stub(folder: Path) -> None:
    """Write the stub, or renew it. Raises OSError."""
    (folder / STUB).write_bytes((files("resources") / "scripts" / STUB).read_bytes())
