"""The fifth of the five rules: no top-up within an hour of a low balance."""

from balance.fell_low import FellLow

from events.stories import charge, moment, topup
from events.words import B
from streams.define import Case, Detail, Event, Param


class MissingAfterLow(Event, by="line"):
    wait = Param("1h", ge="1s", doc="how long a top-up is waited for")

    low = FellLow.where()
    when = low.without(B.where(B.bucket_kind == "money", B.operation == "topup"), within=wait)
    detail = Detail(low_at=low.time)


CASES = [
    Case("no top-up for an hour", [charge(1200, 900, "10:00")], [{"low_at": "2026-05-01T02:00:00.000Z"}], until=moment("1 11:00:05")),
    Case("at the end of it", [charge(1200, 900, "10:00"), topup(900, 1900, "11:00")], [], until=moment("1 20:00")),
]
