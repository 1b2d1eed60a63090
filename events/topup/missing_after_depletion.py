"""The line stays empty for a day: advance credit, or a call that keeps the customer."""

from events.stories import charge, moment, topup
from events.words import B, main, main_balance
from streams.define import Case, Detail, Event, Param


class MissingAfterDepletion(Event, by="line"):
    wait = Param("24h", name="T", ge="1s", doc="how long the line may stay empty")

    empty = main_balance.falls_to(0)
    when = empty.without(main.where(B.balance_after > 0), within=wait)
    detail = Detail(depleted_at=empty.time, hours=wait.hours)


CASES = [
    Case("empty for a day", [charge(300, 0, "1 10:00")], [{"depleted_at": "2026-05-01T02:00:00.000Z", "hours": 24}], until=moment("2 10:00:05")),
    Case("five seconds are waited for records on the way", [charge(300, 0, "1 10:00")], [], until=moment("2 10:00:04")),
    Case("a recharge at the very end is in time", [charge(300, 0, "1 10:00"), topup(0, 100, "2 10:00")], [], until=moment("5 10:00")),
    Case("a recharge a moment later is not", [charge(300, 0, "1 10:00"), topup(0, 100, "2 10:00:00.001")], [{"depleted_at": "2026-05-01T02:00:00.000Z", "hours": 24}]),
    Case(
        "emptied again within the hour: a day from then on",
        [charge(300, 0, "1 10:00"), topup(0, 100, "1 10:05"), charge(100, 0, "1 10:10")],
        [{"depleted_at": "2026-05-01T02:10:00.000Z", "hours": 24}],
        until=moment("2 10:10:05"),
    ),
    Case(
        "emptied twice: a day from the first on",
        [charge(300, 0, "1 10:00"), charge(400, 0, "1 11:00", bucket_id="second")],
        [{"depleted_at": "2026-05-01T02:00:00.000Z", "hours": 24}],
        until=moment("2 11:00:05"),
    ),
    Case("money on any purse is money", [charge(300, 0, "1 10:00"), topup(0, 100, "1 11:00", bucket_id="second")], [], until=moment("3 10:00")),
    Case(
        "money of another currency is none",
        [charge(300, 0, "1 10:00"), topup(0, 100, "1 11:00", currency="USD")],
        [{"depleted_at": "2026-05-01T02:00:00.000Z", "hours": 24}],
        until=moment("2 10:00:05"),
    ),
    Case("a cent is left", [charge(300, 1, "1 10:00")], [], until=moment("5 10:00")),
    Case("a cent is money", [charge(300, 0, "1 10:00"), topup(0, 1, "1 11:00")], [], until=moment("5 10:00")),
]
