"""Adapters from public tables to raw records. Times without a zone are taken as UTC; amounts become minor units by two decimals."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

Raw = dict[str, Any]


def rows(path: Path) -> Iterator[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            yield {(name or "").strip(): (value or "").strip() for name, value in row.items() if isinstance(value, str)}


def ms(moment: datetime) -> int:
    return (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def minor(amount: str) -> int:
    return int((Decimal(amount) * 100).quantize(Decimal(1), ROUND_HALF_UP))


def envelope(record_type: str, source: str, number: int, at: int, customer: str) -> Raw:
    return {
        "record_id": f"{number}",
        "record_type": record_type,
        "schema_version": 1,
        "source_system": source,
        "event_time": at,
        "customer_id": customer,
        "account_id": customer,
        "subscription_id": customer,
    }


def balance(source: str, number: int, at: int, customer: str, operation: str, delta: int, after: int, **more: Any) -> Raw:
    bucket = {"bucket_id": "main", "bucket_kind": "money", "unit": "minor", "currency": "XOF"}
    return {**envelope("balance_change", source, number, at, customer), **bucket, "operation": operation, "delta": delta, "balance_after": after, **more}


def recharges(folder: Path) -> Iterator[Raw]:
    """Recharges as top-ups; the balance is not in the table, so it is the sum of what was recharged."""
    totals: dict[str, int] = {}
    for number, row in enumerate(rows(folder / "cider_synthetic" / "recharges.csv")):
        who, amount = row["caller_id"], minor(row["amount"])
        if amount > 0:
            totals[who] = totals.get(who, 0) + amount
            yield balance("recharges", number, ms(datetime.fromisoformat(row["timestamp"])), who, "topup", amount, totals[who])


def data_sessions(folder: Path) -> Iterator[Raw]:
    """Data volumes (MB) as sessions without length."""
    for number, row in enumerate(rows(folder / "cider_synthetic" / "mobiledata.csv")):
        at, size = ms(datetime.fromisoformat(row["timestamp"])), int(Decimal(row["volume"]) * 1_000_000)
        volume = {"uplink_bytes": 0, "downlink_bytes": size, "total_bytes": size}
        yield {
            **envelope("data_usage", "mobiledata", number, at, row["caller_id"]),
            "session_id": f"m{number}",
            "start_time": at,
            "duration_s": 0,
            "rat": "4G",
            "roaming": False,
            **volume,
        }


def mobile_money(folder: Path) -> Iterator[Raw]:
    """Mobile money as changes of the sender's and the recipient's balance."""
    for number, row in enumerate(rows(folder / "cider_synthetic" / "mobilemoney.csv")):
        at = ms(datetime.fromisoformat(row["timestamp"]))
        for side, who in (("sender", row["caller_id"]), ("recipient", row["recipient_id"])):
            if who and row[f"{side}_balance_after"]:
                before, after = minor(row[f"{side}_balance_before"]), minor(row[f"{side}_balance_after"])
                if after != before:
                    operation, more = ("charge", {"charge_reason": "purchase"}) if after < before else ("adjust_credit", {})
                    yield balance(f"momo-{side}", number, at, who, operation, after - before, after, **more)


def calls(folder: Path) -> Iterator[Raw]:
    """Fixed-line calls; start and end to the minute, one record a call, at its end. `callID` is not unique, so the line number is the record's id."""
    for number, row in enumerate(rows(folder / "np_dl_telco_cdr" / "cdr.csv")):
        start = datetime.strptime(f"{row['startDate']} {row['startTime']}", "%d/%m/%Y %H:%M:%S")
        end = datetime.strptime(f"{row['endDate']} {row['endTime']}", "%d/%m/%Y %H:%M:%S")
        seconds = (end - start) // timedelta(seconds=1)
        if 0 <= seconds <= 86_400:
            far = row["Type"].startswith("Intern")
            place = {"other_class": "international", "other_country": "US"} if far else {"other_class": "fixed"}
            yield {**envelope("voice_usage", "cdr", number, ms(end), row["phoneNumber"]), "direction": "mo", "other_party": row["destPhoneNumber"], **place,
                   "start_time": ms(start),
                   "answer_time": ms(start), "duration_s": seconds, "outcome": "answered", "roaming": False}  # fmt: skip


def phone_log(folder: Path) -> Iterator[Raw]:
    """One person's calls and texts, and the antennas they went through."""
    for number, row in enumerate(rows(folder / "bandicoot" / "demo__data__ego.csv")):
        start = datetime.fromisoformat(row["datetime"])
        direction = "mo" if row["direction"] == "out" else "mt"
        party = {"direction": direction, "other_party": row["correspondent_id"], "other_class": "onnet", "roaming": False, "cell_id": row["antenna_id"]}
        if row["interaction"] == "call":
            seconds = int(row["call_duration"])
            at = ms(start + timedelta(seconds=seconds))
            yield {
                **envelope("voice_usage", "bandicoot", number, at, "ego"),
                **party,
                "start_time": ms(start),
                "answer_time": ms(start),
                "duration_s": seconds,
                "outcome": "answered",
            }
        else:
            at = ms(start)
            yield {**envelope("message_usage", "bandicoot", number, at, "ego"), **party, "kind": "sms", "result": "delivered"}
        yield {**envelope("location_update", "bandicoot", number, at, "ego"), "update_type": "periodic", "plmn": "310-26", "roaming": False, "cell_id": row["antenna_id"]}


def complaints(folder: Path) -> Iterator[Raw]:
    """Complaint tickets; the table names no customer, so each ticket is one's own."""
    for row in rows(folder / "comcast_complaints" / "Comcast_telecom_complaints_data.csv"):
        at = ms(datetime.strptime(f"{row['Date_month_year']} {row['Time']}", "%d-%b-%y %I:%M:%S %p"))
        ticket = row["Ticket #"]
        yield {
            **envelope("trouble_ticket", "fcc", 0, at, f"T{ticket}"),
            "record_id": ticket,
            "ticket_id": ticket,
            "ticket_type": "complaint",
            "status": "acknowledged",
            "category": "service",
            "creation_date": at,
        }


def everything(folder: Path) -> list[Raw]:
    """All records of all tables, in order of event time."""
    records = [record for source in (recharges, data_sessions, mobile_money, calls, phone_log, complaints) for record in source(folder)]
    records.sort(key=lambda record: record["event_time"])
    return records
