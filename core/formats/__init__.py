"""Interchange formats: one small file per format, and a registry."""
