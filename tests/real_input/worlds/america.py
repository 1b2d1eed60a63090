"""America: 250 customers of two tariffs in 2018, by days."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime, time, timedelta
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING, Any

from tests.real_input.adapters import Raw, rows
from tests.real_input.worlds.records import NEW_YORK, World, call, instant, record, released, session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


NOON, MORNING, NIGHT, NIGHT_RUN = time(12), time(8), time(23), time(3)
MIB = 1024**2


def america(folder: Path) -> World:
    """Calls (min; 0: missed), messages and data sessions (MB), all at noon; allowances and overage by the tariff; bills of calendar months; first and last days."""
    own = folder / "megaline"
    plans = {row["plan_name"]: row for row in rows(own / "megaline_plans.csv")}
    users = {row["user_id"]: row for row in rows(own / "megaline_users.csv")}
    records: list[Raw] = []
    lines = []
    overage: dict[tuple[str, date], Counter[str]] = defaultdict(Counter)
    for who, row in users.items():
        first, last = day_of(row["reg_date"]), day_of(row["churn_date"]) if row["churn_date"] else None
        lines.append({"subscription_id": who, "customer_id": who, "account_id": who, "tz": NEW_YORK.key, "bill_cycle_day": 1, "activation_date": first.isoformat()})
        records.append(status(who, first, MORNING, "created", "active"))
        if last:
            records.append(status(who, last, NIGHT, "active", "terminated"))
    usage = sorted(used(own), key=lambda item: (item[0], item[1]))
    left: dict[tuple[str, str, date], int] = {}
    for who, day, kind, number, amount in usage:
        records += charged(who, day, kind, number, amount, plans[users[who]["tariff"]], left, overage)
    for who, row in users.items():
        records += bills(who, day_of(row["reg_date"]), day_of(row["churn_date"]) if row["churn_date"] else date(2018, 12, 31), plans[row["tariff"]], overage)
    parameters: dict[str, dict[str, Any]] = {
        "voice.weekly_decline": {"k": 3, "floor": 1200},
        "churn.multi_signal": {"n": 2},
        "bill.shock": {"k": "1.2"},
        "bill.rising": {"k": 2},
        "bill.falling": {"k": 2},
        "data.heavy_day": {"bytes": 2 * 1024**3},
        "voice.missed_calls": {"n": 2, "window": "24h"},
        "sms.burst": {"n": 6, "window": "24h"},
        "voice.surge": {"floor": 2400},
    }
    return World(released(records), {"lines": lines}, NEW_YORK.key, "US", parameters, "2020-12-31T00:00:00Z")


def day_of(text: str) -> date:
    return datetime.strptime(text, "%d/%m/%Y").date()


def on(day: date, at: time = NOON) -> int:
    return instant(datetime.combine(day, at), NEW_YORK)


def status(who: str, day: date, at: time, old: str, new: str) -> Raw:
    return record("state_change", "users", f"{who}-{new}", on(day, at), who, entity="line", entity_id=who, attribute="line.status", old_value=old, new_value=new)


def used(own: Path) -> Iterator[tuple[str, date, str, str, int]]:
    """Line, day, kind, id and amount (s, messages, bytes) of each use."""
    for row in rows(own / "megaline_calls.csv"):
        yield row["user_id"], day_of(row["call_date"]), "voice", row["id"], int(Decimal(row["duration"]) * 60)
    for row in rows(own / "megaline_messages.csv"):
        yield row["user_id"], day_of(row["message_date"]), "sms", row["id"], 1
    for row in rows(own / "megaline_internet.csv"):
        yield row["user_id"], day_of(row["session_date"]), "data", row["id"], int(Decimal(row["mb_used"]) * MIB)


def charged(who: str, day: date, kind: str, number: str, amount: int, plan: dict[str, str], left: dict[tuple[str, str, date], int], overage: Any) -> Iterator[Raw]:
    """One use as a record, and what it takes from the month's allowance; what goes beyond is charged."""
    month, unit = day.replace(day=1), {"voice": "second", "sms": "message", "data": "byte"}[kind]
    allowance = {"voice": int(plan["minutes_included"]) * 60, "sms": int(plan["messages_included"]), "data": int(plan["mb_per_month_included"]) * MIB}[kind]
    price = {"voice": Decimal(plan["usd_per_minute"]) / 60, "sms": Decimal(plan["usd_per_message"]), "data": Decimal(plan["usd_per_gb"]) / 1024**3}[kind] * 100
    before = left.setdefault((who, kind, month), allowance)
    taken = min(before, amount)
    left[who, kind, month] = before - taken
    over = int((price * (amount - taken)).to_integral_value(ROUND_CEILING))
    overage[who, month][kind] += over
    rated = {"rating_tag": "out_of_bundle" if over else "in_bundle", "charge_minor": over, "currency": "USD"}
    if kind == "voice":
        yield call("calls", number, on(day), who, amount, direction="mo" if amount else "mt", other_class="offnet", **rated)
    elif kind == "sms":
        yield record("message_usage", "messages", number, on(day), who, kind="sms", direction="mo", other_class="offnet", result="delivered", roaming=False, **rated)
    else:
        yield session("internet", number, on(day), who, amount, **rated)
    if taken:
        bucket = {
            "bucket_id": f"{kind}-{month}",
            "bucket_kind": kind,
            "unit": unit,
            "bucket_initial": allowance,
            "valid_from": on(month, time()),
            "valid_until": on(following(month), time()),
        }
        yield record(
            "balance_change", f"{kind}-quota", number, on(day), who, operation="charge", charge_reason=kind, delta=-taken, balance_after=before - taken, main=False, **bucket
        )


def following(month: date) -> date:
    return (month + timedelta(days=31)).replace(day=1)


def bills(who: str, first: date, last: date, plan: dict[str, str], overage: Any) -> Iterator[Raw]:
    """A bill for each month from the first to the last day, in the night after it; due in 14 days."""
    month = first.replace(day=1)
    while month <= last:
        issued = following(month)
        lines = {"recurring": int(plan["usd_monthly_pay"]) * 100} | {kind: amount for kind, amount in overage[who, month].items() if amount}
        days = {"bill_date": issued, "period_start": month, "period_end": issued - timedelta(days=1), "due_date": issued + timedelta(days=14)}
        dated = {name: day.isoformat() for name, day in days.items()}
        bill = {"bill_id": f"{who}-{month}", "category": "normal", "amount_due_minor": sum(lines.values()), "currency": "USD", "lines": lines}
        yield record("bill_issued", "bills", f"{who}-{month}", on(issued, NIGHT_RUN), who, **dated, **bill)
        month = issued
