"""The base of all errors that say what was wanted, what was found, where, and what to do."""

from __future__ import annotations


class KairosFault(Exception):
    """An error whose message is complete and holds no personal value: printed as one sentence, without a traceback."""
