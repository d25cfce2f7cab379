"""The window's filter: applied, saved under names, made from cells."""
