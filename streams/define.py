"""The vocabulary of event definitions, under the short name that definitions import."""

from streams.definitions.event import Amount, Case, Date, Event, Field, Time, lasted_s, released
from streams.definitions.words import *  # noqa: F403  # a re-export
from streams.definitions.words import __all__ as _words

__all__ = [*_words, "Amount", "Case", "Date", "Event", "Field", "Time", "lasted_s", "released"]  # noqa: PLE0604  # texts all of them
