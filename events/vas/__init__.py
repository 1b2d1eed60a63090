"""Paid content."""
