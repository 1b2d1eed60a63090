"""How often events happen in a replay, as a table `expect` of the settings: what an operator's promises are measured by."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from streams.engine.state.day_counts import DAY_MS

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from streams.engine.detection import Detection

WEEK = 7
ENOUGH = 20
"""Events of the measured weeks below which nothing is proposed."""
SLACK = 2
"""What is proposed reaches from the lowest week over this to the highest times this."""


class Measured(NamedTuple):
    """One event in the measured weeks; rates are events per 1,000 customers a day."""

    event: str
    number: int
    mean: float
    lowest: float
    highest: float

    @property
    def promise(self) -> str | None:
        """The range to promise; None where there are too few events to say."""
        if self.number < ENOUGH:
            return None
        return f"{short(self.lowest / SLACK)}-{short(self.highest * SLACK)} per 1,000 customers a day"


class RateTally:
    """Events by civil day (of their `local_time`) while a replay goes on."""

    def __init__(self) -> None:
        self.days: dict[str, Counter[int]] = defaultdict(Counter)

    def take(self, detections: Iterable[Detection]) -> None:
        """Count these."""
        for one in detections:
            self.days[one.event][(one.time + one.offset_ms) // DAY_MS] += 1

    def weeks(self) -> list[int]:
        """The first days of the measured weeks: whole ones from the first day with an event on, but the first one where there are more."""
        days = {day for counted in self.days.values() for day in counted}
        begins = list(range(min(days), max(days) - WEEK + 2, WEEK)) if days else []
        return begins[1:] or begins

    def measured(self, events: Sequence[str], customers: int) -> Iterator[Measured]:
        """Each of `events` over the measured weeks, of which there must be one, among so many customers."""
        begins = self.weeks()
        for event in events:
            counted = self.days.get(event, Counter())
            numbers = [sum(counted[day] for day in range(begin, begin + WEEK)) for begin in begins]
            rates = [float(Fraction(number * 1000, WEEK * customers)) for number in numbers]
            yield Measured(event, sum(numbers), sum(rates) / len(rates), min(rates), max(rates))

    def toml(self, events: Sequence[str], customers: int) -> str:
        """The table `[expect]`, with what it was measured on."""
        begins = self.weeks()
        if not begins or not customers:
            return "# Too short to measure: wanted at least 7 days with events.\n"
        lines = [
            f"# {customers:,} customers, {len(begins)} weeks; half of the lowest week to twice the highest. Events per 1,000 customers a day: mean (lowest week, highest week)",
            "[expect]",
        ]
        for one in self.measured(events, customers):
            says = f"{one.mean:.3g} ({one.lowest:.3g}, {one.highest:.3g})"
            lines.append(f'"{one.event}" = "{one.promise}"  # {says}' if one.promise is not None else f'# "{one.event}": {one.number} events, too few to say')
        return "\n".join(lines) + "\n"


def short(number: float) -> str:
    """A number with two significant digits, as rates are written.

    >>> short(17.6), short(0.0312), short(1234.0), short(0.0)
    ('18', '0.031', '1,200', '0')
    """
    return f"{float(f'{number:.2g}'):,.6f}".rstrip("0").rstrip(".")
