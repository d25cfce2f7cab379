"""What is kept: the capture file, its one writer and its many readers."""
