"""Values of the connections that are offered while a filter is typed."""

from __future__ import annotations

from PySide6.QtWidgets import QApplication

from app.filters.live_values import OFFERED, known_values
from app.models.connections import ConnectionModel
from core.query.language import default_language
from tests.tools.qt import dispose
from tests.tools.recorded import CaptureMaker

FIELDS = default_language().fields


def values(model: ConnectionModel, name: str, *rules: str) -> list[tuple[str, str]]:
    field = FIELDS.get(name)
    assert field is not None
    return [(each.text, each.help) for each in known_values(model, lambda: rules, field)]


def test_values_of_the_newest_connections(qapp: QApplication, maker: CaptureMaker) -> None:
    del qapp
    for path in ("/a", '/"b"'):
        maker.peer(path)
    maker.peer("/a", source="between 2")
    model = ConnectionModel()
    model.set_reader(maker.reader())
    assert values(model, "connection") == [("3", "/a"), ("2", '/"b"'), ("1", "/a")]
    assert values(model, "path") == [('"/a"', "of connection 3"), ('"/\\"b\\""', "of connection 2")]
    assert values(model, "peer") == [('"127.0.0.1:50312"', "of connection 3")]
    assert values(model, "subprotocol") == []
    assert values(model, "source") == [('"between 2"', "of connection 3")]
    assert values(model, "opcode") == []
    assert values(model, "rule", "No pings", 'a "b"') == [('"No pings"', ""), ('"a \\"b\\""', "")]
    model.set_reader(None)
    dispose(model)


def test_they_are_few_and_short(qapp: QApplication, maker: CaptureMaker) -> None:
    del qapp
    for number in range(OFFERED + 5):
        maker.peer(f"/{number}")
    maker.peer("/" + "x" * 300)
    model = ConnectionModel()
    model.set_reader(maker.reader())
    assert len(values(model, "path")) == len(values(model, "connection")) == OFFERED
    assert not any("xxx" in text for text, _ in values(model, "path"))
    assert len(values(model, "rule", *map(str, range(OFFERED + 5)))) == OFFERED
    assert values(model, "rule", "x" * 300) == []
    model.set_reader(None)
    dispose(model)
