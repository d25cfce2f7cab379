"""Legs, which are single transports, and sessions, which are connections made of one or two legs."""
