"""TLS on both sides: the layer between a transport and a leg, whom to trust, and who vouches for Unmask."""
