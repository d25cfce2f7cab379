"""The only I/O to peers: sessions, the server, and the engine façade that the app sees."""
