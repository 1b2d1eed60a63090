"""topup.*, payment.received and milestone.topup_count: recharges, and purses that ran empty."""

from tests.real_input.plain.balance import changes
from tests.real_input.plain.data import HOUR, day_before, half_up, rfc, span, two


def topups(data):
    return changes(data, lambda r: r["operation"] == "topup")


def completed(data):
    for who, mine in topups(data):
        for r in mine:
            yield who, r["event_time"], {"amount": r["delta"], "balance_after": r["balance_after"]}


def first(data):
    for who, mine in topups(data):
        yield who, mine[0]["event_time"], {"amount": mine[0]["delta"]}


def large(data):
    floor, k = data.set("topup.large", "floor", 10_000), int(float(data.set("topup.large", "k", "2.0")) * 10)
    for who, mine in topups(data):
        for place, r in enumerate(mine):
            before = [earlier["delta"] for earlier in mine[max(0, place - 5) : place]]
            if len(before) >= 3 and r["delta"] >= floor and 10 * r["delta"] * len(before) >= k * sum(before):
                usual = {"usual_mean": half_up(sum(before), len(before)), "ratio": two(r["delta"] * len(before), sum(before))}
                yield who, r["event_time"], {"amount": r["delta"], **usual}


def small_frequent(data):
    for who, mine in topups(data):
        recent = []
        for r in mine:
            if r["delta"] <= 2000:
                today = data.day(r["event_time"])
                recent = [e for e in recent if data.day(e["event_time"]) > day_before(today, 7)] + [r]
                if len(recent) >= 3:
                    amounts = [e["delta"] for e in recent]
                    yield who, r["event_time"], {"count": len(amounts), "total": sum(amounts), "largest": max(amounts)}
                    recent = []


def emptied(r):
    return r["balance_after"] - r["delta"] > 0 >= r["balance_after"]


def rescued(data):
    within = span(data.set("topup.rescued", "T", "1h"))
    for who, mine in changes(data):
        waiting = []
        for r in mine:
            at = r["event_time"]
            waiting = [start for start in waiting if at <= start + within]
            if r["operation"] == "topup" and r["balance_after"] > 0 and waiting:
                yield who, at, {"amount": r["delta"], "gap_s": (at - waiting.pop()) // 1000}
            elif emptied(r):
                waiting.append(at)


def missing_after_depletion(data):
    for who, mine in changes(data):
        start = None
        for r in [*mine, None]:
            at = r["event_time"] if r else None
            if start is not None and (r is None or at > start + 24 * HOUR):
                if data.alive(who, start + 24 * HOUR):
                    yield who, start + 24 * HOUR, {"depleted_at": rfc(start), "hours": 24}
                start = None
            if r and r["balance_after"] > 0:
                start = None
            elif r and start is None and emptied(r):
                start = at


def topup_count(data):
    for who, mine in topups(data):
        for n in (10, 50, 100):
            if len(mine) >= n:
                yield who, mine[n - 1]["event_time"], {"n": n, "total": sum(r["delta"] for r in mine[:n])}


def received(data):
    for who, mine in data.of("payment", where=lambda r: r["kind"] == "payment" and r["purpose"] == "bill" and r["status"] == "done"):
        for r in mine:
            yield who, r["event_time"], {"amount": r["amount_minor"], "method": r["method"]}


COUNTS = {
    "topup.completed": completed,
    "topup.first": first,
    "topup.large": large,
    "topup.small_frequent": small_frequent,
    "topup.rescued": rescued,
    "topup.missing_after_depletion": missing_after_depletion,
    "milestone.topup_count": topup_count,
    "payment.received": received,
}
