"""Recharges."""
