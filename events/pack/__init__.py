"""Packs and add-ons."""
