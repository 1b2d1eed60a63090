"""topup.*, payment.received and milestone.topup_count: recharges, and purses that ran empty."""

from bisect import insort

from tests.real_input.plain.balance import changes
from tests.real_input.plain.data import HOUR, SECOND, day_before, half_up, rfc, span, two

DAY = 24 * HOUR


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
        held = []
        for r in mine:
            late = bool(held) and r["event_time"] < held[-1]["event_time"]
            before = [earlier["delta"] for earlier in held[-5:]]
            insort(held, r, key=lambda one: one["event_time"])
            if late:
                continue
            if len(before) >= 3 and r["delta"] >= floor and 10 * r["delta"] * len(before) >= k * sum(before):
                usual = {"usual_mean": half_up(sum(before), len(before)), "ratio": two(r["delta"] * len(before), sum(before))}
                yield who, r["event_time"], {"amount": r["delta"], **usual}


def small_frequent(data):
    for who, mine in topups(data):
        recent, newest, emptied = [], 0, 0
        for r in mine:
            if r["delta"] <= 2000 and r["event_time"] < newest:
                recent += [r] if r["event_time"] >= emptied else []
            elif r["delta"] <= 2000:
                newest, today = r["event_time"], data.day(r["event_time"])
                recent = [e for e in recent if data.day(e["event_time"]) > day_before(today, 7)] + [r]
                if len(recent) >= 3:
                    amounts = [e["delta"] for e in recent]
                    yield who, r["event_time"], {"count": len(amounts), "total": sum(amounts), "largest": max(amounts)}
                    recent, emptied = [], newest


def emptied(r):
    return r["balance_after"] - r["delta"] > 0 >= r["balance_after"]


def rescued(data):
    """A top-up takes the latest empty purse that is free, and one that comes late behind another top-up takes none; an empty purse that comes later than its top-up finds it."""
    within = span(data.set("topup.rescued", "T", "1h"))
    for who, mine in changes(data):
        waiting, unused, newest = [], [], 0
        for r in mine:
            at = r["event_time"]
            if r["operation"] == "topup" and r["balance_after"] > 0 and at >= newest:
                newest = at
                if starts := [start for start in waiting if start <= at <= start + within]:
                    waiting.remove(starts[-1])
                    yield who, at, saved(r, starts[-1])
                else:
                    unused.append(r)
            elif emptied(r):
                if later := [other for other in unused if at <= other["event_time"] <= at + within]:
                    unused.remove(later[0])
                    yield who, later[0]["event_time"], saved(later[0], at)
                else:
                    waiting.append(at)


def saved(r, start):
    return {"amount": r["delta"], "gap_s": (r["event_time"] - start) // 1000}


def missing_after_depletion(data):
    """In the order of release: a timer that has fired is not undone, and none begins where money is known to have come."""
    for who, mine in changes(data):
        start, filled = None, []
        for r in mine:
            at = r["event_time"]
            if start is not None and (at > start + DAY or r["clock"] >= start + DAY + 5 * SECOND):
                yield missed(who, start)
                start = None
            if r["balance_after"] > 0:
                filled.append(at)
                start = None if start is not None and start < at <= start + DAY else start
            elif emptied(r) and start is None and not any(at < other <= at + DAY for other in filled):
                start = at
        if start is not None and data.alive(who, start + DAY):
            yield missed(who, start)


def missed(who, start):
    return who, start + DAY, {"depleted_at": rfc(start), "hours": 24}


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
