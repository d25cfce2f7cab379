"""Payload bytes to something a person reads: one small file a decoder, and a registry."""
