"""What answers an HTTP request that comes in."""
