"""What the window shows: each view takes records and knows nothing of the network."""
