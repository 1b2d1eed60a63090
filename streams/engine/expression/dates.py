"""Civil dates that records carry as texts, such as the end of an agreement in `L.new_value`."""

from __future__ import annotations

import re
from datetime import date
from functools import lru_cache

import numpy as np

from schemas.codes import NULL, text_of
from streams.engine.expression.evaluate import Column, Env
from streams.engine.expression.nodes import Expr
from streams.engine.expression.types import KIND_WORDS, DefinitionFault, ValueKind

FORM = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
EPOCH = date(1970, 1, 1).toordinal()


class TextDate(Expr):
    """The civil date that a text names as YYYY-MM-DD; unknown where it names none."""

    kind: ValueKind = "date"
    nullable = True

    def __init__(self, text: Expr) -> None:
        if text.kind != "text":
            raise DefinitionFault(f"{text}.as_date: wanted a text such as L.new_value, got {KIND_WORDS[text.kind]}")
        self.text = text

    def children(self) -> tuple[Expr, ...]:
        return (self.text,)

    def column(self, env: Env) -> Column:
        codes, known = self.text.column(env)
        different, where = np.unique(codes, return_inverse=True)
        days = np.array([NULL if one == 0 else day_of(text_of(one)) for one in different.tolist()], np.int64)[where].reshape(np.shape(codes))
        if known is not None:
            days = np.where(known, days, NULL)
        return Column(days, days != NULL)

    def __str__(self) -> str:
        return f"{self.text} as a date"


@lru_cache(16_384)
def day_of(text: str) -> int:
    """The day since 1970-01-01 of a text; NULL where it is no date.

    >>> [day_of("1970-01-02"), day_of("2026-02-30") == NULL, day_of("19700102") == NULL]
    [1, True, True]
    """
    try:
        return date.fromisoformat(text).toordinal() - EPOCH if FORM.fullmatch(text) else NULL
    except ValueError:
        return NULL


__all__ = ["TextDate"]
