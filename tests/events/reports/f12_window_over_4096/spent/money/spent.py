"""Money spent within the hour."""

from events.stories import charge
from events.words import charged, charges
from streams.define import Case, Detail, Event, edge


class Spent(Event, by="line"):
    hour = charges.within("1h")
    when = charges.where(hour.sum(charged) >= 5000)
    rearm = edge
    detail = Detail(amount=hour.sum(charged))


CASES = [
    Case("at once", [charge(9000, 4000)], [{"amount": 5000, "currency": "CNY"}]),
    Case("less", [charge(9000, 4001)], []),
]
