"""The table of frames."""
