"""The one stylesheet, filled from the theme's roles.

Widgets opt into a look by the property `look`: buttons `primary`, `pill`, `quiet`, `status`, `anchor`, `fold`, `link`;
labels `muted`, `title`, `headline`, `code`, `error`, `warning`, `success`; frames `card`, `pane`. An editor with the
property `invalid` gets a red border.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from string import Template

_TEMPLATE = Template("""
QWidget { outline: 0; }
QMainWindow, QDialog { background: $BACKGROUND; }
QToolTip { color: $TEXT; background: $RAISED; border: 1px solid $BORDER; padding: 4px 6px; }

QToolBar { background: $BACKGROUND; border: 0; border-bottom: 1px solid $BORDER; padding: 5px 8px;
    spacing: 3px; }
QToolBar::separator { background: $BORDER; width: 1px; margin: 5px 6px; }
QToolButton { border: 1px solid transparent; border-radius: 6px; padding: 4px 7px; color: $TEXT;
    background: transparent; }
QToolButton[words="true"] { padding-right: 0; }
QToolButton:hover { background: $HOVER; }
QToolButton:pressed { background: $BORDER; }
QToolButton:checked { background: $SELECTION_INACTIVE; }
QToolButton:checked:hover { background: $BORDER; }
QToolButton[look="primary"] { background: $ACCENT; color: $ON_ACCENT; font-weight: 600; padding: 4px 12px; }
QToolButton[look="primary"]:hover { background: $ACCENT_HOVER; }
QToolButton[look="status"] { padding: 0 4px; color: $MUTED; }
QToolButton[look="status"]:hover { color: $TEXT; }
QToolButton[look="pill"] { background: $ACCENT; color: $ON_ACCENT; font-weight: 600; padding: 0 10px;
    border-radius: 9px; }
QToolButton[look="pill"]:hover { background: $ACCENT_HOVER; }
QToolButton[look="anchor"] { padding: 2px 6px; color: $ACCENT; }
QToolButton[look="fold"] { padding: 2px 6px 2px 0; color: $ACCENT; }
QToolButton[look="fold"]:checked { background: transparent; }
QToolButton:focus { border-color: $ACCENT; }
QToolButton:disabled { color: $DISABLED; }
QToolButton#qt_toolbar_ext_button { padding: 0; }
QToolButton::menu-indicator { image: none; width: 0; }

QPushButton { border: 1px solid $BORDER; border-radius: 6px; padding: 5px 14px; background: $RAISED;
    color: $TEXT; }
QPushButton:hover { background: $HOVER; }
QPushButton:pressed { background: $BORDER; }
QPushButton:focus { border-color: $ACCENT; }
QPushButton:disabled { color: $DISABLED; background: $BACKGROUND; }
QPushButton:checked { background: $SELECTION; border-color: $ACCENT; }
QPushButton[look="primary"], QPushButton:default { background: $ACCENT; border-color: $ACCENT; color: $ON_ACCENT; }
QPushButton[look="primary"] { font-weight: 600; }
QPushButton[look="primary"]:hover, QPushButton:default:hover { background: $ACCENT_HOVER;
    border-color: $ACCENT_HOVER; }
QPushButton[look="primary"]:focus, QPushButton:default:focus { border-color: $TEXT; }
QPushButton[look="primary"]:disabled, QPushButton:default:disabled { background: $HOVER;
    border-color: $BORDER; color: $DISABLED; }
QPushButton[look="quiet"] { background: transparent; border-color: transparent; padding: 4px 8px; }
QPushButton[look="quiet"]:hover { background: $HOVER; }
QPushButton[look="quiet"]:focus { border-color: $ACCENT; }

QPushButton[look="link"] { background: transparent; border-color: transparent; padding: 1px 6px; color: $ACCENT; }
QPushButton[look="link"]:hover { background: $HOVER; }
QPushButton[look="link"]:focus { border-color: $ACCENT; }

QProgressBar { border: 0; border-radius: 3px; background: $BORDER; }
QProgressBar::chunk { border-radius: 3px; background: $ACCENT; }

QDialogButtonBox { dialogbuttonbox-buttons-have-icons: 0; }

QLineEdit, QPlainTextEdit, QTextEdit, QTextBrowser, QSpinBox, QDoubleSpinBox, QComboBox {
    border: 1px solid $BORDER; border-radius: 6px; background: $SURFACE; color: $TEXT; padding: 4px 7px;
    selection-background-color: $SELECTION; selection-color: $TEXT; }
