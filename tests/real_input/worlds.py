"""Public tables as the raw records and reference tables of four operators, for the counts in `plain`.

What a table does not have and no counted rule decides by is a constant; what a rule decides by comes from the table. Ids of customer, account and line
are one. Amounts become minor units by two decimals.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from datetime import date, datetime, time, timedelta
from decimal import ROUND_CEILING, Decimal
from math import asin, cos, radians, sin, sqrt
from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.real_input.adapters import Raw, envelope, minor, rows

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

UTC, LONDON, NEW_YORK = ZoneInfo("UTC"), ZoneInfo("Europe/London"), ZoneInfo("America/New_York")
RANK = {
    **dict.fromkeys(("balance_change", "bill_issued", "payment"), 0),
    **dict.fromkeys(("voice_usage", "message_usage", "data_usage"), 1),
    **dict.fromkeys(("state_change", "interaction", "trouble_ticket"), 2),
    "location_update": 3,
}
"""Records of one time are released in this order."""
Table = list[dict[str, Any]]


class World(NamedTuple):
    """Records in the order of their release, what they are joined to, and the parameters under which a data set has events."""

    records: list[Raw]
    reference: dict[str, Table]
    zone: str
    country: str
    parameters: dict[str, dict[str, Any]]
    until: str
    """The clock is moved on to here, RFC 3339."""


def released(records: Iterable[Raw]) -> list[Raw]:
    return sorted(records, key=lambda record: (record["event_time"], RANK[record["record_type"]]))


def instant(local: datetime, zone: ZoneInfo) -> int:
    return round(local.replace(tzinfo=zone).timestamp() * 1000)


def record(record_type: str, source: str, number: str, at: int, who: str, /, **fields: Any) -> Raw:
    return {**envelope(record_type, source, 0, at, who), "record_id": number, **fields}


def money(source: str, number: str, at: int, who: str, bucket: str, currency: str, operation: str, delta: int, after: int, **more: Any) -> Raw:
    fields = {"bucket_id": bucket, "bucket_kind": "money", "unit": "minor", "currency": currency, "operation": operation, "delta": delta, "balance_after": after}
    return record("balance_change", source, number, at, who, **fields, **more)


def call(source: str, number: str, end: int, who: str, seconds: int, **more: Any) -> Raw:
    start = end - seconds * 1000
    answered = {"answer_time": start, "outcome": "answered"} if seconds else {"outcome": "no_answer"}
    return record("voice_usage", source, number, end, who, start_time=start, duration_s=seconds, roaming=False, **{**answered, **more})


def session(source: str, number: str, at: int, who: str, size: int, **more: Any) -> Raw:
    volume = {"uplink_bytes": 0, "downlink_bytes": size, "total_bytes": size}
    return record("data_usage", source, number, at, who, session_id=number, start_time=at, duration_s=0, rat="4G", roaming=False, **volume, **more)


# Togo: 500 prepaid subscribers in January and February 2020

LEAST_BALANCE = 7000
"""The wallet holds at least 70.00: what is above it can be spent. With it balances run empty; the table's own never do."""


def togo(folder: Path) -> World:
    """Recharges of airtime, mobile money as a second purse, and data volumes (MB)."""
    own = folder / "cider_synthetic"
    return World(
        released([*airtime(own), *wallets(own), *volumes(own)]),
        {},
        "UTC",
        "TG",
        {
            "topup.large": {"floor": 5000, "k": "1.5"},
            "topup.rescued": {"T": "120h"},
            "data.heavy_day": {"bytes": 200_000_000},
            "data.surge": {"k": "3.0", "floor": 50_000_000},
            "data.weekly_decline": {"floor": 200_000_000, "k": 2},
            "balance.rapid_drop": {"window": "48h"},
            "spend.unusual_day": {"k": "10.0"},
        },
        "2020-06-01T00:00:00Z",
    )


