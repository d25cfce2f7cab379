"""The Handshake tab: the raw heads side by side, how the accept value follows from the key, each header explained."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from app.logic.text import count_bytes, grouped
from app.look.look import Look
from app.look.theme import ThemeRole
from app.views.handshake.raw_head import RawHead
from app.views.parts.anchor_bar import AnchorBar
from app.views.parts.fact_table import Fact, FactColumn, FactTable
from app.views.parts.violation_list import ViolationList
from core.capture.records import ConnectionRecord, ConnectionState, Mode
from core.decoders.visible import visible
from core.errors import HeadError
from core.protocol.extensions import parse_extensions
from core.protocol.handshake import accept_steps
from core.protocol.header_meanings import extension_meaning, header_meaning, parameter_meaning
from core.protocol.headers import Headers
from core.protocol.http11 import HeadKind, HeadLimits, HeadParser, RequestHead, ResponseHead
from core.protocol.violations import Judgement, Violation

_SHOWN_TRAILING = 256
_LIMITS = HeadLimits(max_bytes=1 << 20, max_headers=4096)


def read_head(raw: bytes, kind: HeadKind) -> RequestHead | ResponseHead | None:
    """The head at the beginning of `raw`; None if it is not a head."""
    try:
        return HeadParser(kind, _LIMITS, Judgement.TOLERANT).feed(raw)
    except HeadError:
        return None


class HandshakeView(QScrollArea):
    """One opening handshake, successful or refused."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = look.theme
        self._connection: ConnectionRecord | None = None
        self._shown: tuple[object, ...] = ()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.title = self._label("title")
        self.facts = self._label("muted")
        self.violations = ViolationList(look, 6)
        self.request = RawHead(look.theme, self.tr("Raw request"))
        self.response = RawHead(look.theme, self.tr("Raw response"))
        self.marks = QCheckBox(self.tr("Show line ends"))
        self.marks.setToolTip(self.tr("Show how each line ends: CR LF as \\r\\n, LF alone as \\n"))
        self.accept = self._table(self.tr("Step"), self.tr("Value"), self.tr("What it is"), most=230)
        self.chosen = self._table(self.tr("Agreed"), self.tr("Value"), self.tr("Meaning"), most=230)
        self.request_headers = self._table(self.tr("Header"), self.tr("Value"), self.tr("Meaning"), most=230)
        self.response_headers = self._table(self.tr("Header"), self.tr("Value"), self.tr("Meaning"), most=230)
        self.trailing = self._table(self.tr("Bytes"), self.tr("Hex"), self.tr("What it is"), most=230)
        self._looked_at = self.request
        self._settle = QTimer(self, singleShot=True, interval=0)
        self._settle.timeout.connect(self._bring_into_sight)
        self._arrange()
        self._make_anchors()
        self.violations.violation_chosen.connect(self.show_violation)
        self.marks.toggled.connect(self.request.show_marks)
        self.marks.toggled.connect(self.response.show_marks)
        look.theme.changed.connect(self._restyle)
        self.show_connection(None, ())

    def show_connection(self, connection: ConnectionRecord | None, violations: tuple[Violation, ...]) -> None:
        """Show a handshake, or nothing. Cheap if the same handshake is already shown."""
        if connection is None:
            state: tuple[object, ...] = (None,)
        else:
            c = connection
            refused = c.state is ConnectionState.REFUSED
            heads = (c.id, c.request, c.response, c.status, c.subprotocol, c.extensions)
            state = (*heads, refused, c.trailing_length, violations)
        self._connection = connection
        if state == self._shown:
            return
        self._shown = state
        self._page.setVisible(connection is not None)
        self.anchors.setVisible(connection is not None)
        if connection is not None:
            self.violations.set_violations(violations)
            self._fill(connection)

    def show_violation(self, violation: Violation) -> None:
        """Mark the bytes that broke a rule, in the head that has them."""
        by_server = self._connection is not None and self._connection.mode is Mode.CONNECT
        marked, other = (self.response, self.request) if by_server else (self.request, self.response)
        other.mark(0, 0)
        marked.mark(violation.offset, violation.length)
        if not violation.length:
            # Something is missing and has no bytes; the list at the top names it.
            self.verticalScrollBar().setValue(0)
            return
        self._looked_at = marked
        # Lay out the new content first.
        self._settle.start()

    def _bring_into_sight(self) -> None:
        head = self._looked_at
        place = head.viewport().mapTo(self._page, head.cursorRect().center())
        self.ensureVisible(0, place.y(), 0, self.viewport().height() // 3)

    # Building

    def _label(self, look: str) -> QLabel:
        label = QLabel()
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setProperty("look", look)
        label.setWordWrap(True)
        label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        return label

    def _table(self, first: str, second: str, third: str, *, most: int) -> FactTable:
        columns = (
            FactColumn(first, most=most),
            FactColumn(second, mono=True, most=520),
            FactColumn(third, role=ThemeRole.MUTED),
        )
        table = FactTable(self._theme, columns, stretch=2)
        table.grow_to_content()
        return table

    def _arrange(self) -> None:
        self._page = QWidget()
        self._page.setBackgroundRole(QPalette.ColorRole.Base)
        self.viewport().setBackgroundRole(QPalette.ColorRole.Base)
        layout = QVBoxLayout(self._page)
        layout.setContentsMargins(14, 4, 14, 14)
        layout.setSpacing(6)
        layout.addWidget(self.title)
        layout.addWidget(self.facts)
        layout.addWidget(self.violations)
        layout.addSpacing(4)
        layout.addLayout(self._raw_grid())
        self._sections = {
            table: self._section(layout, title, table)
            for table, title in (
                (self.accept, self.tr("How Sec-WebSocket-Accept follows from the key")),
                (self.chosen, self.tr("Subprotocol and extensions")),
                (self.request_headers, self.tr("Headers of the request")),
                (self.response_headers, self.tr("Headers of the response")),
                (self.trailing, self.tr("After the last frame")),
            )
        }
        layout.addStretch(1)
        self.setWidget(self._page)

    def _make_anchors(self) -> None:
        self.anchors = AnchorBar(self)
        self.anchors.setBackgroundRole(QPalette.ColorRole.Base)
        self.anchors.setAutoFillBackground(True)
        self.anchors.add(self.tr("Raw"), self._request_label)
        self._accept_anchor = self.anchors.add("", self._sections[self.accept])
        for words, table in (
            (self.tr("Agreed"), self.chosen),
            (self.tr("Request headers"), self.request_headers),
            (self.tr("Response headers"), self.response_headers),
            (self.tr("Trailing bytes"), self.trailing),
        ):
            self.anchors.add(words, self._sections[table])
        self.anchors.asked.connect(self._go_to)
        self.setViewportMargins(0, self.anchors.sizeHint().height(), 0, 0)

    def _go_to(self, part: QWidget) -> None:
        top = 0 if part is self._request_label else part.y()
        self.verticalScrollBar().setValue(top)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.anchors.setGeometry(0, 0, self.width(), self.anchors.sizeHint().height())

    def _raw_grid(self) -> QGridLayout:
        self._request_label, self._response_label = self._label("title"), self._label("title")
        right = QHBoxLayout()
        right.addWidget(self._response_label, 1)
        right.addWidget(self.marks)
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.addWidget(self._request_label, 0, 0)
        grid.addLayout(right, 0, 1)
        grid.addWidget(self.request, 1, 0)
        grid.addWidget(self.response, 1, 1)
        grid.setColumnStretch(0, 1)
        grid.setColumnStretch(1, 1)
        return grid

    def _section(self, layout: QVBoxLayout, title: str, table: FactTable) -> QWidget:
        heading = self._label("title")
        heading.setText(title)
        section = QWidget()
        inner = QVBoxLayout(section)
        inner.setContentsMargins(0, 12, 0, 0)
        inner.addWidget(heading)
        inner.addWidget(table)
        layout.addWidget(section)
        return section

    def _set_facts(self, table: FactTable, facts: Iterable[Fact]) -> None:
        """Fill a section, or hide it if it is empty."""
        rows = tuple(facts)
        self._sections[table].setVisible(bool(rows))
        table.set_facts(rows)

    def _restyle(self) -> None:
        if self._connection is not None:
            self._fill_accept(self._connection)

    # Filling

    def _fill(self, connection: ConnectionRecord) -> None:
        request = read_head(connection.request, HeadKind.REQUEST)
        response = read_head(connection.response, HeadKind.RESPONSE)
        self.title.setText(self._headline(connection, request, response))
        self.facts.setText(self._facts(connection))
        self._request_label.setText(self.tr("Request · {0}").format(count_bytes(len(connection.request))))
        self._response_label.setText(self.tr("Response · {0}").format(count_bytes(len(connection.response))))
        self.request.show_raw(connection.request)
        self.response.show_raw(connection.response)
        self._fill_accept(connection)
        self._fill_chosen(connection, request)
        self._fill_headers(self.request_headers, request)
        self._fill_headers(self.response_headers, response)
        self._set_facts(self.trailing, self._trailing_facts(connection))
        self.anchors.refresh()
        self.verticalScrollBar().setValue(0)

    def _headline(
        self,
        connection: ConnectionRecord,
        request: RequestHead | ResponseHead | None,
        response: RequestHead | ResponseHead | None,
    ) -> str:
        asked = self.tr("These bytes are no HTTP request")
        if isinstance(request, RequestHead):
            asked = f"{request.method} {request.target}"
        elif not connection.request:
            asked = self.tr("Nothing was sent")
        if isinstance(response, ResponseHead):
            answer = f"{response.status} {response.reason}"
        else:
            answer = str(connection.status) if connection.status else self.tr("no answer")
        return visible(f"{asked}  →  {answer}")

    def _facts(self, connection: ConnectionRecord) -> str:
        facts = [self.tr("{0} to {1}").format(connection.peer, connection.local)]
        if connection.request:
            facts.append(
                self.tr("no Origin")
                if connection.origin is None
                else self.tr("origin {0}").format(connection.origin)
            )
        if connection.state is ConnectionState.REFUSED:
            facts.append(self.tr("refused: {0}").format(connection.reason or self.tr("no reason recorded")))
        elif connection.state is ConnectionState.SERVED:
            facts.append(self.tr("a plain HTTP request, answered with a page"))
        elif connection.status == 101:
            facts.append(self.tr("subprotocol {0}").format(connection.subprotocol or self.tr("none")))
            facts.append(self.tr("extensions {0}").format(connection.extensions or self.tr("none")))
        return visible(" · ".join(facts))

    def _fill_accept(self, connection: ConnectionRecord) -> None:
        request = read_head(connection.request, HeadKind.REQUEST)
        response = read_head(connection.response, HeadKind.RESPONSE)
        key = None if request is None else request.headers.get("Sec-WebSocket-Key")
        if key is None:
            self._set_facts(self.accept, ())
            return
        steps = accept_steps(key.strip())
        sent = None if response is None else response.headers.get("Sec-WebSocket-Accept")
        verdict, role = self._verdict(steps.accept, sent)
        self._accept_anchor.setText(self.tr("Accept {mark}").format(mark=verdict[0]))
        self._set_facts(
            self.accept,
            (
                Fact((self.tr("1  Sec-WebSocket-Key"), visible(key), self._key_bytes(key))),
                Fact(
                    (
                        self.tr("2  Key + GUID"),
                        visible(steps.joined),
                        self.tr("The GUID is the same for all. RFC 6455 §1.3"),
                    )
                ),
                Fact((self.tr("3  SHA-1 of that"), steps.sha1.hex(" "), self.tr("20 bytes, as hex."))),
                Fact((self.tr("4  Base64 of that"), steps.accept, self.tr("What the response must carry."))),
                Fact(
                    (self.tr("5  Sec-WebSocket-Accept"), visible(sent or "—"), verdict),
                    self._theme.color(role),
                ),
            ),
        )

    def _key_bytes(self, key: str) -> str:
        try:
            decoded = base64.b64decode(key.strip(), validate=True)
        except (binascii.Error, ValueError):
            return self.tr("Not Base64, though it must be the Base64 of 16 bytes.")
        if len(decoded) != 16:
            return self.tr("The Base64 of {0}; it must be 16.").format(count_bytes(len(decoded)))
        return self.tr("The Base64 of 16 random bytes: {0}").format(decoded.hex(" "))

    def _verdict(self, expected: str, sent: str | None) -> tuple[str, ThemeRole]:
        if sent is None:
            return self.tr("✗ The response carries none."), ThemeRole.WARNING
        if sent.strip() == expected:
            return self.tr("✓ The response carries exactly this."), ThemeRole.SUCCESS
        return self.tr("✗ The response carries something else."), ThemeRole.ERROR

    def _fill_chosen(self, connection: ConnectionRecord, request: RequestHead | ResponseHead | None) -> None:
        headers = None if request is None else request.headers
        self._set_facts(self.chosen, self._chosen_facts(connection, headers))

    def _chosen_facts(self, connection: ConnectionRecord, headers: Headers | None) -> Iterable[Fact]:
        if connection.status != 101:
            return
        offered = () if headers is None else headers.tokens("Sec-WebSocket-Protocol")
        if connection.subprotocol:
            meaning = self.tr("What the messages mean is up to it. The client offered: {0}").format(
                ", ".join(offered)
            )
            yield Fact((self.tr("Subprotocol"), visible(connection.subprotocol), visible(meaning)))
        elif offered:
            meaning = self.tr("The client offered {0}; the server chose none.").format(", ".join(offered))
            yield Fact((self.tr("Subprotocol"), "—", visible(meaning)))
        extensions, _ = parse_extensions((connection.extensions,) if connection.extensions else ())
        for extension in extensions:
            yield Fact((self.tr("Extension"), visible(extension.name), extension_meaning(extension.name)))
            for name, value in extension.params:
                shown = name if value is None else f"{name}={value}"
                yield Fact(("", visible(shown), visible(parameter_meaning(extension, name, value))))
        if not extensions and headers is not None and headers.get("Sec-WebSocket-Extensions"):
            yield Fact(
                (self.tr("Extensions"), "—", self.tr("The client offered some; the server took none."))
            )

    def _trailing_facts(self, connection: ConnectionRecord) -> Iterable[Fact]:
        """Describe the bytes after the last frame."""
        if not connection.trailing_length:
            return
        shown = connection.trailing[:_SHOWN_TRAILING]
        meaning = self.tr("These bytes are no frame.")
        if len(shown) < connection.trailing_length:
            meaning += " " + self.tr("The first {0} are shown.").format(grouped(len(shown)))
        yield Fact((grouped(connection.trailing_length), shown.hex(" "), meaning))

    def _fill_headers(self, table: FactTable, head: RequestHead | ResponseHead | None) -> None:
        items = () if head is None else head.headers.items
        facts = (Fact((visible(name), visible(value), header_meaning(name))) for name, value in items)
        self._set_facts(table, facts)
