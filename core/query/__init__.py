"""The filter language: a line of text to a predicate over a frame, and to a scan over a whole capture."""
