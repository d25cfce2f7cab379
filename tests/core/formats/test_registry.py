from __future__ import annotations

import pytest

from core.errors import CallerError
from core.formats.jsonl import JsonLines
from core.formats.registry import Formats, default_formats


def test_the_formats_come_by_name_and_in_order() -> None:
    formats = default_formats()
    assert formats.names() == tuple(each.name for each in formats) == ("jsonl",)
    assert isinstance(formats.get("jsonl"), JsonLines)


def test_an_unknown_format_is_said_with_those_there_are() -> None:
    with pytest.raises(CallerError, match=r"There is no format “xml”\. There are: jsonl\."):
        default_formats().get("xml")
    with pytest.raises(CallerError):
        Formats(()).get("jsonl")


def test_every_format_can_be_shown_to_a_person() -> None:
    for each in default_formats():
        assert each.title
        assert each.help.endswith(".")
        assert each.ending.startswith(".")
