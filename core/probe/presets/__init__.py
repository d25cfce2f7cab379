"""The presets, by what they spoil."""
