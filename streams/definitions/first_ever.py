"""Which events say that something happened for the first time, or for the n-th, in the life of a key, and what a start says of them (`docs/semantics.md` §1.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas.codes import NULL
from streams.definitions.tree import parts_of
from streams.engine.expression import Nth

if TYPE_CHECKING:
    from schemas.reference import Reference
    from streams.definitions.catalogue import Catalogue


def first_ever(catalogue: Catalogue) -> list[str]:
    """The published events that ask which one something is in the life of their key."""
    return [event.id for event in catalogue if event.id not in catalogue.quiet and any(isinstance(part, Nth) for part in parts_of(event.when).values())]


def taken_for_granted(catalogue: Catalogue) -> str | None:
    """What a first start without `history_from` says; None where no event asks."""
    events = first_ever(catalogue)
    if not events:
        return None
    return (
        "a first start without history_from: what is seen first counts as the first ever, for old customers too "
        f'({", ".join(events)}): set history_from = "YYYY-MM-DD", the first day of which all records are there, and give lines.csv with activation_date'
    )


def silent_lines(catalogue: Catalogue, reference: Reference) -> str | None:
    """With `history_from`: of how many lines the table does not say when they were activated; None where it says it of all, or no event asks."""
    events = first_ever(catalogue)
    dates = reference.line.data["activation_date"][:-1]
    unknown = int(np.count_nonzero(dates == NULL))
    if not events or (len(dates) and not unknown):
        return None
    what = f"no activation_date for {unknown:,} of {len(dates):,} lines" if len(dates) else "no lines.csv"
    return f"history_from: {what}; silent for {'them' if len(dates) else 'all lines'}: {', '.join(events)}"
