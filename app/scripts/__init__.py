"""The desk for scripts: what the actions do with a person's Python file."""
