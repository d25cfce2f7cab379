"""A check of a peer: each rule of the catalogue is broken against it, one connection after the other."""
