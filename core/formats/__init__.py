"""Interchange formats: one small file a format, and a registry."""
