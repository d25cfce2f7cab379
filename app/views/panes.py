"""The panes of the window."""

from __future__ import annotations

from dataclasses import dataclass

from app.views.compose.composer import Composer
from app.views.detail_tabs import DetailTabs
from app.views.frames.table import FrameTable
from app.views.sides.connection_list import ConnectionList
from app.views.sides.problem_list import ProblemList
from app.views.sides.tabs import SideTabs
from app.views.sources.source_pane import SourcePane


@dataclass(frozen=True, slots=True)
class Panes:
    """Everything that shows the capture, and the composer. `connections` and `problems` are tabs of `sides`."""

    connections: ConnectionList
    problems: ProblemList
    sides: SideTabs
    sources: SourcePane
    frames: FrameTable
    details: DetailTabs
    composer: Composer
