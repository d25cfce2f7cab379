from __future__ import annotations

import itertools
import math

import pytest
from PySide6.QtGui import QColor, QFontMetricsF
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from app.look.folders import ICON_FOLDER
from app.look.icons import IconName, Icons
from app.look.theme import Theme, ThemeChoice, ThemeRole
from app.views.parts.connection_mark import connection_role

_TEXT_ROLES = (
    ThemeRole.TEXT, ThemeRole.MUTED, ThemeRole.CLIENT, ThemeRole.SERVER, ThemeRole.ERROR, ThemeRole.WARNING,
    ThemeRole.NOTE, ThemeRole.SUCCESS, ThemeRole.JSON_KEY, ThemeRole.JSON_STRING, ThemeRole.JSON_NUMBER,
    ThemeRole.JSON_LITERAL, ThemeRole.MASK, ThemeRole.HEADER,
)  # fmt: skip
_GROUNDS_OF_TEXT = (
    ThemeRole.BACKGROUND, ThemeRole.SURFACE, ThemeRole.RAISED, ThemeRole.HOVER, ThemeRole.SELECTION,
    ThemeRole.SELECTION_INACTIVE, ThemeRole.CLIENT_TINT, ThemeRole.SERVER_TINT, ThemeRole.HIGHLIGHT,
    ThemeRole.FIELD_1, ThemeRole.FIELD_2, ThemeRole.FIELD_3, ThemeRole.FIELD_4, ThemeRole.FIELD_5,
    ThemeRole.FIELD_6,
)  # fmt: skip


@pytest.fixture(params=[ThemeChoice.LIGHT, ThemeChoice.DARK])
def either(request: pytest.FixtureRequest, qapp: QApplication) -> Theme:
    theme = Theme(qapp, request.param)
    theme.dress()
    return theme


def luminance(colour: QColor) -> float:
    """WCAG 2.1's relative luminance."""
    parts = [
        part / 12.92 if part <= 0.03928 else float(((part + 0.055) / 1.055) ** 2.4)
        for part in (colour.redF(), colour.greenF(), colour.blueF())
    ]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def contrast(one: QColor, other: QColor) -> float:
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("role", _TEXT_ROLES)
def test_every_text_colour_is_readable_on_the_surface(either: Theme, role: ThemeRole) -> None:
    assert contrast(either.color(role), either.color(ThemeRole.SURFACE)) >= 4.5


@pytest.mark.parametrize("ground", _GROUNDS_OF_TEXT)
def test_text_is_readable_on_every_ground(either: Theme, ground: ThemeRole) -> None:
    assert contrast(either.color(ThemeRole.TEXT), either.color(ground)) >= 7


def test_text_on_the_accent_is_readable(either: Theme) -> None:
    assert contrast(either.color(ThemeRole.ON_ACCENT), either.color(ThemeRole.ACCENT)) >= 4.5


_CONNECTIONS = tuple(connection_role(number) for number in range(1, 9))
_GROUNDS_OF_MARKS = (
    ThemeRole.SURFACE, ThemeRole.BACKGROUND, ThemeRole.RAISED, ThemeRole.HOVER, ThemeRole.SELECTION,
    ThemeRole.SELECTION_INACTIVE, ThemeRole.CLIENT_TINT, ThemeRole.SERVER_TINT, ThemeRole.HIT,
)  # fmt: skip


@pytest.mark.parametrize("role", _CONNECTIONS)
def test_a_connections_mark_is_seen_on_every_ground(either: Theme, role: ThemeRole) -> None:
    # WCAG 2.1, 1.4.11: graphics.
    assert min(contrast(either.color(role), either.color(ground)) for ground in _GROUNDS_OF_MARKS) >= 3


def test_connections_marks_are_told_apart(either: Theme) -> None:
    assert len(set(_CONNECTIONS)) == 8
    assert connection_role(9) is connection_role(1)
    for one, other in itertools.combinations(_CONNECTIONS, 2):
        assert distance(either.color(one), either.color(other)) >= 30, (one, other)


def distance(one: QColor, other: QColor) -> float:
    """CIE 1976 ΔE*ab; from 10 on two colours look different at a glance."""
    return math.dist(lab(one), lab(other))


