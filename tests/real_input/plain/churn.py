"""churn.* and net.unreachable: silences of all kinds, use that halves, and several signs together."""

from collections import defaultdict
from datetime import timedelta
from fractions import Fraction

from tests.real_input.plain.bill import shock
from tests.real_input.plain.data import HOUR, day_before, rfc, two
from tests.real_input.plain.windows import active_days, silent


def all_silence_7(data):
    for who, acts in data.acts():
        mine = sorted(acts, key=lambda r: r["event_time"])
        times = [r["event_time"] for r in mine]
        dates = [data.day(at) for at in times]
        for place, due in silent(data, who, times, 7):
            if active_days(dates[: place + 1], 14) >= 5:
                yield who, due, {"last_act": rfc(times[place]), "last_type": mine[place]["record_type"]}


def all_silence_30(data):
    for who, acts in data.acts():
        mine = sorted(acts, key=lambda r: r["event_time"])
        times = [r["event_time"] for r in mine]
        for place, due in silent(data, who, times, 30):
            yield who, due, {"last_act": rfc(times[place])}


LEAST = {"voice_usage": 600, "data_usage": 100 * 1024**2}
AMOUNT = {"voice_usage": "duration_s", "data_usage": "total_bytes"}


def weekly_score(weeks, monday):
    """Mean of the ratios of a week to the four before that are available, and the ratios."""
    ratios = {}
    for kind, least in LEAST.items():
        before = sum(weeks[kind].get(day_before(monday, 7 * n), 0) for n in range(1, 5))
        if before >= 4 * least:
            ratios[kind] = Fraction(4 * weeks[kind].get(monday, 0), before)
    return (sum(ratios.values()) / len(ratios), ratios) if ratios else (None, ratios)


def shown(ratio):
    return None if ratio is None else two(ratio.numerator, ratio.denominator)


def activity_decay(data):
    for who, mine in data.of("voice_usage", "data_usage", where=lambda r: r.get("direction") in ("mo", None)):
        weeks = {kind: defaultdict(int) for kind in LEAST}
        for r in mine:
            weeks[r["record_type"]][data.monday(r["event_time"])] += r[AMOUNT[r["record_type"]]]
        first, last = data.seen[who], max(data.monday(r["event_time"]) for r in mine)
        monday, armed, quiet = data.monday(first), True, None
        while monday <= last + timedelta(days=28):
            closes = monday + timedelta(days=7)
            at = data.at(closes)
            score, ratios = weekly_score(weeks, monday) if first < data.at(day_before(monday, 28)) else (None, {})
            fires = score is not None and score <= Fraction(1, 2)
            if fires and armed and data.alive(who, at) and (quiet is None or closes >= quiet):
                quiet = closes + timedelta(days=28)
                yield who, at, {"score": shown(score), "voice_ratio": shown(ratios.get("voice_usage")), "data_ratio": shown(ratios.get("data_usage"))}
            armed, monday = not fires, closes


def multi_signal(data):
    n = data.set("churn.multi_signal", "n", 3)
    signs = defaultdict(list)
    for name, count in (("churn.activity_decay", activity_decay), ("churn.all_silence_7", all_silence_7), ("bill.shock", shock)):
        for who, at, _ in count(data):
            if at <= data.ends.get(who, at):
                signs[who].append((at, name))
    for who, mine in signs.items():
        held, armed, quiet = [], True, None
        for at, name in sorted(mine):
            today = data.day(at)
            held = [sign for sign in held if data.day(sign[0]) > day_before(today, 14)]
            armed = armed or len({other for _, other in held}) < n
            held.append((at, name))
            names = list(dict.fromkeys(other for _, other in held))
            if armed and len(names) >= n:
                armed = False
                if quiet is None or today >= quiet:
                    quiet = today + timedelta(days=30)
                    yield who, at, {"signals": names, "first_at": rfc(held[0][0])}
            elif len(names) < n:
                armed = True


def unreachable(data):
    for who, mine in data.of("location_update", "voice_usage", "message_usage", "data_usage"):
        seen = [r for r in mine if r["record_type"] == "location_update"]
        for place, r in enumerate(seen):
            at, due = r["event_time"], r["event_time"] + 48 * HOUR
            later = any(at <= other["event_time"] <= due for other in mine if other["record_type"] != "location_update")
            later = later or (place + 1 < len(seen) and seen[place + 1]["event_time"] <= due)
            if not later and data.alive(who, due):
                yield who, due, {"last_cell": r["cell_id"], "last_seen": rfc(at)}


COUNTS = {
    "churn.all_silence_7": all_silence_7,
    "churn.all_silence_30": all_silence_30,
    "churn.activity_decay": activity_decay,
    "churn.multi_signal": multi_signal,
    "net.unreachable": unreachable,
}
