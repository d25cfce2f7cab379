"""The lists at the left."""
