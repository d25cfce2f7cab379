"""Everything about the filter of the window, put together."""

from __future__ import annotations

from functools import partial

from PySide6.QtWidgets import QWidget

from app.actions import Actions
from app.capture_desk import CaptureDesk
from app.cell_menu import CellMenus
from app.filter_assistant import FilterAssistant
from app.filter_shelf import FilterShelf
from app.filtering import Filtering
from app.icons import Icons
from app.jobs import Jobs
from app.live_values import known_values
from app.models.connections import ConnectionModel
from app.models.frames import FrameModel
from app.refresher import Refresher
from app.settings import Settings
from app.theme import Theme
from app.views.detail_tabs import DetailTabs
from app.views.filter_bar import FilterBar
from app.views.frame_table import FrameTable


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
