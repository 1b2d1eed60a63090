"""Operators' tools behind the commands: replay, plan, erase."""
