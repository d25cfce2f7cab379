"""The Message tab."""
