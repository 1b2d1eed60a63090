"""data.*: volumes of days and weeks, allowances, and days without."""

from collections import defaultdict
from datetime import timedelta
from itertools import pairwise

from tests.real_input.plain.calls import declines
from tests.real_input.plain.data import rfc, two
from tests.real_input.plain.windows import active_days, silent, unusual_days


def sessions(data):
    return data.acts("data_usage")


def quota(low, high):
    """The used share passes `low` percent of an allowance, and stays below `high`: once for each allowance."""

    def count(data):
        for who, mine in data.of("balance_change", where=lambda r: r["bucket_kind"] == "data"):
            done = set()
            for r in mine:
                whole, left = r["bucket_initial"], r["balance_after"]
                before, after = 100 * (whole - left + r["delta"]), 100 * (whole - left)
                if before < low * whole <= after and (high is None or after < high * whole) and r["bucket_id"] not in done:
                    done.add(r["bucket_id"])
                    days_left = (data.day(r["valid_until"]) - data.day(r["event_time"])).days
                    more = {} if high is None else {"used_pct": two(after, whole), "left_bytes": left}
                    yield who, r["event_time"], {"valid_until": rfc(r["valid_until"]), "days_left": days_left, **more}

    return count


def early_burn(data):
    for who, mine in data.of("balance_change", where=lambda r: r["bucket_kind"] == "data"):
        done = set()
        for r in mine:
            whole, used = r["bucket_initial"], r["bucket_initial"] - r["balance_after"]
            length, passed = r["valid_until"] - r["valid_from"], r["event_time"] - r["valid_from"]
            if 10 * passed >= length and 2 * used * length >= 3 * passed * whole and 10 * used >= 4 * whole and r["bucket_id"] not in done:
                done.add(r["bucket_id"])
                yield who, r["event_time"], {"used_pct": two(100 * used, whole), "elapsed_pct": two(100 * passed, length)}


def surge(data):
    k, floor = int(float(data.set("data.surge", "k", "3.0")) * 10), data.set("data.surge", "floor", 1024**3)
    for who, mine in sessions(data):
        for at, size, usual, days in unusual_days(data, who, [(r["event_time"], r["total_bytes"]) for r in mine], (k, 10), floor):
            yield who, at, {"bytes": size, "usual_mean": two(usual, days)}


def heavy_day(data):
    least = data.set("data.heavy_day", "bytes", 5 * 1024**3)
    for who, mine in sessions(data):
        total, done = defaultdict(int), set()
        for r in mine:
            day = data.day(r["event_time"])
            total[day] += r["total_bytes"]
            if total[day] >= least and day not in done:
                done.add(day)
                yield who, r["event_time"], {"bytes": total[day]}


def out_of_bundle(data):
    for who, mine in data.of("data_usage", where=lambda r: r.get("rating_tag") == "out_of_bundle"):
        money, size, done = defaultdict(int), defaultdict(int), set()
        for r in mine:
            day = data.day(r["event_time"])
            money[day] += r["charge_minor"]
            size[day] += r["total_bytes"]
            if money[day] >= 500 and day not in done:
                done.add(day)
                yield who, r["event_time"], {"charged": money[day], "bytes": size[day]}


def no_data(data):
    for who, mine in sessions(data):
        times = [r["event_time"] for r in mine]
        dates = [data.day(at) for at in times]
        for place, due in silent(data, who, times, 7):
            if active_days(dates[: place + 1], 14) >= 5:
                yield who, due, {"last_data_at": rfc(times[place]), "days": 7}


def returned(data):
    for who, mine in sessions(data):
        for before, r in pairwise(mine):
            gap = data.day(r["event_time"]) - data.day(before["event_time"])
            if gap >= timedelta(days=7):
                yield who, r["event_time"], {"gap_days": gap.days}


def weekly_decline(data):
    k, floor = data.set("data.weekly_decline", "k", 3), data.set("data.weekly_decline", "floor", 1024**3)
    for who, mine in sessions(data):
        for closed, sums in declines(data, who, mine, "total_bytes", k):
            if 2 * sums[-1] <= sums[0] and sums[0] >= floor:
                yield who, closed, {"first_bytes": sums[0], "last_bytes": sums[-1]}


COUNTS = {
    "data.quota_50": quota(50, 80),
    "data.quota_80": quota(80, 100),
    "data.quota_exhausted": quota(100, None),
    "data.quota_early_burn": early_burn,
    "data.surge": surge,
    "data.heavy_day": heavy_day,
    "data.out_of_bundle": out_of_bundle,
    "data.silent": no_data,
    "data.returned": returned,
    "data.weekly_decline": weekly_decline,
}
