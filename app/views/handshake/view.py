"""The Handshake tab: the raw heads side by side, how the accept value follows from the key, each header explained."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QPalette, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QVBoxLayout, QWidget

from app.logic.leg_timings import timings
from app.logic.shown_handshake import ShownHandshake
from app.look.look import Look
from app.look.theme import ThemeRole
from app.views.handshake.facts import HandshakeFacts, header_facts
from app.views.handshake.raw_heads import RawHeads
from app.views.handshake.time_bars import TimeBars
from app.views.handshake.tls_rows import tls_rows
from app.views.parts.anchor_bar import AnchorBar
from app.views.parts.fact_table import Fact, FactColumn, FactTable
from app.views.parts.selectable_label import selectable_label
from app.views.parts.violation_list import ViolationList
from core.capture.legs import HeadPlace
from core.protocol.state import Role
from core.protocol.violations import Violation


class HandshakeView(QScrollArea):
    """One opening handshake, successful or refused, on one leg or on two."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = look.theme
        self._handshake: ShownHandshake | None = None
        self._shown: tuple[object, ...] = ()
        self._legs_shown: tuple[object, ...] = ()
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.title = selectable_label("title")
        self.facts = selectable_label("muted")
        self.violations = ViolationList(look, 6)
        self.raw = RawHeads(look)
        self.request, self.response, self.marks = self.raw.request, self.raw.response, self.raw.marks
        self.times = TimeBars(look.theme)
        meaning = self.tr("Meaning")
        self.legs = self._table(
            "", self.tr("Client ⇄ Unmask"), self.tr("Unmask ⇄ server"), muted=False, most=300
        )
        self.tls_client = self._table("TLS", self.tr("Value"), self.tr("What it is"), most=330, least=170)
        self.tls_server = self._table("TLS", self.tr("Value"), self.tr("What it is"), most=330, least=170)
        self.accept = self._table(self.tr("Step"), self.tr("Value"), self.tr("What it is"))
        self.chosen = self._table(self.tr("Agreed"), self.tr("Value"), meaning)
        self.request_headers = self._table(self.tr("Header"), self.tr("Value"), meaning)
        self.response_headers = self._table(self.tr("Header"), self.tr("Value"), meaning)
        self.trailing = self._table(self.tr("Bytes"), self.tr("Hex"), self.tr("What it is"))
        self._looked_at = self.request
        self._settle = QTimer(self, singleShot=True, interval=0)
        self._settle.timeout.connect(self._bring_into_sight)
        self._arrange()
        self._make_anchors()
        self.violations.violation_chosen.connect(self._show_chosen)
        look.theme.changed.connect(self._restyle)
        self.show_handshake(None)

    def show_handshake(self, shown: ShownHandshake | None) -> None:
        """Show a handshake, or nothing. Cheap if the same handshake is already shown."""
        self._handshake = shown
        self._page.setVisible(shown is not None)
        self.anchors.setVisible(shown is not None)
        if shown is None:
            self._shown = self._legs_shown = ()
            return
        record = shown.record
        heads = (record.id, shown.heads, record.status, record.subprotocol, record.extensions, record.state)
        state = (*heads, record.closed_by, record.close_code, shown.problems, shown.reached_server)
        if state != self._shown:
            is_another = self._shown[:1] != state[:1]
            self._shown = state
            self._fill(shown)
            if is_another:
                self.verticalScrollBar().setValue(0)
        if shown.legs != self._legs_shown:
            self._legs_shown = shown.legs
            self._fill_legs(shown)

    def show_violation(self, violation: Violation, place: HeadPlace | None = None) -> None:
        """Mark the bytes that broke a rule, in the head that has them."""
        marked = self.raw.mark(place, violation.offset, violation.length)
        if marked is None or not violation.length:
            # Something is missing and has no bytes; the list at the top names it.
            self.verticalScrollBar().setValue(0)
            return
        self._looked_at = marked
        # Lay out the new content first.
        self._settle.start()

    def _show_chosen(self, violation: Violation) -> None:
        if self._handshake is not None:
            self.show_violation(violation, self._handshake.place_of(violation))

    def _bring_into_sight(self) -> None:
        head = self._looked_at
        place = head.viewport().mapTo(self._page, head.cursorRect().center())
        self.ensureVisible(0, place.y(), 0, self.viewport().height() // 3)

    # Building

    def _table(
        self, first: str, second: str, third: str, *, muted: bool = True, most: int = 520, least: int = 230
    ) -> FactTable:
        """`least` and `most` are the greatest widths of the first and the second column."""
        columns = (
            FactColumn(first, most=least),
            FactColumn(second, mono=True, most=most),
            FactColumn(third, mono=not muted, role=ThemeRole.MUTED if muted else ThemeRole.TEXT),
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
        top = QHBoxLayout()
        top.addWidget(self.title, 1)
        top.addWidget(self.marks, 0, Qt.AlignmentFlag.AlignTop)
        layout.addLayout(top)
        layout.addWidget(self.facts)
        layout.addWidget(self.violations)
        layout.addSpacing(4)
        layout.addWidget(self.raw)
        self._sections: dict[QWidget, QWidget] = {}
        for part, title in (
            (self.times, self.tr("How long it took")),
            (self.legs, self.tr("The two legs")),
            (self.tls_server, self.tr("TLS with the server")),
            (self.tls_client, self.tr("TLS with the client")),
            (self.accept, self.tr("How Sec-WebSocket-Accept follows from the key")),
            (self.chosen, self.tr("Subprotocol and extensions")),
            (self.request_headers, self.tr("Headers of the request")),
            (self.response_headers, self.tr("Headers of the response")),
            (self.trailing, self.tr("After the last frame")),
        ):
            self._sections[part] = self._section(layout, title, part)
        layout.addStretch(1)
        self.setWidget(self._page)

    def _make_anchors(self) -> None:
        self.anchors = AnchorBar(self)
        self.anchors.setBackgroundRole(QPalette.ColorRole.Base)
        self.anchors.setAutoFillBackground(True)
        self.anchors.add(self.tr("Raw"), self.raw)
        self._accept_anchor = self.anchors.add("", self._sections[self.accept])
        for words, part in (
            (self.tr("Times"), self.times),
            (self.tr("Legs"), self.legs),
            (self.tr("TLS server"), self.tls_server),
            (self.tr("TLS client"), self.tls_client),
            (self.tr("Agreed"), self.chosen),
            (self.tr("Request"), self.request_headers),
            (self.tr("Response"), self.response_headers),
            (self.tr("Trailing bytes"), self.trailing),
        ):
            self.anchors.add(words, self._sections[part])
        self.anchors.asked.connect(self._go_to)
        self.setViewportMargins(0, self.anchors.sizeHint().height(), 0, 0)

    def _go_to(self, part: QWidget) -> None:
        self.verticalScrollBar().setValue(0 if part is self.raw else part.y())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.anchors.setGeometry(0, 0, self.width(), self.anchors.sizeHint().height())

    def _section(self, layout: QVBoxLayout, title: str, part: QWidget) -> QWidget:
        heading = selectable_label("title")
        heading.setText(title)
        section = QWidget()
        inner = QVBoxLayout(section)
        inner.setContentsMargins(0, 12, 0, 0)
        inner.addWidget(heading)
        inner.addWidget(part)
        layout.addWidget(section)
        return section

    def _set_facts(self, table: FactTable, facts: Iterable[Fact]) -> None:
        """Fill a section, or hide it if it is empty."""
        rows = tuple(facts)
        self._sections[table].setVisible(bool(rows))
        table.set_facts(rows)

    def _restyle(self) -> None:
        if self._handshake is not None:
            self._fill_accept(HandshakeFacts(self._theme, self._handshake))
            self._fill_legs(self._handshake)

    # Filling

    def _fill(self, shown: ShownHandshake) -> None:
        facts = HandshakeFacts(self._theme, shown)
        self.title.setText(facts.headline())
        self.facts.setText(facts.summary())
        self.violations.set_violations(
            tuple(each.violation for each in shown.problems),
            (lambda violation: self._whose(shown.place_of(violation))) if shown.is_relayed else None,
        )
        self.raw.show_handshake(shown)
        self._fill_accept(facts)
        self._set_facts(self.chosen, facts.chosen())
        self._set_facts(self.request_headers, header_facts(facts.request))
        self._set_facts(self.response_headers, header_facts(facts.response))

    def _fill_accept(self, facts: HandshakeFacts) -> None:
        mark, rows = facts.accept()
        self._accept_anchor.setText(self.tr("Accept {mark}").format(mark=mark))
        self._set_facts(self.accept, rows)

    def _fill_legs(self, shown: ShownHandshake) -> None:
        facts = HandshakeFacts(self._theme, shown)
        steps = timings(shown.legs)
        self.times.show_timings(steps)
        self._sections[self.times].setVisible(bool(steps))
        self._set_facts(self.legs, facts.legs())
        self._set_facts(self.tls_server, tls_rows(self._theme, shown.leg(Role.SERVER)))
        self._set_facts(self.tls_client, tls_rows(self._theme, shown.leg(Role.CLIENT)))
        self._set_facts(self.trailing, facts.trailing())
        self.anchors.refresh()

    def _whose(self, place: HeadPlace | None) -> str:
        """Who broke a rule."""
        if place is None:
            return self.tr("Connection")
        return {
            HeadPlace.CLIENT_REQUEST: self.tr("Request of the client"),
            HeadPlace.CLIENT_RESPONSE: self.tr("Answer to the client"),
            HeadPlace.SERVER_REQUEST: self.tr("Request to the server"),
            HeadPlace.SERVER_RESPONSE: self.tr("Response of the server"),
        }[place]
