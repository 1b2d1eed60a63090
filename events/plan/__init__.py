"""The plan of a line."""
