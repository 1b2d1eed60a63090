"""The rates that an installation promises, and the allowances of its valves: definitions and settings together."""

from __future__ import annotations

import re
from fractions import Fraction
from math import ceil
from typing import TYPE_CHECKING, NamedTuple

from streams.definitions.rates import Rate, rate_of
from streams.definitions.words import suggest
from streams.engine.expression import DefinitionFault
from streams.settings import SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from streams.definitions.catalogue import Catalogue

NONE, OFF, OTHERS = "none", "off", "others"
TIMES = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)x")
LEAST = 20
"""Events of a day that every valve lets through in every shard: chance alone makes as many in a shard of few customers."""


class Limit(NamedTuple):
    """Events a customer and civil day that a valve lets through."""

    rate: Fraction
    text: str
    """As it was written."""

    def allowance(self, customers: int) -> int:
        """How many events of a day a shard of `customers` known customers may publish.

        >>> limit = Limit(Fraction(1, 100), "10 per 1,000 customers a day")
        >>> limit.allowance(0), limit.allowance(2_001)
        (20, 21)
        """
        return max(LEAST, ceil(self.rate * customers))


def promises(catalogue: Catalogue, table: Mapping[str, str]) -> dict[str, Rate]:
    """By published event, its usual rate: the one of the settings' table `expect`, else the one of its definition. Raises SettingsError with all faults."""
    faults = strangers(catalogue, table, "expect")
    rates: dict[str, Rate] = {}
    for event in catalogue:
        if event.id in table:
            if table[event.id] == NONE:
                continue
            try:
                rates[event.id] = rate_of(table[event.id])
            except DefinitionFault as fault:
                faults.append(f"[expect] \"{event.id}\": {fault}; or '{NONE}'")
        elif event.expected is not None and table.get(OTHERS) != NONE:
            rates[event.id] = event.expected
    if table.get(OTHERS, NONE) != NONE:
        faults.append(f"[expect] {OTHERS}: wanted '{NONE}' (the definitions' own rates do not count), got {table[OTHERS]!r}")
    if faults:
        raise SettingsError("\n".join(faults))
    return {event: rate for event, rate in rates.items() if event not in catalogue.quiet}


def valves(catalogue: Catalogue, promised: Mapping[str, Rate], setting: str | Mapping[str, str]) -> dict[str, Limit]:
    """By event that has a valve, its limit. Raises SettingsError with all faults.

    A multiple such as `10x` is of the promise's high; as a setting for all others it is a valve for those that promise a rate.
    """
    table = {OTHERS: setting} if isinstance(setting, str) else dict(setting)
    faults = strangers(catalogue, table, "valve")
    limits: dict[str, Limit] = {}
    others = table.pop(OTHERS, OFF)
    times = None
    if others != OFF:
        times = TIMES.fullmatch(others)
        if times is None or Fraction(times[1]) < 1:
            faults.append(f"valve: wanted '{OFF}' or a multiple from 1x on of what events promise, such as '10x', got {others!r}")
            times = None
    for event in catalogue:
        if event.id in catalogue.quiet:
            continue
        if event.id in table:
            if table[event.id] != OFF:
                try:
                    limits[event.id] = limit_of(table[event.id], promised.get(event.id))
                except DefinitionFault as fault:
                    faults.append(f'[valve] "{event.id}": {fault}')
        elif times is not None and event.id in promised:
            limits[event.id] = limit_of(others, promised[event.id])
    if faults:
        raise SettingsError("\n".join(faults))
    return limits


def limit_of(text: str, promised: Rate | None) -> Limit:
    """The limit that a text says of an event with this promise. Raises DefinitionFault."""
    times = TIMES.fullmatch(text)
    if times is None:
        rate = rate_of(text)
        if rate.low != rate.high:
            raise DefinitionFault(f"wanted one number, got the range {text!r}")
        return Limit(rate.high, text)
    if Fraction(times[1]) < 1:
        raise DefinitionFault(f"wanted a multiple from 1x on, got {text!r}: less would hold back what is usual")
    if promised is None:
        raise DefinitionFault(f"wanted an event that promises a rate, got {text!r}: give it one in [expect], or say here how many, such as '100 per 1,000 customers a day'")
    return Limit(promised.high * Fraction(times[1]), f"{text} of {promised.text}")


def strangers(catalogue: Catalogue, table: Mapping[str, str], setting: str) -> list[str]:
    """The faults of names in a settings table that are no event's."""
    return [f'[{setting}] "{name}": no such event{suggest(name, catalogue.known)}' for name in table if name != OTHERS and name not in catalogue.known]
