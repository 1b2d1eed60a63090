"""Agreements of lines."""