QLineEdit:focus, QPlainTextEdit:focus, QTextEdit:focus, QTextBrowser:focus, QSpinBox:focus,
    QDoubleSpinBox:focus,
QComboBox:focus { border-color: $ACCENT; }
QLineEdit:disabled, QPlainTextEdit:disabled, QSpinBox:disabled, QComboBox:disabled { color: $DISABLED;
    background: $BACKGROUND; }
QLineEdit[applied="true"] { background: $NOTE_TINT; }
QLineEdit[standing="valid"] { border-color: $SUCCESS; }
QLineEdit[standing="wrong"] { border-color: $ERROR; }
QLineEdit[invalid="true"], QPlainTextEdit[invalid="true"] { border-color: $ERROR; }
QComboBox { background: $RAISED; padding-right: 18px; }
QComboBox:hover { background: $HOVER; }
QComboBox::drop-down { border: 0; width: 20px; }
QComboBox::down-arrow { image: url("$ICONS/chevron-down.svg"); width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: $SURFACE; border: 1px solid $BORDER; padding: 3px;
    selection-background-color: $SELECTION;
    selection-color: $TEXT; }
QSpinBox QLineEdit, QDoubleSpinBox QLineEdit, QComboBox QLineEdit { border: 0; padding: 0; background: transparent; }
QSpinBox::up-button, QSpinBox::down-button { background: transparent; border: 0; width: 20px; }
QSpinBox::up-button:hover, QSpinBox::down-button:hover { background: $HOVER; }
QSpinBox::up-arrow { image: url("$ICONS/chevron-up.svg"); width: 10px; height: 10px; }
QSpinBox::down-arrow { image: url("$ICONS/chevron-down.svg"); width: 10px; height: 10px; }

QCheckBox, QRadioButton { spacing: 7px; }
QRadioButton:focus { color: $ACCENT; }
QCheckBox::indicator { width: 14px; height: 14px; border: 1px solid $MUTED; border-radius: 4px; background: $SURFACE; }
QCheckBox::indicator:hover, QCheckBox::indicator:focus { border-color: $ACCENT; }
QCheckBox::indicator:checked { background: $ACCENT; border-color: $ACCENT; image: url("$ICONS/check-$LOOK.svg"); }
QCheckBox::indicator:disabled { border-color: $DISABLED; background: $BACKGROUND; }
QCheckBox::indicator:checked:disabled { background: $DISABLED; }
QRadioButton::indicator { width: 14px; height: 14px; border: 1px solid $MUTED; border-radius: 8px;
    background: $SURFACE; }
QRadioButton::indicator:hover, QRadioButton::indicator:focus { border-color: $ACCENT; }
QRadioButton::indicator:checked { width: 6px; height: 6px; border: 5px solid $ACCENT; background: $ON_ACCENT; }
QRadioButton::indicator:disabled { border-color: $DISABLED; background: $BACKGROUND; }
QGroupBox { border: 1px solid $BORDER; border-radius: 8px; margin-top: 18px; padding: 10px;
    background: $SURFACE; }
QGroupBox::title { subcontrol-origin: margin; left: 2px; top: 0; color: $MUTED; font-weight: 600; }

QTabWidget::pane { border: 0; border-top: 1px solid $BORDER; background: $SURFACE; }
QTabBar { background: transparent; qproperty-drawBase: 0; }
QTabBar::tab { background: transparent; color: $MUTED; padding: 7px 14px 6px 14px; border: 0;
    border-bottom: 2px solid transparent; }
QTabBar[look="narrow"]::tab { padding: 7px 4px 6px 4px; }
QTabBar::tab:hover { color: $TEXT; background: $HOVER; }
QTabBar::tab:selected { color: $TEXT; border-bottom-color: $ACCENT; font-weight: 600; }
QTabBar::tab:disabled { color: $DISABLED; }
QTabBar:focus { border: 0; }

QAbstractScrollArea { background: $SURFACE; }
QTableView, QListView, QTreeView { background: $SURFACE; color: $TEXT; border: 0; gridline-color: $GRID;
    selection-background-color: $SELECTION; selection-color: $TEXT; alternate-background-color: $RAISED; }
QTableView::item, QListView::item, QTreeView::item { padding: 2px 4px; }
QTableView::item:selected, QListView::item:selected, QTreeView::item:selected { background: $SELECTION;
    color: $TEXT; }
QHeaderView { background: $RAISED; border: 0; }
QHeaderView::section { background: $RAISED; color: $MUTED; border: 0; border-right: 1px solid $GRID;
    border-bottom: 1px solid $BORDER;
    padding: 5px 8px; font-weight: 600; }