def by_day(folder: Path) -> World:
    """The same, as two systems deliver a file a day each: first the recharges of the day, then what happened to the wallets."""
    whole = togo(folder)
    own = sorted(whole.records, key=lambda r: (r["event_time"] // 86_400_000, r["source_system"] != "recharges"))
    return whole._replace(records=own)


def airtime(own: Path) -> Iterator[Raw]:
    """The balance is not in the table: it is the sum of what was recharged."""
    totals: Counter[str] = Counter()
    for number, row in enumerate(rows(own / "recharges.csv")):
        who, amount, at = row["caller_id"], minor(row["amount"]), instant(datetime.fromisoformat(row["timestamp"]), UTC)
        totals[who] += amount
        if amount:
            yield money("recharges", f"{number}", at, who, "airtime", "XOF", "topup", amount, totals[who])


WALLET = {
    "cashin": ("topup", {}, None),
    "cashout": ("adjust_debit", {}, None),
    "p2p": ("transfer_out", {}, "transfer_in"),
    "billpay": ("charge", {"charge_reason": "purchase"}, "adjust_credit"),
    "other": ("charge", {"charge_reason": "other"}, "adjust_credit"),
}


def wallets(own: Path) -> Iterator[Raw]:
    for number, row in enumerate(rows(own / "mobilemoney.csv")):
        at, (operation, reason, received) = instant(datetime.fromisoformat(row["timestamp"]), UTC), WALLET[row["txn_type"]]
        for side, what, more in (("sender", operation, reason), ("recipient", received, {})):
            if what is not None:
                who, other = (row["caller_id"], row["recipient_id"]) if side == "sender" else (row["recipient_id"], row["caller_id"])
                before, after = (minor(row[f"{side}_balance_{when}"]) - LEAST_BALANCE for when in ("before", "after"))
                yield money(f"wallet-{side}", f"{number}", at, who, "wallet", "XOF", what, after - before, after, counterpart=other or None, **more)
        if row["txn_type"] == "billpay":
            paid = {"kind": "payment", "status": "done", "purpose": "bill", "method": "wallet", "channel": "ussd", "bill_id": "unknown"}
            yield record("payment", "wallet", f"{number}", at, row["caller_id"], payment_id=f"{number}", amount_minor=minor(row["amount"]), currency="XOF", **paid)


def volumes(own: Path) -> Iterator[Raw]:
    for number, row in enumerate(rows(own / "mobiledata.csv")):
        at = instant(datetime.fromisoformat(row["timestamp"]), UTC)
        yield session("mobiledata", f"{number}", at, row["caller_id"], int(Decimal(row["volume"]) * 1_000_000))


# London: 101 fixed lines in January to March 2014

CLASS = {"Local": "fixed", "National": "fixed", "Mobile": "offnet", "Intl": "international", "Free": "service", "PRS": "premium"}


def london(folder: Path) -> World:
    """Calls to the minute with their cost (pence), each at its end, and the cost as a charge; the country by the number's calling code."""
    records, codes = [], calling_codes(folder)
    for number, row in enumerate(rows(folder / "np_dl_telco_cdr" / "cdr.csv")):
        start, end = (datetime.strptime(f"{row[f'{side}Date']} {row[f'{side}Time']}", "%d/%m/%Y %H:%M:%S") for side in ("start", "end"))
        seconds, who, at = (end - start) // timedelta(seconds=1), row["phoneNumber"], instant(end, LONDON)
        if not 0 <= seconds <= 86_400:
            continue
        kind, country = CLASS[row["Type"]], country_of(row["destPhoneNumber"], codes)
        far = {"other_country": country} if kind == "international" and country else {}
        kind = "unknown" if kind == "international" and country is None else kind
        answered = {"answer_time": instant(start, LONDON), "outcome": "answered"}
        records.append(call("cdr", f"{number}", at, who, seconds, direction="mo", other_party=row["destPhoneNumber"], other_class=kind, **far, **answered))
        if cost := int(row["Cost"]):
            records.append(money("cost", f"{number}", at, who, "main", "GBP", "charge", -cost, 10**6, charge_reason="voice"))
    parameters: dict[str, dict[str, Any]] = {
        "voice.silent": {"T": "7d"},
        "voice.weekly_decline": {"k": 3},
        "voice.surge": {"k": "2.0"},
        "balance.drop": {"min_drop": 500},
        "balance.rapid_drop": {"sum": 500},
        "spend.day_step": {"step_1": 1000, "step_2": 1500, "step_3": 2000},
        "spend.unusual_day": {"k": "2.0"},
    }
    return World(released(records), {}, "Europe/London", "GB", parameters, "2014-06-01T00:00:00Z")


def by_hour(folder: Path) -> World:
    """The same, as files of an hour deliver them: within an hour in the order of the table, which is not that of time."""
    whole = london(folder)
    own = sorted(whole.records, key=lambda r: (r["event_time"] // 3_600_000, int(r["record_id"])))
    return whole._replace(records=own)


def calling_codes(folder: Path) -> dict[str, str]:
    """Country of each calling code; of a code that several share the first by alphabet."""
    table: dict[str, set[str]] = defaultdict(set)
    for row in rows(folder / "ref_plmn" / "mcc-mnc-table.csv"):
        if row["Country Code"].isdigit() and len(row["ISO"]) == 2 and row["ISO"].isalpha():
            table[row["Country Code"]].add(row["ISO"].upper())
    return {code: min(countries) for code, countries in table.items()}


def country_of(number: str, codes: dict[str, str]) -> str | None:
    return next((codes[number[:size]] for size in (4, 3, 2, 1) if number[:size] in codes), None)


# America: 250 customers of two tariffs in 2018, by days

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


# Boston: four people's phone logs with antennas, December 2013 to May 2014, and January 2015


def boston(folder: Path) -> World:
    """Calls and texts, and where they were: an antenna is in the nearest city of at least 30,000 people; home is where most of a person's records are."""
    own = folder / "bandicoot"
    antennas, towers = (
        {row["antenna_id"]: (float(row["latitude"]), float(row["longitude"])) for row in rows(own / name)} for name in ("demo__data__antennas.csv", "tests__towers.csv")
    )
    with (own / "tests__u_test.csv").open(encoding="utf-8") as file:
        orange = [(kind == "11", way == "1", other, when, length, (float(lat), float(lon))) for way, kind, _, other, when, length, lat, lon in csv.reader(file, delimiter=";")]
    logs = {
        "ego": [(*talk(row), antennas[row["antenna_id"]]) for row in rows(own / "demo__data__ego.csv")],
        "weekly": [(*talk(row), towers[row["antenna_id"]]) for row in rows(own / "tests__churn_user.csv") if row["antenna_id"] in towers],
        "u1": orange,
        "u2": [(*talk(row), (float(row["latitude"]), float(row["longitude"]))) for row in rows(own / "tests__u_test2.csv")],
    }
    cities = around(folder)
    records: list[Raw] = []
    cells: dict[str, dict[str, Any]] = {}
    lines = []
    for who, log in logs.items():
        seen: Counter[str] = Counter()
        for number, (is_call, out, other, when, length, point) in enumerate(log):
            cell = f"{point[0]}/{point[1]}"
            city = min(cities, key=lambda code: km(point, (cities[code]["lat"], cities[code]["lon"])))
            cells[cell] = {"cell_id": cell, "city_code": city}
            seen[city] += 1
            seconds = int(length or 0) if is_call else 0
            at = instant(datetime.fromisoformat(when), NEW_YORK) + seconds * 1000
            party = {"direction": "mo" if out else "mt", "other_party": other, "other_class": "onnet", "cell_id": cell}
            if is_call:
                records.append(call(f"log-{who}", f"{number}", at, who, seconds, **party))
            else:
                records.append(record("message_usage", f"log-{who}", f"{number}", at, who, kind="sms", result="delivered", roaming=False, **party))
            seen_at = at + 1000  # as the network sees a phone after its use
            records.append(record("location_update", f"log-{who}", f"{number}", seen_at, who, update_type="periodic", plmn="310-26", roaming=False, cell_id=cell))
        lines.append({"subscription_id": who, "customer_id": who, "account_id": who, "home_city": seen.most_common(1)[0][0]})
    reference = {
        "cells": list(cells.values()),
        "cities": list(cities.values()),
        "lines": lines,
        "holidays": holidays(folder),
        "plmn": [{"plmn": "310-26", "country": "US", "home": "true"}],
    }
    parameters: dict[str, dict[str, Any]] = {
        "fraud.impossible_travel": {"km": 20, "kmh": 10},
        "travel.frequent_traveller": {"km": 10, "n": 2},
        "voice.missed_calls": {"n": 5},
        "voice.long_call": {"min": 600},
        "voice.silent": {"T": "1d"},
        "sms.burst": {"n": 3, "window": "12h"},
        "sms.holiday_greetings": {"n": 1},
    }
    return World(released(records), reference, NEW_YORK.key, "US", parameters, "2015-12-01T00:00:00Z")


def talk(row: dict[str, str]) -> tuple[bool, bool, str, str, str]:
    return row["interaction"] == "call", row["direction"] == "out", row["correspondent_id"], row["datetime"], row["call_duration"]


VISITED = ("Boston", "Cambridge", "Lowell", "Haverhill", "Plymouth")


def around(folder: Path) -> dict[str, dict[str, Any]]:
    """The cities around Boston. Which of them people visit is a list of ours: the table of sites has none that is near enough."""
    found = {}
    for row in rows(folder / "ref_geonames" / "cities15000.csv"):
        if row["countrycode"] == "US" and int(row["population"]) >= 30_000 and 40 < float(row["latitude"]) < 45 and -75 < float(row["longitude"]) < -68:
            place = {"country": "US", "tz": row["timezone"], "lat": float(row["latitude"]), "lon": float(row["longitude"])}
            found[row["geonameid"]] = {"city_code": row["geonameid"], "name": row["name"], "tourist": str(row["name"] in VISITED).lower(), **place}
    return found


def holidays(folder: Path) -> Table:
    """One row a day: the table has several for some."""
    days = {row["date"]: row for row in rows(folder / "ref_holidays" / "holidays_10c_2008_2027.csv") if row["country"] == "US" and "2013" <= row["date"] < "2016"}
    return list(days.values())


def km(a: tuple[float, float], b: tuple[float, float]) -> float:
    (lat, lon), (other_lat, other_lon) = (map(radians, point) for point in (a, b))
    return 2 * 6371 * asin(sqrt(sin((other_lat - lat) / 2) ** 2 + cos(lat) * cos(other_lat) * sin((other_lon - lon) / 2) ** 2))


# Complaints to an American operator, 2015


def complaints(folder: Path) -> World:
    """Tickets, and calls for those that came by telephone. The table names no customer, so each ticket is one's own."""
    records = []
    for row in rows(folder / "comcast_complaints" / "Comcast_telecom_complaints_data.csv"):
        at = instant(datetime.strptime(f"{row['Date_month_year']} {row['Time']}", "%d-%b-%y %I:%M:%S %p"), NEW_YORK)
        ticket, who = row["Ticket #"], f"T{row['Ticket #']}"
        records.append(record("trouble_ticket", "tickets", ticket, at, who, ticket_id=ticket, ticket_type="complaint", status="acknowledged", category="service", creation_date=at))
        if row["Received Via"] == "Customer Care Call":
            contact = {"direction": "inbound", "channel": "call_agent", "status": "opened", "reason": "complaint", "start_time": at}
            records.append(record("interaction", "calls", ticket, at, who, interaction_id=ticket, **contact))
    return World(released(records), {}, NEW_YORK.key, "US", {}, "2016-01-01T00:00:00Z")


WORLDS = {"togo": togo, "by_day": by_day, "london": london, "by_hour": by_hour, "america": america, "boston": boston, "complaints": complaints}
