"""`unmask script` writes a file to begin with."""

from __future__ import annotations

from pathlib import Path

import pytest

from app.cli import main
from app.logic.script_examples import STUB, example_names
from tests.tools.scripts_page import EXAMPLES


def test_a_script_to_begin_with(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.py"
    assert main(["script", str(path)]) == 0
    assert path.read_bytes() == (EXAMPLES / "begin.py").read_bytes()
    assert (tmp_path / STUB).read_bytes() == (EXAMPLES / STUB).read_bytes()
    assert f"unmask --script {path}" in capsys.readouterr().err


def test_what_is_there_stays(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.py"
    path.write_text("mine")
    assert main(["script", str(path)]) == 1
    assert path.read_text() == "mine"
    assert f"{path} exists already. Name a file that does not." in capsys.readouterr().err
    assert main(["script", str(tmp_path / "nowhere" / "mine.py")]) == 1
    assert "cannot be written (No such file or directory)" in capsys.readouterr().err


@pytest.mark.parametrize("name", example_names())
def test_each_example(tmp_path: Path, name: str) -> None:
    path = tmp_path / "mine.py"
    assert main(["script", "--example", name, str(path)]) == 0
    assert path.read_bytes() == (EXAMPLES / f"{name}.py").read_bytes()


def test_a_script_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--headless", "--script", str(tmp_path / "no.py")]) == 1
    assert f"There is no file {tmp_path / 'no.py'}." in capsys.readouterr().err
