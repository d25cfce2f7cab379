"""The Handshake tab."""
