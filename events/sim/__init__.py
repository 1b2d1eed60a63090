"""The SIM."""