QHeaderView::section:hover { color: $TEXT; background: $HOVER; }
QTableCornerButton::section { background: $RAISED; border: 0; }

QScrollBar:vertical { background: transparent; width: 12px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 12px; margin: 0; }
QScrollBar::handle { background: $BORDER; border-radius: 4px; margin: 2px; }
QScrollBar::handle:vertical { min-height: 32px; }
QScrollBar::handle:horizontal { min-width: 32px; }
QScrollBar::handle:hover { background: $DISABLED; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QSplitter::handle { background: $BACKGROUND; }
QSplitter::handle:horizontal { border-left: 1px solid $BORDER; border-right: 1px solid $BORDER; }
QSplitter::handle:vertical { border-top: 1px solid $BORDER; }
QSplitter::handle:hover, QSplitter::handle:pressed { background: $ACCENT; }

QMenuBar { background: $BACKGROUND; color: $TEXT; padding: 2px 6px; }
QMenuBar::item { background: transparent; padding: 4px 9px; border-radius: 5px; }
QMenuBar::item:selected { background: $HOVER; }
QMenu { background: $SURFACE; color: $TEXT; border: 1px solid $BORDER; padding: 5px; }
QMenu::item { padding: 5px 26px 5px 10px; border-radius: 5px; }
QMenu::item:selected { background: $SELECTION; }
QMenu::item:disabled { color: $DISABLED; background: transparent; }
QMenu::icon { padding-left: 8px; }
QMenu::icon:checked { background: $SELECTION; border: 1px solid $ACCENT; border-radius: 4px; padding: 1px; left: 5px; }
QMenu::indicator { width: 14px; height: 14px; left: 6px; }
QMenu::separator { height: 1px; background: $BORDER; margin: 5px 8px; }

QStatusBar { background: $BACKGROUND; border-top: 1px solid $BORDER; color: $MUTED; }
QStatusBar::item { border: 0; }

QLabel { background: transparent; }
QLabel[look="muted"] { color: $MUTED; }
QLabel[look="code"] { background: $SURFACE; border: 1px solid $BORDER; border-radius: 6px; padding: 6px 8px; }
QLabel[look="title"] { font-weight: 600; }
QLabel[look="headline"] { font-weight: 600; font-size: 15pt; }
QLabel[look="error"] { color: $ERROR; }
QLabel[look="warning"] { color: $WARNING; }
QLabel[look="success"] { color: $SUCCESS; }
QFrame[look="card"] { background: $SURFACE; border: 1px solid $BORDER; border-radius: 8px; }
QFrame[look="pane"] { background: $SURFACE; border: 0; }
QFrame[look="bar"] { background: $BACKGROUND; border: 0; border-bottom: 1px solid $BORDER; }
QFrame[look="foot"] { background: $BACKGROUND; border: 0; border-top: 1px solid $GRID; }
QFrame[look="segment"] { background: $RAISED; border: 1px solid $BORDER; border-radius: 6px; }
QToolButton[look="segment"] { border-radius: 5px; padding: 3px 0 3px 8px; color: $MUTED; }
QToolButton[look="segment"][bare="true"] { padding: 3px 9px; }
QToolButton[look="segment"]:checked { background: $SELECTION; color: $TEXT; }
QFrame[look="popup"] { background: $SURFACE; border: 1px solid $BORDER; border-radius: 6px; }
QListWidget[look="box"] { border: 1px solid $BORDER; border-radius: 6px; padding: 3px; }
QListWidget[look="choices"] { border-right: 1px solid $BORDER; padding: 6px 0; }
QFrame[look="popup"] QListWidget { border: 0; padding: 4px; background: transparent; }
QFrame[look="strip"] { background: $RAISED; border: 0; border-top: 1px solid $GRID;
    border-bottom-left-radius: 6px; border-bottom-right-radius: 6px; }
QFrame[look="banner-error"] { background: $ERROR_TINT; border: 0; border-bottom: 1px solid $ERROR; }
QFrame[look="banner-warning"] { background: $WARNING_TINT; border: 0; border-bottom: 1px solid $WARNING; }
QFrame[look="banner-note"] { background: $NOTE_TINT; border: 0; border-bottom: 1px solid $NOTE; }
""")


def stylesheet(colours: Mapping[str, str], icons: Path, *, dark: bool) -> str:
    """The stylesheet; `colours` maps the name of each role to `#rrggbb`, `icons` is the folder of its pictures."""
    return _TEMPLATE.substitute(colours, ICONS=icons.as_posix(), LOOK="dark" if dark else "light")
