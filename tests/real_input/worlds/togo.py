"""Togo: 500 prepaid subscribers in January and February 2020."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.real_input.adapters import Raw, minor, rows
from tests.real_input.worlds.records import UTC, World, instant, money, record, released, session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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
