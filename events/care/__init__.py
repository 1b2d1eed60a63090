"""Contacts with the operator."""
