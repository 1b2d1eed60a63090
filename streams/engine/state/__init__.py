"""Keyed state of a shard: tables, their changelog records, and reading them back."""
