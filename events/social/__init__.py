"""The people around the line."""
