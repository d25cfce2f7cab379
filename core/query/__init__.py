"""The filter language: turns a line of text into a test of one frame, and into a scan of a whole capture."""
