"""Visits to the operator's pages and app."""
