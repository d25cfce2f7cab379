"""Fronts: what answers an incoming HTTP request."""
