"""Which lines a customer or an account has at a moment, and which of them are active (`docs/semantics.md` §1.8).

A line is active where its last status says so; without any status where it has sent a record, or where the reference table has it with
an activation date that has come. Its account is that of its records, before the first one that of the reference table. What records
say is known from their release on; a line that changes hands is the old owner's up to the record that says so.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from schemas.codes import code, text_of
from schemas.columns import DAY_MS
from streams.engine.batch import PROCESSED, TERMINATED
from streams.engine.stage import TERMINATED_LINE, Stage
from streams.engine.state.codec import SEPARATOR
from streams.engine.state.tables import FIRST_ROWS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.columns import Bools, Ints
    from schemas.reference.line import Lines
    from streams.engine.batch import Batch, Reset
    from streams.engine.home import Home
    from streams.engine.state.tables import Column, Rows

UNSEEN, SEEN, ACTIVE, INACTIVE, GONE = range(5)
"""How a line of a customer stands: no record named it, only records without a status, its last status, it belongs to another customer."""
ENDED = 8
"""Added where the line was terminated and is not active again."""
ON, STATUS, AWAY = range(3)
"""What a record says of its line: that it is there, its status, that it changes hands."""
ACTIVE_CODE = code("active")
PART = "lines"


class Line(NamedTuple):
    """An active line: the codes of its id and of its account; 0: not known."""

    line: int
    account: int


class Said(NamedTuple):
    """What a record says of a line: from which place on (`flow.py`), the line's row, the time, the account or the status, and whether the time is believed."""

    place: int
    what: int
    row: int
    time: int
    value: int
    believed: bool


class OwnLines:
    """The lines that the reference table has ever had for each customer."""

    def __init__(self, table: Lines) -> None:
        self.table = table
        self.found: dict[int, list[int]] = {}

    def of(self, customer: int) -> list[int]:
        """The codes of a customer's lines."""
        lines = self.found.get(customer)
        if lines is None:
            begin, end = self.table.owners.searchsorted((customer, customer + 1))
            lines = self.found[customer] = np.unique(self.table.owned[begin:end]).tolist()
        return lines

    def row(self, line: int, time: int) -> int:
        """The row of a line that is valid at `time`; -1: none."""
        return int(self.table.find(np.array([line]), np.array([time]))[0])


class LinesOf:
    """The rows of lines by the row of their customer: chains through two arrays."""

    def __init__(self) -> None:
        self.heads: Rows = np.full(FIRST_ROWS, -1, np.int32)
        self.following: Rows = np.full(FIRST_ROWS, -1, np.int32)

    def add(self, line: int, customer: int) -> None:
        """Note one line, once."""
        self.add_all(np.array([line], np.int32), np.array([customer], np.int32))

    def add_all(self, lines: Rows, customers: Rows) -> None:
        """Note some lines, each once, with their customers."""
        if not len(lines):
            return
        self.heads, self.following = with_room(self.heads, int(customers.max())), with_room(self.following, int(lines.max()))
        _, first = np.unique(customers, return_index=True)
        self.following[lines[first]] = self.heads[customers[first]]
        self.heads[customers[first]] = lines[first]
        self.add_all(np.delete(lines, first), np.delete(customers, first))

    def fill(self, lines: Rows, customers: Rows) -> None:
        """Note these lines alone, each with its customer."""
        none = np.full(FIRST_ROWS, -1, np.int32)
        self.heads, self.following = with_room(none, int(customers.max(initial=0))), with_room(none.copy(), int(lines.max(initial=0)))
        order = customers.argsort(kind="stable")
        lines, customers = lines[order], customers[order]
        again = (customers[1:] == customers[:-1]).nonzero()[0]
        self.following[lines[again + 1]] = lines[again]
        self.heads[customers] = lines

    def of(self, customer: int) -> Iterator[int]:
        """The lines of a customer, the newest first."""
        row = int(self.heads[customer]) if customer < len(self.heads) else -1
        while row >= 0:
            yield row
            row = int(self.following[row])


