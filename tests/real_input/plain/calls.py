"""voice.* and sms.*: calls and messages."""

from collections import defaultdict
from datetime import date, timedelta

from tests.real_input.plain.data import HOUR, day_before, rfc, span, two
from tests.real_input.plain.windows import edged, silent, unusual_days


def calls(data, where=lambda r: True):
    return data.of("voice_usage", where=where)


def long_call(data):
    least = data.set("voice.long_call", "min", 1800)
    for who, mine in calls(data, lambda r: r["outcome"] in ("answered", "dropped") and r["duration_s"] >= least):
        last = None
        for r in mine:
            if last is None or r["event_time"] >= last + 24 * HOUR:
                last = r["event_time"]
                yield who, last, {"duration_s": r["duration_s"], "direction": r["direction"], "other_class": r["other_class"]}


def surge(data):
    k, floor = int(float(data.set("voice.surge", "k", "3.0")) * 10), data.set("voice.surge", "floor", 3600)
    for who, mine in calls(data, lambda r: r["direction"] == "mo"):
        for at, seconds, usual, days in unusual_days(data, who, [(r["event_time"], r["duration_s"]) for r in mine], (k, 10), floor):
            yield who, at, {"seconds": seconds, "usual_mean": two(usual, days)}


def quota_step(data):
    for who, mine in data.of("balance_change", where=lambda r: r["bucket_kind"] == "voice"):
        for r in mine:
            whole, left = r["bucket_initial"], r["balance_after"]
            before, after = 100 * (whole - left + r["delta"]), 100 * (whole - left)
            if steps := [step for step in (50, 80, 100) if before < step * whole <= after]:
                yield who, r["event_time"], {"step": max(steps), "left_s": left, "valid_until": rfc(r["valid_until"])}


def abroad(data):
    return calls(data, lambda r: r["direction"] == "mo" and r["outcome"] == "answered" and r["other_class"] == "international" and r.get("other_country"))


def intl_first_country(data):
    for who, mine in abroad(data):
        known = set()
        for r in mine:
            if r["other_country"] not in known:
                known.add(r["other_country"])
                yield who, r["event_time"], {"country": r["other_country"], "duration_s": r["duration_s"]}


def intl_frequent(data):
    for who, mine in abroad(data):
        recent, last, newest, emptied = defaultdict(list), {}, defaultdict(int), defaultdict(int)
        for r in mine:
            country, today = r["other_country"], data.day(r["event_time"])
            if r["event_time"] < newest[country]:
                recent[country] += [r] if r["event_time"] >= emptied[country] else []
                continue
            newest[country] = r["event_time"]
            held = recent[country] = [e for e in recent[country] if data.day(e["event_time"]) > day_before(today, 7)] + [r]
            if len(held) >= 3 and (country not in last or today >= last[country] + timedelta(days=30)):
                last[country] = today
                yield who, r["event_time"], {"country": country, "calls": len(held), "seconds": sum(e["duration_s"] for e in held)}
                recent[country], emptied[country] = [], r["event_time"]


def missed_calls(data):
    n, window = data.set("voice.missed_calls", "n", 5), span(data.set("voice.missed_calls", "window", "60min"))
    for who, mine in calls(data, lambda r: r["direction"] == "mt" and r["outcome"] in ("no_answer", "busy", "failed")):
        for at, held in edged([(r["event_time"], r) for r in mine], window, lambda inside: len(inside) >= n, 24):
            yield who, at, {"missed": len(held), "callers": len({r["other_party"] for r in held if r.get("other_party")})}


def no_calls(data):
    days = span(data.set("voice.silent", "T", "14d"))
    for who, mine in data.acts("voice_usage"):
        times = sorted(r["event_time"] for r in mine)
        dates = [data.day(at) for at in times]
        for place, due in silent(data, who, times, days):
            if sum(day > day_before(dates[place], 28) for day in dates[: place + 1]) >= 10:
                yield who, due, {"last_call_at": rfc(times[place]), "days": days}


def declines(data, who, mine, amount, k):
    """(Monday after, sums of k + 1 weeks) where the sum of a week fell the k-th time in a row."""
    weeks = defaultdict(int)
    for r in mine:
        weeks[data.monday(r["event_time"])] += r[amount]
    seen = data.monday(data.seen[who])
    begin = seen if data.seen[who] < data.at(seen) else seen + timedelta(days=7)
    sums, streak = [], 0
    for number in range((data.day(data.until) - begin).days // 7):
        monday = begin + timedelta(days=7 * number)
        sums.append(weeks.get(monday, 0))
        streak = streak + 1 if len(sums) > 1 and sums[-1] < sums[-2] else 0
        closed = data.at(monday + timedelta(days=7))
        if streak == k and data.alive(who, closed):
            yield closed, sums[-k - 1 :]


def weekly_decline(data):
    k, floor = data.set("voice.weekly_decline", "k", 4), data.set("voice.weekly_decline", "floor", 1800)
    for who, mine in calls(data):
        for closed, sums in declines(data, who, mine, "duration_s", k):
            if sums[0] >= floor:
                yield who, closed, {"weeks": k, "first_s": sums[0], "last_s": sums[-1]}


def burst(data):
    n, window = data.set("sms.burst", "n", 30), span(data.set("sms.burst", "window", "10min"))
    for who, mine in data.of("message_usage", where=lambda r: r["direction"] == "mo" and r["kind"] == "sms"):
        for at, held in edged([(r["event_time"], r) for r in mine], window, lambda inside: len(inside) >= n, 24):
            yield who, at, {"messages": len(held), "recipients": len({r["other_party"] for r in held if r.get("other_party")})}


def holiday_greetings(data):
    n = data.set("sms.holiday_greetings", "n", 10)
    names = {date.fromisoformat(row["date"]): row["name"] for row in data.reference.get("holidays", ())}
    for who, mine in data.of("message_usage", where=lambda r: r["direction"] == "mo" and r["other_class"] in ("onnet", "offnet") and r.get("other_party")):
        greeted, done = defaultdict(set), set()
        for r in mine:
            day = data.day(r["event_time"])
            greeted[day].add(r["other_party"])
            if day in names and len(greeted[day]) >= n and day not in done:
                done.add(day)
                yield who, r["event_time"], {"recipients": len(greeted[day]), "holiday": names[day]}


COUNTS = {
    "voice.long_call": long_call,
    "voice.surge": surge,
    "voice.quota_step": quota_step,
    "voice.intl_first_country": intl_first_country,
    "voice.intl_frequent": intl_frequent,
    "voice.missed_calls": missed_calls,
    "voice.silent": no_calls,
    "voice.weekly_decline": weekly_decline,
    "sms.burst": burst,
    "sms.holiday_greetings": holiday_greetings,
}
