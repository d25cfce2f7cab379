"""What the window and the terminal decide alike; no Qt."""
