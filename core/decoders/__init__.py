"""Turns payload bytes into something a person reads: one small file per decoder, and a registry."""
