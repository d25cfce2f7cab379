"""Everything about the filter of the window, put together."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QWidget

from app.actions.registry import Actions
from app.captures.desk import CaptureDesk
from app.filters.cell_menu import CellMenus
from app.filters.filtering import Filtering
from app.filters.live_values import known_values
from app.filters.shelf import FilterShelf
from app.logic.filter_assistant import FilterAssistant
from app.look.icons import Icons
from app.look.theme import Theme
from app.models.connections import ConnectionModel
from app.models.frames import FrameModel
from app.runtime.jobs import Jobs
from app.runtime.refresher import Refresher
from app.settings import Settings
from app.views.detail_tabs import DetailTabs
from app.views.filter.bar import FilterBar
from app.views.frames.table import FrameTable


class FilterDesk:
    """The bar, what it does, what it remembers, and what it adds to the menus of the lists."""

    def __init__(
        self,
        model: FrameModel,
        frames: FrameTable,
        tabs: DetailTabs,
        connections: ConnectionModel,
        desk: CaptureDesk,
        settings: Settings,
        actions: Actions,
        refresher: Refresher,
        jobs: Jobs,
        theme: Theme,
        icons: Icons,
        window: QWidget,
    ) -> None:
        assistant = FilterAssistant(partial(known_values, connections))
        self.bar = FilterBar(assistant, actions, theme, icons)
        self.filtering = Filtering(
            assistant, self.bar, model, frames, desk, settings, actions, refresher, jobs, window
        )
        self.shelf = FilterShelf(self.bar, self.filtering, settings, actions, theme, window)
        self.menus = CellMenus(desk, frames, tabs, self.bar, self.filtering)
