"""The words event definitions are written in, under the short name that definitions import."""

from streams.definitions.words import *  # noqa: F403  # a re-export
from streams.definitions.words import __all__  # noqa: F401  # the same names
