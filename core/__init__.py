"""The WebSocket engine of Unmask: protocol, capture and network. Nothing below this package imports Qt."""
