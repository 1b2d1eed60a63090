"""spend.*: a day's charges, and the first one outside the bundle."""

from collections import defaultdict

from tests.real_input.plain.balance import charges
from tests.real_input.plain.data import half_up
from tests.real_input.plain.windows import unusual_days


def day_step(data):
    steps = [data.set("spend.day_step", f"step_{n}", default) for n, default in ((1, 3000), (2, 5000), (3, 10_000))]
    for who, mine in charges(data):
        spent, reached = defaultdict(int), defaultdict(int)
        for r in mine:
            day = data.day(r["event_time"])
            spent[day] -= r["delta"]
            step = max((s for s in steps if s <= spent[day]), default=0)
            if step > reached[day]:
                reached[day] = step
                yield who, r["event_time"], {"spent": spent[day], "step": step}


def unusual_day(data):
    k = int(float(data.set("spend.unusual_day", "k", "3.0")) * 10), 10
    for who, mine in charges(data):
        for at, spent, usual, days in unusual_days(data, who, [(r["event_time"], -r["delta"]) for r in mine], k, 1000):
            yield who, at, {"spent": spent, "usual_mean": half_up(usual, days)}


def out_of_bundle_started(data):
    """In a calendar month: all lines have a bill cycle that begins on the first."""
    for who, mine in data.of("voice_usage", "message_usage", "data_usage", where=lambda r: r.get("rating_tag") == "out_of_bundle" and r["charge_minor"] >= 1):
        months = set()
        for r in mine:
            month = data.day(r["event_time"]).replace(day=1)
            if month not in months:
                months.add(month)
                yield who, r["event_time"], {"usage_type": r["record_type"], "charge": r["charge_minor"]}


COUNTS = {"spend.day_step": day_step, "spend.unusual_day": unusual_day, "spend.out_of_bundle_started": out_of_bundle_started}
