"""Data sessions."""
