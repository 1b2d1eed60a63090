"""Occasions to celebrate."""
