"""RFC 6455 and RFC 7692 without I/O and without a clock: bytes in, events and bytes out."""
