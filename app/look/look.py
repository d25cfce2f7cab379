"""What a part of the window needs to look right."""

from __future__ import annotations

from dataclasses import dataclass

from app.look.icons import Icons
from app.look.theme import Theme


@dataclass(frozen=True, slots=True)
class Look:
    """The theme, and the icons tinted with its colours."""

    theme: Theme
    icons: Icons
