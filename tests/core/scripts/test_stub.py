"""Editors know what scripts work with."""

from __future__ import annotations

from core.scripts import unmask_script
from tests.tools.make_stub import SOURCE, STUB, stub


def test_the_stub_is_in_step() -> None:
    assert STUB.read_text("utf-8") == stub(SOURCE.read_text("utf-8")), "run python -m tests.tools.make_stub"


def test_the_stub_has_every_public_name() -> None:
    text = STUB.read_text("utf-8")
    assert [
        name for name in unmask_script.__all__ if f" {name}" not in text and f"\n{name} =" not in text
    ] == []
    public = {name for name in vars(unmask_script) if not name.startswith("_")}
    assert public - set(unmask_script.__all__) == {"annotations", "Any", "Literal"}


def test_the_stub_can_be_read_by_itself() -> None:
    assert "core" not in STUB.read_text("utf-8").split('"""')[2]
    compile(STUB.read_text("utf-8"), str(STUB), "exec")
