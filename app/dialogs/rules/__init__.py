"""The editor of a rule."""