def with_room(rows: Rows, index: int) -> Rows:
    """The array, with room for `index`; what is new is -1."""
    if index < len(rows):
        return rows
    return np.concatenate([rows, np.full(max(index + 1 - len(rows), len(rows) // 4), -1, np.int32)])


def given_away(batch: Batch) -> list[Reset]:
    """The lines of a batch that change hands."""
    return [reset for reset in batch.resets if reset.lifelong and not reset.timers_only]


class ActiveLines(Stage):
    """Keeps for each line that records name how it stands and, where `accounts` are asked for, whose it is."""

    accounts = False

    def __init__(self, home: Home) -> None:
        super().__init__()
        self.home, self.world = home, home.world
        self.table, self.customers = home.state.table("line"), home.state.table("customer")
        self.own = OwnLines(self.world.reference.line)
        self.named = LinesOf()
        """By the row of a customer, the rows of its lines that records have named."""
        self.before: dict[int, list[tuple[int, int, int]]] = {}
        """Of lines about which this batch says something new: from which place on they stand how, with which account; the first entry is how they stood before it."""

    def declare(self) -> None:
        """Declare its columns; times in epoch ms."""
        self.standing = self._column("line.standing", "flag")
        self.account = self._column("line.account", "token")
        self.since = self._column("line.account.since", "time")
        self.gone = self._column("line.gone", "time")

    def _column(self, name: str, kind: str) -> Column:
        return self.table.column(name, kind, part=PART)  # type: ignore[arg-type]  # one of the kinds

    def refer(self) -> None:
        self.own = OwnLines(self.world.reference.line)

    def restored(self) -> None:
        rows = self.standing.values.nonzero()[0].astype(np.int32)
        self.named.fill(rows, self.table.customer[rows])

    def rests(self, batch: Batch) -> bool:
        return batch.n == 0

    def rest(self, batch: Batch) -> None:
        self.before.clear()

    # What records say

    def run(self, batch: Batch) -> None:
        self.before.clear()
        for said in sorted([*self._records(batch), *self._changes(batch)]):
            self._take(said)

    def _records(self, batch: Batch) -> list[Said]:
        """The records of lines about which one of them says something new."""
        found, fresh = [], [np.array([one.row for one in given_away(batch)], np.int32)]
        for group in batch.groups.values():
            rows = group.rows("line")
            fate = batch.fate[group.position]
            at = ((rows >= 0) & ((fate == PROCESSED) | (fate == TERMINATED))).nonzero()[0]
            if not len(at):
                continue
            rows, accounts = rows[at], group.field("account_id")[at] if self.accounts else np.zeros(len(at), np.int64)
            standing = self.standing.values[rows]
            fresh.append(rows[(standing == UNSEEN) | (standing == GONE) | ((accounts != 0) & (accounts != self.account.values[rows]))])
            found.append((group.position[at], rows, accounts))
        if not found or not any(map(len, fresh)):
            return []
        changed = np.unique(np.concatenate(fresh))
        rows = np.concatenate([rows for _, rows, _ in found])
        at = np.isin(rows, changed).nonzero()[0]
        rows, positions, accounts = rows[at], np.concatenate([positions for positions, *_ in found])[at], np.concatenate([accounts for *_, accounts in found])[at]
        others = self._first_named(batch, rows, positions, accounts)
        positions = positions[others]
        columns = (positions, rows[others], batch.time[positions], accounts[others], batch.believed[positions])
        return [Said(2 * position + 1, ON, *about) for position, *about in zip(*(column.tolist() for column in columns), strict=True)]

    def _first_named(self, batch: Batch, rows: Rows, positions: Ints, accounts: Ints) -> Ints:
        """Note the lines that this batch names for the first time and of which it says nothing else, all at once. Returns which records are about other lines."""
        if not len(rows):
            return np.zeros(0, np.int64)
        order = np.lexsort((positions, rows))
        begins = np.diff(rows[order], prepend=-1).nonzero()[0]
        lines, least, most = rows[order][begins], np.minimum.reduceat(accounts[order], begins), np.maximum.reduceat(accounts[order], begins)
        apart = [one.row for one in batch.statuses] + [one.row for one in given_away(batch)]
        alone = (self.standing.values[lines] == UNSEEN) & (least == most) & ~np.isin(lines, np.array(apart, np.int32))
        lines, account, first = lines[alone], most[alone], positions[order][begins][alone]
        before = zip(self.account.values[lines].tolist(), (2 * first + 1).tolist(), account.tolist(), strict=True)
        self.before.update(zip(lines.tolist(), [[(-1, UNSEEN, was), (place, SEEN, now or was)] for was, place, now in before], strict=True))
        self.named.add_all(lines, self.table.customer[lines])
        with_account = account != 0
        self.account.values[lines[with_account]] = account[with_account]
        self.since.values[lines[with_account]] = np.where(batch.believed[first], batch.time[first], 0)[with_account]
        self.standing.values[lines] = SEEN
        self.standing.part.dirty[lines] = True
        return (~np.isin(rows, lines)).nonzero()[0]

    def _changes(self, batch: Batch) -> list[Said]:
        """Statuses, and lines that change hands: behind the record that says so."""
        said = [Said(2 * one.position + 1, STATUS, one.row, 0, one.status, True) for one in batch.statuses]
        return said + [Said(2 * one.position + 2, AWAY, one.row, int(batch.time[one.position]), 0, True) for one in given_away(batch)]

    def _take(self, said: Said) -> None:
        row, time = said.row, said.time
        standing, account = int(self.standing.values[row]), int(self.account.values[row])
        now, whose = standing, account
        if said.what == STATUS:
            now = ACTIVE if said.value == ACTIVE_CODE else INACTIVE | (ENDED if said.value == TERMINATED_LINE else standing & ENDED)
        elif said.what == AWAY:
            now, whose = GONE | (standing & ENDED), 0
            self.gone.values[row], self.since.values[row] = time, 0
            self.gone.part.dirty[row] = True
        elif standing == GONE | ENDED or (standing == GONE and time <= self.gone.values[row] <= time + self.home.jump_ms):
            return
        else:
            now = SEEN if standing in (UNSEEN, GONE) else standing
            if said.value not in (0, account) and not time < self.since.values[row] <= time + self.home.jump_ms:
                whose = said.value
                self.since.values[row] = time if said.believed else 0
        if (now, whose) == (standing, account):
            return
        self.before.setdefault(row, [(-1, standing, account)]).append((said.place, now, whose))
        if standing == UNSEEN:
            self.named.add(row, int(self.table.customer[row]))
        self.standing.values[row], self.account.values[row] = now, whose
        self.standing.part.dirty[row] = True

    # What is asked

    def of(self, customer: int, at: int, time: int, *, suspended: bool = False) -> list[Line]:
        """The active lines of the customer with row `customer`, in the order of their codes: as of place `at`, and of `time` where only the reference table has them.

        `suspended`: also those that are not active and were not terminated.
        """
        found, seen = [], set()
        for row in self.named.of(customer):
            standing, account = self._as_of(row, at)
            if standing == UNSEEN:
                continue
            line = int(self.table.map.keys[row, 1])
            seen.add(line)
            if standing in (SEEN, ACTIVE) or (suspended and standing == INACTIVE):
                found.append(Line(line, account or self._account(line, time)))
        whose = int(self.customers.map.keys[customer, 0])
        found += [Line(line, self._account(line, time)) for line in self.own.of(whose) if line not in seen and self._has_come(line, whose, time)]
        return sorted(found)

    def ended(self, rows: Rows, at: Ints) -> Bools:
        """Which lines have ended for what happens at places `at`; the record that ends a line, or has it go on, is not one of an ended line."""
        found = np.zeros(len(rows), bool)
        perhaps = (self.standing.values[rows] & ENDED) != 0
        if self.before:
            perhaps |= np.isin(rows, np.fromiter(self.before, np.int64))
        for place in (perhaps & (rows >= 0)).nonzero()[0].tolist():
            row = int(rows[place])
            found[place] = all(self._as_of(row, one)[0] & ENDED for one in (int(at[place]) - 1, int(at[place])))
        return found

    def _as_of(self, row: int, at: int) -> tuple[int, int]:
        """How a line stands, and its account, as of place `at`."""
        for place, standing, account in reversed(self.before.get(row, ())):
            if place <= at:
                return standing, account
        return int(self.standing.values[row]), int(self.account.values[row])

    def _account(self, line: int, time: int) -> int:
        return int(self.own.table.data["account_id"][self.own.row(line, time)])

    def account_of(self, one: Line, time: int, named: str | None) -> str | None:
        """The account of a line, where it is the one `named`, or known from the reference table; None: not known."""
        if one.account in (0, code(named)):
            return named
        return text_of(one.account) if one.account == self._account(one.line, time) else None

    def _has_come(self, line: int, customer: int, time: int) -> bool:
        """Whether the reference table has the line for the customer, with an activation date that has come."""
        table, row = self.own.table, self.own.row(line, time)
        activated = int(table.data["activation_date"][row])
        if int(table.data["customer_id"][row]) != customer or activated < 0:
            return False
        if abs(time - activated * DAY_MS) > 2 * DAY_MS:
            return time > activated * DAY_MS
        zones = self.world.zones("line", np.array([line]), np.array([time]))
        return bool(self.world.calendar.day(np.array([time]), zones)[0] >= activated)

    def rows_of(self, customers: Rows, lines: Ints) -> Rows:
        """The rows of the lines with codes `lines` of customers with rows `customers`; the texts of these codes are known from then on."""
        for customer in set(customers.tolist()):
            code(self.customers.key_text(customer))
        ids = np.stack([self.customers.map.keys[customers, 0], lines], axis=1)
        rows = self.table.rows_of_ids(ids, customers)
        for row in set(rows.tolist()):
            code(self.table.key_text(row).rpartition(SEPARATOR)[2])
        return rows


__all__ = ["ActiveLines", "Line"]
