"""Plain text wrapped to a width, for widgets that paint themselves."""

from __future__ import annotations

from PySide6.QtCore import QPointF
from PySide6.QtGui import QFont, QTextCharFormat, QTextLayout, QTextOption


def lay_out(text: str, font: QFont, width: float, *, bold: int = 0) -> QTextLayout:
    """`text` in lines of at most `width` pixels, broken between words if possible.

    The first `bold` UTF-16 units are bold. Never rich text, whatever it contains.
    """
    layout = QTextLayout(text.replace("\n", "\u2028"), font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    if bold:
        strong = QTextCharFormat()
        strong.setFontWeight(QFont.Weight.DemiBold)
        span = QTextLayout.FormatRange()
        span.start, span.length, span.format = 0, bold, strong
        layout.setFormats([span])
    layout.beginLayout()
    top = 0.0
    while (line := layout.createLine()).isValid():
        line.setLineWidth(width)
        line.setPosition(QPointF(0, top))
        top += line.height()
    layout.endLayout()
    return layout
