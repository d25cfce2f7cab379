"""Filters of the window: applied, kept under names, made of cells."""
