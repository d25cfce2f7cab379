"""`unmask probe` before it sends anything: what it asks, and what it refuses."""

from __future__ import annotations

import pytest

from app.cli import main
from core.probe.registry import PRESETS

NOWHERE = "ws://127.0.0.1:9/"


def test_nothing_but_loopback_is_probed_without_a_yes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "ws://probe.example/"]) == 1
    assert "Nothing is sent. ws://probe.example/ gets up to" in capsys.readouterr().err
    assert main(["probe", "--listen", "0.0.0.0:0"]) == 1
    assert "Add --yes" in capsys.readouterr().err


def test_a_server_that_is_not_there_gives_status_1(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", NOWHERE, "--only", "rsv1-set"]) == 1
    assert "can't be reached" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "Name a URL"),
        ((NOWHERE, "--listen", "0"), "Name a URL"),
        ((NOWHERE, "--only", "nothing-such"), "'nothing-such'"),
        (("--listen", "9000", "--only", "mask-missing"), "'mask-missing'"),
        (("http:/nowhere",), "is no URL"),
    ],
)
def test_what_cannot_be_probed_is_said(
    words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["probe", *words]) == 1
    assert sentence in capsys.readouterr().err


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--rate", "1000"), "1000 is no rate"),
        (("--patience", "soon"), "'soon' is no number"),
        (("--patience", "0"), "0 is no such time"),
        (("--header", "X"), "'X' is no header"),
    ],
)
def test_words_that_are_not_understood_give_status_2(
    words: tuple[str, ...], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["probe", NOWHERE, *words])
    assert ended.value.code == 2
    assert sentence in capsys.readouterr().err


def test_the_presets_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["probe", "--list"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [preset.id for preset in PRESETS]
