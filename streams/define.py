"""The vocabulary of event definitions, under the short name that definitions import."""

from streams.definitions.event import Case, Detail, Event
from streams.definitions.words import *  # noqa: F403  # a re-export
from streams.definitions.words import __all__ as _words

__all__ = [*_words, "Case", "Detail", "Event"]  # noqa: PLE0604  # texts all of them
