"""Very heavy data use in a day: an unlimited plan fits better."""

from events.words import D, labels
from schemas.raw import DataUsage
from streams.define import Event, Field, Param, per_day


class HeavyDay(Event, by="line", number=61):
    heavy = Param(5 * 1024**3, unit="byte", name="bytes", ge=1, doc="so much in a civil day is heavy")

    today = D.all.day_total(D.total_bytes)
    when = today.reaches(heavy)
    rearm = per_day()

    bytes: Field[int] = today.total
    top_app: Field[str] = today.top(D.app_category, labels(DataUsage, "app_category"))