def lab(colour: QColor) -> tuple[float, float, float]:
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (colour.redF(), colour.greenF(), colour.blueF())
    ]
    x, y, z = (
        sum(share * part for share, part in zip(row, linear, strict=True)) / white
        for row, white in (
            ((0.4124, 0.3576, 0.1805), 0.95047),
            ((0.2126, 0.7152, 0.0722), 1.0),
            ((0.0193, 0.1192, 0.9505), 1.08883),
        )
    )
    x, y, z = (part ** (1 / 3) if part > 0.008856 else 7.787 * part + 16 / 116 for part in (x, y, z))
    return 116 * y - 16, 500 * (x - y), 200 * (y - z)


def test_a_choice_changes_palette_and_tells(qapp: QApplication, qtbot: QtBot) -> None:
    theme = Theme(qapp, ThemeChoice.LIGHT)
    light = qapp.palette().window().color()
    with qtbot.waitSignal(theme.changed):
        theme.set_choice(ThemeChoice.DARK)
    assert theme.is_dark
    assert luminance(qapp.palette().window().color()) < luminance(light)
    with qtbot.assertNotEmitted(theme.changed):
        theme.set_choice(ThemeChoice.DARK)


def test_the_stylesheet_comes_when_the_window_is_complete(qapp: QApplication) -> None:
    theme = Theme(qapp, ThemeChoice.LIGHT)
    assert qapp.styleSheet() == ""
    theme.set_choice(ThemeChoice.DARK)
    assert qapp.styleSheet() == ""
    theme.dress()
    dark = qapp.styleSheet()
    theme.set_choice(ThemeChoice.LIGHT)
    assert qapp.styleSheet() not in ("", dark)


def test_a_colour_handed_out_is_a_copy(theme: Theme) -> None:
    theme.color(ThemeRole.TEXT).setRgb(1, 2, 3)
    assert theme.color(ThemeRole.TEXT) != QColor(1, 2, 3)


def test_the_mono_font_is_monospaced(theme: Theme) -> None:
    metrics = QFontMetricsF(theme.mono_font())
    assert metrics.horizontalAdvance("iiii") == metrics.horizontalAdvance("WWWW")
    assert theme.mono_font(delta=2).pointSizeF() == theme.mono_font().pointSizeF() + 2


def test_a_picture_is_drawn_once(theme: Theme) -> None:
    icons = Icons(theme)

    def key(role: ThemeRole = ThemeRole.TEXT, size: int = 16, ratio: float = 1.0) -> int:
        return icons.pixmap(IconName.BOOK, role, size, ratio).cacheKey()

    drawn = key()
    assert key() == drawn
    others = {key(ThemeRole.ERROR), key(size=18), key(size=8, ratio=2.0)}
    assert len(others | {drawn}) == 4
    theme.set_choice(ThemeChoice.DARK)
    assert key() not in {drawn, *others}, "the colour is another one"
    theme.set_choice(ThemeChoice.LIGHT)
    assert key() == drawn


def test_pictures_are_held_within_bounds(theme: Theme, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("app.look.icons.HELD", 3)
    icons = Icons(theme)
    pages = [icons.pixmap(IconName.PAGE, ThemeRole.TEXT, size).cacheKey() for size in (10, 11, 12)]
    assert icons.pixmap(IconName.PAGE, ThemeRole.TEXT, 10).cacheKey() == pages[0]
    icons.pixmap(IconName.PAGE, ThemeRole.TEXT, 13)
    assert icons.pixmap(IconName.PAGE, ThemeRole.TEXT, 10).cacheKey() == pages[0]
    assert icons.pixmap(IconName.PAGE, ThemeRole.TEXT, 11).cacheKey() != pages[1], (
        "the one least lately asked for"
    )


def test_every_icon_is_there_and_is_tinted(icons: Icons, theme: Theme) -> None:
    for name in IconName:
        image = icons.pixmap(name, ThemeRole.ERROR, 24, 2.0).toImage()
        assert image.width() == 48
        colours = {
            image.pixelColor(x, y).name()
            for x in range(48)
            for y in range(48)
            if image.pixelColor(x, y).alpha() == 255
        }
        assert theme.name(ThemeRole.ERROR) in colours, name


def test_every_svg_has_a_name() -> None:
    of_style_sheet = {"chevron-up", "chevron-down", "check-light", "check-dark"}
    files = {path.stem for path in ICON_FOLDER.glob("*.svg")} - {"unmask"} - of_style_sheet
    assert files == {name.value for name in IconName}
