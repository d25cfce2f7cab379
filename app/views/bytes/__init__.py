"""The Bytes tab."""
