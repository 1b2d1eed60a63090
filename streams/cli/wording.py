"""Events as sentences, for the demo."""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

PHRASES = {
    "balance.drop": "lost {drop} of the balance at once",
    "balance.rapid_drop": "spent {spent} within the hour, most on {top_reason}",
    "balance.low": "is down to {balance_after}",
    "balance.depleted": "has nothing left",
    "balance.recovered": "is back at {balance_after}",
    "topup.completed": "topped up {amount}",
    "topup.first": "topped up for the first time: {amount}",
    "topup.small_frequent": "topped up {count} times in small bits, {total} in all",
    "topup.missing_after_depletion": "has had an empty balance for {hours} h",
    "spend.day_step": "spent more than {step} today",
    "voice.long_call": "talked for {duration_s}",
    "voice.missed_calls": "missed {missed} calls from {callers} callers",
    "data.heavy_day": "used {bytes} today, most for {top_app}",
    "data.first_5g": "used 5G for the first time",
    "data.silent": "has used no data for {days} days",
    "travel.city_changed": "moved from {from_city} to {to_city}",
    "travel.trip_started": "left {home_city} for {to_city}",
    "travel.tourist_city": "arrived in {city_name}, where people go to see things",
    "travel.returned_home": "is home after {hours} h",
    "travel.intl_arrival": "began to roam in {country}",
    "care.call_started": "calls the hotline about {reason}",
    "care.repeat_contact": "has contacted us {contacts} times about {reason}",
    "device.changed": "has a new phone: {to_model}",
    "line.activated": "is live now",
    "net.drops_repeated": "had {drops} calls cut within a day",
}
"""By event id. Money, volumes, lengths of time and cities are shown as people write them."""
CITIES = {"home_city", "from_city", "to_city"}
VOLUMES = {"bytes"}
LENGTHS = {"duration_s"}
MINOR_DIGITS = {
    **dict.fromkeys(("BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "VND", "VUV", "XAF", "XOF", "XPF"), 0),
    **dict.fromkeys(("BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"), 3),
}
"""Digits behind the point by currency (ISO 4217); 2 for all others."""


def in_words(data: dict[str, Any], money: frozenset[str] = frozenset(), cities: Mapping[str, str] | None = None) -> str:
    """One line: the customer, and what happened. `money`: the payload fields in minor units; `cities`: names by code."""
    detail = data["detail"]
    shown = {name: value_in_words(name, value, detail.get("currency"), money, cities or {}) for name, value in detail.items()}
    phrase = PHRASES.get(data["event"])
    what = phrase.format_map(shown) if phrase else ", ".join(f"{name} {value}" for name, value in shown.items())
    return f"{data['local_time'][:16].replace('T', ' ')}  {data['customer_id']:>6} {what}  ({data['event']})"


def value_in_words(name: str, value: Any, currency: str | None, money: frozenset[str], cities: Mapping[str, str]) -> str:
    """One payload value as people write it."""
    if value is None:
        return "unknown"
    if name in money:
        digits = MINOR_DIGITS.get(currency or "", 2)
        return f"{value / 10**digits:,.{digits}f} {currency or ''}".rstrip()
    if name in CITIES:
        return cities.get(value, value)
    if name in VOLUMES:
        return volume(value)
    if name in LENGTHS:
        return f"{value // 60} min" if value >= 120 else f"{value} s"
    return ", ".join(cities.get(item, item) for item in value) if isinstance(value, list) else str(value)


def volume(number: float) -> str:
    """`5.4 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.{0 if unit == 'B' else 1}f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


def city_names() -> dict[str, str]:
    """The names of the built-in cities by code."""
    with files("schemas.reference").joinpath("data", "cities.csv").open(encoding="utf-8") as file:
        return {row["city_code"]: row["name"] for row in csv.DictReader(file)}
