"""Decisions that the window and the terminal share; no Qt."""
