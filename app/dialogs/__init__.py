"""Dialogs: settings, shortcuts, about, recovery."""
