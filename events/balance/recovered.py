"""The balance is back above the re-arm mark after having been low: credit is there for an offer."""

from events.balance.low import Low
from events.stories import charge, topup
from events.words import B, main
from streams.define import Case, Detail, Event


class Recovered(Event, by="line", expect="17-81 per 1,000 customers a day"):
    back = Low.same(B.currency, B.bucket_id).then(main.same(B.bucket_id).where(B.balance_after >= Low.rearm_at))
    when = back
    detail = Detail(balance_after=B.balance_after, low_duration_s=back.gap.seconds)


CASES = [
    Case("back at the re-arm mark", [charge(1200, 900, "10:00"), topup(900, 2000, "10:03")], [{"balance_after": 2000, "low_duration_s": 180, "currency": "CNY"}]),
    Case("just below it is not yet", [charge(1200, 900, "10:00"), topup(900, 1999, "10:03")], []),
    Case("high without having been low", [topup(1000, 3000)], []),
    Case("another purse is another balance", [charge(1200, 900, "10:00"), topup(0, 3000, "10:03", bucket_id="second")], []),
    Case(
        "once for each time it was low",
        [charge(1200, 900, "10:00"), topup(900, 2000, "10:03"), topup(2000, 3000, "10:04")],
        [{"balance_after": 2000, "low_duration_s": 180, "currency": "CNY"}],
    ),
]
