"""line.* and milestone.*: first and last days, and days counted from the first."""

from datetime import date, timedelta

from tests.real_input.plain.data import HOUR


def begun(data):
    for who, mine in data.of("state_change", where=lambda r: r["attribute"] == "line.status" and r["old_value"] == "created" and r["new_value"] == "active"):
        yield who, mine[0]["event_time"]


def activated(data):
    for who, at in begun(data):
        yield who, at, {}


def acts_of(data):
    return dict(data.acts())


def never_used(data):
    acts = acts_of(data)
    for who, at in begun(data):
        due = data.later(at, 3)
        if data.alive(who, due) and not any(at < r["event_time"] <= due for r in acts.get(who, ())):
            yield who, due, {}


def first_use(data):
    since = dict(begun(data))
    for who, mine in data.acts():
        hours = (mine[0]["event_time"] - since[who]) // HOUR if who in since else None
        yield who, mine[0]["event_time"], {"usage_type": mine[0]["record_type"], "hours_since_activation": hours}


def terminated(data):
    first = {row["subscription_id"]: date.fromisoformat(row["activation_date"]) for row in data.reference.get("lines", ()) if "activation_date" in row}
    for who, at in data.ends.items():
        yield who, at, {"tenure_days": (data.day(at) - first[who]).days}


def day_7(data):
    acts = acts_of(data)
    for who, at in begun(data):
        due = data.at(data.day(at) + timedelta(days=7), 10)
        if data.alive(who, due):
            yield who, due, {"acts": sum(at < r["event_time"] <= due for r in acts.get(who, ())), "app_used": False}


def tenure_year(data):
    """Of a line that is active by its last state change, or that has none; from the first anniversary on that is not past when the line is first seen."""
    for row in data.reference.get("lines", ()):
        if "activation_date" not in row:
            continue
        who, day = row["subscription_id"], date.fromisoformat(row["activation_date"])
        for years in range(1, 5):
            due = data.at(day.replace(year=day.year + years), 10)
            if data.seen[who] <= due and data.alive(who, due):
                yield who, due, {"years": years}


COUNTS = {
    "line.activated": activated,
    "line.never_used": never_used,
    "line.first_use": first_use,
    "line.terminated": terminated,
    "milestone.day_7": day_7,
    "milestone.tenure_year": tenure_year,
}
