"""The life of a line."""
