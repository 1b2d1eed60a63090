"""London: 101 fixed lines in January to March 2014."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from tests.real_input.adapters import rows
from tests.real_input.worlds.records import LONDON, World, call, instant, money, released

if TYPE_CHECKING:
    from pathlib import Path


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
