"""Data is charged by volume: a booster protects from a bill shock."""

from events.stories import Record, session
from events.words import D, out_of_bundle
from streams.define import Case, Detail, Event, Param, day, once_per


class OutOfBundle(Event, by="line"):
    sum = Param(500, unit="minor", ge=1, doc="so much charged in a civil day is worth a word")

    today = out_of_bundle.today()
    when = out_of_bundle.where(today.sum(D.charge_minor) >= sum)
    rearm = once_per(day)
    detail = Detail(charged=today.sum(D.charge_minor), bytes=today.sum(D.total_bytes))


def costly(at: str, charge_minor: int, total_bytes: int = 1000, currency: str = "CNY") -> Record:
    """Data outside the bundle, for `charge_minor`."""
    return session(at, total_bytes, rating_tag="out_of_bundle", charge_minor=charge_minor, currency=currency)


CASES = [
    Case("exactly the sum in a day, once", [costly("10:00", 250), costly("11:00", 250, 2000), costly("12:00", 250)], [{"charged": 500, "bytes": 3000, "currency": "CNY"}]),
    Case("one unit less", [costly("10:00", 250), costly("11:00", 249)], []),
    Case("two days are not one", [costly("1 23:59", 250), costly("2 00:00", 250)], []),
    Case("the next day starts at zero", [costly("1 10:00", 500), costly("2 10:00", 500)], [{"charged": 500, "bytes": 1000, "currency": "CNY"}] * 2),
    Case("two currencies are never added", [costly("10:00", 250), costly("11:00", 250, currency="USD")], []),
    Case(
        "each currency has its own day",
        [costly("10:00", 500), costly("11:00", 600, 2000, "USD")],
        [{"charged": 500, "bytes": 1000, "currency": "CNY"}, {"charged": 600, "bytes": 2000, "currency": "USD"}],
    ),
    Case(
        "bytes whose price is unknown do not count",
        [costly("10:00", 250), session("11:00", 7000, rating_tag="out_of_bundle"), costly("12:00", 250, 2000)],
        [{"charged": 500, "bytes": 3000, "currency": "CNY"}],
    ),
    Case("how it was rated is unknown", [session("10:00"), costly("11:00", 250)], []),
    Case("data in the bundle does not count", [session("10:00", rating_tag="in_bundle", charge_minor=250, currency="CNY"), costly("11:00", 250)], []),
]
