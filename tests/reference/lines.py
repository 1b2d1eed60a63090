"""Whose line is whose, and which are active (semantics §1.7 Lines, §1.8 Active line). Of a customer, every line is looked at again each time."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise
from typing import Any

from schemas.codes import NULL, text_of
from tests.reference.civil import civil_day, midnight
from tests.reference.happening import JUMP_MS, Happening, misdated

EPOCH_DAY = date(1970, 1, 1)


class Standing:
    """A line under the key of a customer."""

    def __init__(self) -> None:
        self.status: str | None = None
        self.account: str | None = None
        self.account_since: int | None = None
        self.gone: int | None = None


class Lines:
    def __init__(self, table: Any, reading: Any) -> None:
        self.reading = reading
        self.seen: dict[str, dict[str, Standing]] = {}
        """By customer and line."""
        columns = (table.data["subscription_id"], table.valid_from, table.data["customer_id"], table.data["account_id"], table.data["activation_date"])
        rows = zip(*(column.tolist() for column in columns), strict=False)
        self.known: dict[str, list[Any]] = {}
        """By line, its rows in the order of their begins: begin, customer, account, day of activation."""
        self.ever: dict[str | None, set[str]] = {}
        """By customer, the lines that any row says are his."""
        for line, begin, *owner, day in rows:
            customer, account = (text_of(one) if one else None for one in owner)
            self.known.setdefault(text_of(line), []).append((begin, customer, account, day))
            self.ever.setdefault(customer, set()).add(text_of(line))
        for own in self.known.values():
            own.sort(key=lambda row: row[0])

    def take(self, on: Happening, status: str | None) -> None:
        """A record of a line; `status`: what it says of it, if it is on time."""
        if on.line is None:
            return
        key = (on.customer, on.line)
        own = self.seen.setdefault(on.customer, {})
        line = own.get(on.line)
        if line is not None and line.gone is not None:
            stale = (on.time <= line.gone and not misdated(line.gone, on.time)) or (key in self.reading.terminated and status != "active")
            if stale and status is None:
                return
            line = None
            if stale:
                own[on.line] = line = Standing()
                line.status = status
                return
        if line is None:
            line = own[on.line] = Standing()
        since = line.account_since
        if on.account is not None and on.account != line.account and not (since is not None and on.time < since and not misdated(since, on.time)):
            line.account = on.account
            line.account_since = on.time if not self.reading.clock or on.time <= self.reading.clock + JUMP_MS else None
        if status is not None:
            line.status = status

    def give_away(self, on: Happening) -> None:
        line = self.seen.setdefault(on.customer, {}).setdefault(on.line, Standing())
        line.gone = on.time

    def active(self, customer: str, time: int, *, ended: bool | None = None) -> dict[str, str | None]:
        """The active lines of a customer, and their accounts; with `ended` False those that were not terminated."""
        found, seen = {}, self.seen.get(customer, {})
        for name, line in seen.items():
            if line.gone is None and (line.status in (None, "active") or (ended is False and (customer, name) not in self.reading.terminated)):
                found[name] = line.account or self._row(name, time)[1]
        for name in self.ever.get(customer, set()) - seen.keys():
            owner, account, day = self._row(name, time)
            if owner == customer and day != NULL and EPOCH_DAY + timedelta(days=day) <= civil_day(time, self.reading.line_zone(name, time)):
                found[name] = account
        return found

    def begun_since(self, by: str, on: Happening, day: date, zone: str) -> bool:
        """Whether a line, an account or a customer is known to have begun on `day` or later, as far as rows say that are valid by then."""
        if by == "line":
            return self._begun_since(on.line, [row for row in self.known.get(on.line, ()) if row[0] <= on.time], day, zone)
        at, key = (1, on.customer) if by == "customer" else (2, on.account)
        found = []
        for line, rows in self.known.items():
            valid = [row for row in rows if row[0] <= on.time]
            found += [self._begun_since(line, valid[: number + 1], day, zone) for number, row in enumerate(valid) if row[at] == key]
        return bool(found) and all(found)

    def _begun_since(self, line: str, rows: list[Any], day: date, zone: str) -> bool:
        """By the last of `rows`: activated on `day` or later, or since then another customer's than the row before says."""
        if not rows:
            return False
        if rows[-1][3] != NULL and EPOCH_DAY + timedelta(days=rows[-1][3]) >= day:
            return True
        passed = [after[0] for before, after in pairwise(rows) if before[1] and after[1] and before[1] != after[1]]
        return bool(passed) and passed[-1] >= midnight(day, zone)

    def only(self, customer: str, time: int) -> str | None:
        found = [*self.active(customer, time)]
        return found[0] if len(found) == 1 else None

    def _row(self, name: str, time: int) -> tuple[str | None, str | None, int]:
        rows = [row for row in self.known.get(name, ()) if row[0] <= time]
        return rows[-1][1:] if rows else (None, None, NULL)
