"""balance.*: levels of purses, large and quick deductions, gifts."""

from collections import defaultdict

from tests.real_input.plain.data import HOUR, span
from tests.real_input.plain.windows import edged


def changes(data, where=lambda r: True):
    return data.of("balance_change", where=lambda r: r["bucket_kind"] == "money" and r.get("main", True) and where(r))


def charges(data):
    return changes(data, lambda r: r["operation"] == "charge" and r["delta"] < 0)


def drop(data):
    least = data.set("balance.drop", "min_drop", 2000)
    for who, mine in charges(data):
        last = None
        for r in mine:
            if -r["delta"] >= least and (last is None or r["event_time"] >= last + HOUR):
                last = r["event_time"]
                yield who, last, {"drop": -r["delta"], "balance_before": r["balance_after"] - r["delta"], "balance_after": r["balance_after"], "charge_reason": r["charge_reason"]}


def rapid_drop(data):
    window, least = span(data.set("balance.rapid_drop", "window", "60min")), data.set("balance.rapid_drop", "sum", 3000)
    for who, mine in charges(data):
        members = [(r["event_time"], r) for r in mine]
        for at, inside in edged(members, window, lambda held: sum(-r["delta"] for r in held) >= least and len(held) >= 2, 24):
            reasons = defaultdict(int)
            for r in inside:
                reasons[r["charge_reason"]] -= r["delta"]
            top = min(reasons, key=lambda reason: (-reasons[reason], reason))
            yield who, at, {"spent": sum(reasons.values()), "charges": len(inside), "window_s": window // 1000, "top_reason": top}


def purses(data):
    for who, mine in changes(data):
        by_bucket = defaultdict(list)
        for r in mine:
            by_bucket[r["bucket_id"], r["currency"]].append((r["event_time"], r["balance_after"] - r["delta"], r["balance_after"], r))
        for moves in by_bucket.values():
            yield who, moves


def falls(data, mark, rearm):
    """(who, [(time fallen, after, time back, after then)]) of a level with hysteresis."""
    for who, moves in purses(data):
        fallen = None
        for at, before, after, _ in moves:
            if fallen is None and before >= mark > after:
                fallen = (at, after)
                yield who, at, after, None
            elif fallen is not None and after >= rearm:
                yield who, at, after, fallen[0]
                fallen = None


def low(data):
    for who, at, after, since in falls(data, 1000, 2000):
        if since is None:
            yield who, at, {"balance_after": after, "threshold": 1000}


def recovered(data):
    for who, at, after, since in falls(data, 1000, 2000):
        if since is not None:
            yield who, at, {"balance_after": after, "low_duration_s": (at - since) // 1000}


def critical(data):
    for who, at, after, since in falls(data, 200, 1000):
        if since is None:
            yield who, at, {"balance_after": after, "threshold": 200}


def depleted(data):
    for who, moves in purses(data):
        armed, last = True, None
        for at, before, after, r in moves:
            if after > 0:
                armed = True
            elif before > 0 and armed:
                armed = False
                if last is None or at >= last + HOUR:
                    last = at
                    yield who, at, {"balance_after": after, "charge_reason": r.get("charge_reason")}


def transfer_sent(data):
    for who, mine in changes(data, lambda r: r["operation"] == "transfer_out"):
        for r in mine:
            yield who, r["event_time"], {"amount": -r["delta"], "counterpart": r["counterpart"]}


COUNTS = {
    "balance.drop": drop,
    "balance.rapid_drop": rapid_drop,
    "balance.low": low,
    "balance.recovered": recovered,
    "balance.critical": critical,
    "balance.depleted": depleted,
    "balance.transfer_sent": transfer_sent,
}
