"""The Frame tab: a frame bit by bit."""
