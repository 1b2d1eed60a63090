"""Which lines, accounts and customers began on a day or later, so that all that ever happened to them is known from there on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from schemas.reference.table import FOREVER

if TYPE_CHECKING:
    from schemas.columns import Bools, Ints
    from schemas.reference.line import Lines


class Begins:
    """What the table of lines says of beginnings, as of civil day `day` (days since 1970), whose midnight is at `ms` (epoch ms).

    A line began when it was activated, and for another customer when it passed to him: at the `valid_from` of the row that names him after a row that names somebody
    else. An account or customer began with the earliest of the lines that it ever had. Without an activation date nothing is known.
    """

    def __init__(self, lines: Lines, day: int, ms: int) -> None:
        self.lines, self.day, self.ms = lines, day, ms
        activated = lines.data["activation_date"][:-1]
        self.new: Bools = np.append((activated >= day) | (handed_over(lines) >= ms), False)
        """Of each row whether it is of a line that began by then or later; the last one is read for no row. An unknown date is below all days."""
        self.owners = {by: self._owners(lines.data[f"{by}_id"][:-1]) for by in ("account", "customer")}

    def _owners(self, owners: Ints) -> tuple[Ints, Ints, Ints]:
        """The owners, sorted; from when on the table has a line of each; from when on it has one that began earlier, or nobody knows when."""
        rows = np.flatnonzero(owners != 0)
        rows = rows[np.argsort(owners[rows], kind="stable")]
        found, begins = np.unique(owners[rows], return_index=True)
        if not len(rows):
            return found, found, found
        since = self.lines.valid_from[rows]
        earlier = np.where(self.new[:-1][rows], FOREVER, since)
        return found, np.minimum.reduceat(since, begins), np.minimum.reduceat(earlier, begins)

    def known(self, by: str, ids: Ints, times: Ints) -> Bools:
        """Whether each line, account or customer, by the code of its id, is known at its time to have begun by then or later. False: it began earlier, or nobody knows."""
        if by == "line":
            return self.new[self.lines.find(ids, times)]
        owners, since, earlier = self.owners[by]
        if not len(owners):
            return np.zeros(len(ids), bool)
        at = np.minimum(np.searchsorted(owners, ids), len(owners) - 1)
        known: Bools = (owners[at] == ids) & (since[at] <= times) & (times < earlier[at])
        return known


def handed_over(lines: Lines) -> Ints:
    """Of each row from when on, epoch ms, its line is its customer's, where a row before names another; else before all times."""
    n, customers = lines.size, lines.data["customer_id"][:-1]
    never = -FOREVER
    if not n:
        return np.zeros(0, np.int64)
    place = np.arange(n)
    same_line = np.append(False, lines.keys[1:] == lines.keys[:-1])
    passed = np.append(False, (customers[1:] != customers[:-1]) & (customers[1:] != 0) & (customers[:-1] != 0)) & same_line
    head = np.maximum.accumulate(np.where(same_line, 0, place))
    last = np.maximum.accumulate(np.where(passed, place, 0))
    moments: Ints = np.where(last > head, lines.valid_from[last], never)
    return moments


__all__ = ["Begins"]
