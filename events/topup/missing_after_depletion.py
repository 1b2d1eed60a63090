"""The line stays empty for a day: advance credit, or a call that keeps the customer."""

from events.balance.depleted import Depleted
from events.stories import charge, moment, topup
from events.words import B, main
from streams.define import Case, Event, Field, Param, Time, hours


class MissingAfterDepletion(Event, by="line"):
    within = Param(hours(24), unit="ms", name="T", ge=1000, doc="how long the line may stay empty")

    empty = Depleted.without(main.where(B.balance_after > 0), within=within)
    when = empty

    depleted_at: Field[Time] = empty.since
    hours: Field[int] = within // hours(1)


CASES = [
    Case("empty for a day", [charge(300, 0, "1 10:00")], [{"depleted_at": "2026-05-01T02:00:00.000Z", "hours": 24}], until=moment("2 10:00:05")),
    Case("five seconds are waited for records on the way", [charge(300, 0, "1 10:00")], [], until=moment("2 10:00:04")),
    Case("a recharge at the very end is in time", [charge(300, 0, "1 10:00"), topup(0, 100, "2 10:00")], [], until=moment("5 10:00")),
    Case("a recharge a moment later is not", [charge(300, 0, "1 10:00"), topup(0, 100, "2 10:00:00.001")], [{"depleted_at": "2026-05-01T02:00:00.000Z", "hours": 24}]),
]
