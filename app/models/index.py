"""Indexes of models, the way Qt hands them over."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex

Index = QModelIndex | QPersistentModelIndex
NO_INDEX = QModelIndex()
"""Stands for the root: the default where Qt asks about the children of an item."""
