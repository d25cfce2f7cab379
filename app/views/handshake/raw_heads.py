"""The raw heads of a connection: what was asked at the left, what was answered at the right.

Where Unmask stands between two others and passed a head on with other lines, both are shown below each other, and the
lines that differ have a ground of their own.
"""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox, QGridLayout, QLabel, QWidget

from app.logic.shown_handshake import DIALLED, LISTENED, Differences, ShownHandshake, differences
from app.logic.text import count_bytes
from app.look.look import Look
from app.views.handshake.raw_head import RawHead
from app.views.parts.selectable_label import selectable_label
from core.capture.legs import HeadPlace
from core.decoders.visible import visible

_NAMED = 4
"""Headers that a label names; of more there is a number."""


class RawHeads(QWidget):
    """Up to four heads. `request` and `response` are as their authors wrote them."""

    def __init__(self, look: Look, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.request = RawHead(look.theme, self.tr("Raw request"))
        self.response = RawHead(look.theme, self.tr("Raw response"))
        self.passed_request = RawHead(look.theme, self.tr("Raw request as it went on to the server"))
        self.passed_response = RawHead(look.theme, self.tr("Raw response as it went on to the client"))
        self.marks = QCheckBox(self.tr("Show line ends"))
        self.marks.setToolTip(self.tr("Show how each line ends: CR LF as \\r\\n, LF alone as \\n"))
        self.request_label, self.response_label = selectable_label("title"), selectable_label("title")
        self.passed_request_label, self.passed_response_label = (
            selectable_label("title"),
            selectable_label("title"),
        )
        self._boxes: dict[HeadPlace, RawHead] = {}
        for box in (self.request, self.response, self.passed_request, self.passed_response):
            self.marks.toggled.connect(box.show_marks)
        self._arrange()

    def show_handshake(self, shown: ShownHandshake) -> None:
        """Show the heads of a connection."""
        self._boxes = {shown.request_place: self.request, shown.response_place: self.response}
        self._fill(
            (shown, shown.request_place, shown.passed_request),
            (self.request, self.passed_request),
            (self.request_label, self.passed_request_label),
        )
        self._fill(
            (shown, shown.response_place, shown.passed_response),
            (self.response, self.passed_response),
            (self.response_label, self.passed_response_label),
        )

    def box(self, place: HeadPlace | None) -> RawHead | None:
        """The box that shows a head; None if none does."""
        return None if place is None else self._boxes.get(place)

    def mark(self, place: HeadPlace | None, offset: int, length: int) -> RawHead | None:
        """Mark bytes of one head and none of the others; gives its box."""
        marked = self.box(place)
        for box in (self.request, self.response, self.passed_request, self.passed_response):
            box.mark(*((offset, length) if box is marked else (0, 0)))
        return marked

    def _arrange(self) -> None:
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.addWidget(self.request_label, 0, 0)
        grid.addWidget(self.response_label, 0, 1)
        for row, widgets in enumerate(
            (
                (self.request, self.response),
                (self.passed_request_label, self.passed_response_label),
                (self.passed_request, self.passed_response),
            ),
            1,
        ):
            for column, widget in enumerate(widgets):
                grid.addWidget(widget, row, column)
        for column in (0, 1):
            grid.setColumnStretch(column, 1)

    def _fill(
        self,
        what: tuple[ShownHandshake, HeadPlace, HeadPlace | None],
        boxes: tuple[RawHead, RawHead],
        labels: tuple[QLabel, QLabel],
    ) -> None:
        shown, place, passed = what
        raw = shown.raw(place)
        found = Differences()
        if passed is not None:
            self._boxes[passed] = boxes[1]
            found = differences(raw, shown.raw(passed))
            boxes[1].show_raw(shown.raw(passed), found.after)
            labels[1].setText(self._passed_words(place, len(shown.raw(passed)), found))
        else:
            labels[1].setText(self._unchanged_words(shown, place))
        boxes[0].show_raw(raw, found.before)
        labels[0].setText(
            self._words(shown, place).format(count_bytes(len(raw))) + self._masked(shown, place)
        )
        labels[1].setVisible(bool(labels[1].text()))
        labels[1].setProperty("look", "title" if passed is not None else "muted")
        labels[1].style().unpolish(labels[1])
        labels[1].style().polish(labels[1])
        boxes[1].setVisible(passed is not None)

    def _masked(self, shown: ShownHandshake, place: HeadPlace) -> str:
        is_masked = any(head.is_masked for head in shown.heads if head.place is place)
        return self.tr(" · secrets are shown as *") if is_masked else ""

    def _words(self, shown: ShownHandshake, place: HeadPlace) -> str:
        if not shown.is_relayed:
            is_request = place in (LISTENED[0], DIALLED[0])
            return self.tr("Request · {0}") if is_request else self.tr("Response · {0}")
        return {
            HeadPlace.CLIENT_REQUEST: self.tr("Request of the client · {0}"),
            HeadPlace.SERVER_REQUEST: self.tr("Request to the server · {0}"),
            HeadPlace.CLIENT_RESPONSE: self.tr("Answer of Unmask to the client · {0}"),
            HeadPlace.SERVER_RESPONSE: self.tr("Response of the server · {0}"),
        }[place]

    def _passed_words(self, place: HeadPlace, length: int, found: Differences) -> str:
        names = [self.tr("first line") if not name else visible(name) for name in found.names]
        differing = ", ".join(names[:_NAMED])
        if len(names) > _NAMED:
            differing = self.tr("{count} lines").format(count=len(names))
        if place is HeadPlace.CLIENT_REQUEST:
            text = self.tr("As it went on to the server · {0} · differs in: {1}")
        else:
            text = self.tr("As it went on to the client · {0} · differs in: {1}")
        return text.format(count_bytes(length), differing)

    def _unchanged_words(self, shown: ShownHandshake, place: HeadPlace) -> str:
        """What became of a head that has no other form."""
        if not shown.is_relayed or not shown.raw(place):
            return ""
        if place is HeadPlace.CLIENT_REQUEST:
            if shown.reached_server:
                return self.tr("It went on to the server byte for byte.")
            return self.tr("It did not go on: there was no connection to the server.")
        if place is HeadPlace.SERVER_RESPONSE:
            return self.tr("It went on to the client byte for byte.")
        return self.tr("It did not come from the server.")
