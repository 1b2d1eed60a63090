"""Events as sentences, and values as people write them."""

from __future__ import annotations

import csv
from datetime import datetime, tzinfo
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from streams.engine.expression.quantities import shown

if TYPE_CHECKING:
    from collections.abc import Mapping

PHRASES = {
    "balance.drop": "lost {drop} of the balance at once",
    "balance.rapid_drop": "spent {spent} within the hour, most on {top_reason}",
    "balance.low": "is down to {balance_after}",
    "balance.depleted": "has nothing left",
    "balance.recovered": "is back at {balance_after}",
    "topup.completed": "topped up {amount}",
    "topup.failed_repeatedly": "could not recharge {attempts} times: {last_reason}",
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
    "balance.transfer_sent": "gave {amount} to another line",
    "bill.due_soon": "has {open} to pay until {due_date}",
    "bill.first": "got the first bill: {amount_due}",
    "bill.issued": "got a bill of {amount_due}, due on {due_date}",
    "bill.overdue": "has not paid {open} in time",
    "bill.settled": "has paid bill {bill_id} in full",
    "bill.shock": "got a bill of {amount_due}, {ratio} times the usual",
    "care.complaint_filed": "has complained",
    "care.low_csat": "gave us {csat} of 5 stars",
    "care.ticket_resolved": "had ticket {ticket_id} solved after {hours} h",
    "churn.competitor_hotline": "called a competitor for {duration_s}",
    "churn.multi_signal": "shows signs of leaving: {signals}",
    "churn.port_cancelled": "stays after all, {days} days after asking to leave",
    "churn.port_code_requested": "asked for the porting code",
    "churn.port_out_done": "left to a competitor after {tenure_days} days",
    "contract.expiring_7": "has {days_left} days left of the agreement",
    "contract.renewed": "renewed the agreement until {new_end}",
    "customer.tier_down": "fell from {from} to {to}",
    "customer.tier_up": "rose from {from} to {to}",
    "data.out_of_bundle": "used {bytes} outside the bundle today, for {charged}",
    "data.quota_50": "has used {used_pct} % of the data",
    "data.quota_80": "has used {used_pct} % of the data",
    "data.quota_exhausted": "has no data left",
    "fraud.impossible_travel": "was in {from_city} and {seconds} s later in {to_city}",
    "fraud.intl_burst": "made {calls} calls within the hour to {countries}",
    "line.first_use": "used the line for the first time",
    "line.resumed": "can use the line again, after {suspended_h} h",
    "line.suspended": "has the line barred: {reason}",
    "line.terminated": "has the line closed: {reason}",
    "milestone.tenure_year": "has been with us for {years} years",
    "net.call_dropped": "had a call cut after {duration_s}",
    "order.completed": "got {offering_id}, {hours} h after the order",
    "order.placed": "ordered {offering_id}",
    "order.stuck": "still waits for order {order_id}",
    "pack.purchased": "bought {offering_id} for {price}",
    "payment.autopay_failed": "could not be debited {amount}: {reason}",
    "payment.failed": "could not pay {amount}: {reason}",
    "payment.received": "paid {amount} by {method}",
    "plan.downgraded": "moved down from {from} to {to}",
    "plan.upgraded": "moved up from {from} to {to}",
    "sim.swapped": "has another SIM: {reason}",
    "social.birthday": "turned {age} today",
    "spend.out_of_bundle_started": "pays for use outside the bundle, first {charge}",
    "vas.first_purchase": "bought {category} for the first time: {charge}",
    "voice.quota_step": "has used {step} % of the minutes",
    "web.cancel_page": "looked at how to leave",
    "web.cart_abandoned": "left {offering_id} in the cart",
    "web.first_app_login": "logged in to the app for the first time",
    "web.plan_comparison": "compared {offerings}",
    "web.session_closed": "looked at {categories}",
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
        return amount(value, currency)
    if name in CITIES:
        return cities.get(value, value)
    if name in VOLUMES:
        return volume(value)
    if name in LENGTHS:
        return f"{value // 60} min" if value >= 120 else f"{value} s"
    return ", ".join(cities.get(item, item) for item in value) if isinstance(value, list) else str(value)


def amount(minor: int, currency: str | None) -> str:
    """`15.00 CNY`."""
    digits = MINOR_DIGITS.get(currency or "", 2)
    return f"{minor / 10**digits:,.{digits}f} {currency or ''}".rstrip()


def length(ms: int) -> str:
    """A length of time by its two largest parts: `2 h 5 min`, `3 days 4 h`; what is finer is cut off."""
    if ms < 0:
        return f"-{length(-ms)}"
    if 0 < ms < 1000:
        return f"{ms} ms"
    days, hours = divmod(ms // 3_600_000, 24)
    if days < 2:
        days, hours = 0, 24 * days + hours
    parts = [(days, "days"), (hours, "h"), (ms // 60_000 % 60, "min"), (ms // 1000 % 60, "s")]
    first = next((place for place, (number, _) in enumerate(parts) if number), 3)
    return " ".join(f"{number} {unit}" for number, unit in parts[first : first + 2] if number or first == 3)


def counted(number: int, unit: str) -> str:
    """`1 day`, `7 days`, `3 charges`."""
    return f"{number:,} {unit[:-1] if number == 1 and unit.endswith('s') and unit != 'times' else unit}"


def local(moment: str, zone: tzinfo | None) -> str:
    """An RFC 3339 time in another zone, to the second: `2026-05-02 04:33:11`."""
    return datetime.fromisoformat(moment).astimezone(zone).strftime("%Y-%m-%d %H:%M:%S")


def number_in_words(number: int, unit: str, currency: str | None) -> str:
    """A number of a unit as people write it; `minor`: minor units of `currency`."""
    match unit:
        case "minor":
            return amount(number, currency)
        case "ms":
            return length(number)
        case "s":
            return length(1000 * number)
        case "h":
            return f"{number:,} h"
        case "byte":
            exact = shown(number, unit)
            return exact if len(exact) < 9 else volume(number)
        case "factor" | "time of day":
            return shown(number, unit)
        case "civil days":
            return counted(number, "days")
        case "percent":
            return f"{number} %"
        case "" | "1":
            return f"{number:,}"
    return counted(number, unit)


def volume(number: float) -> str:
    """`5.4 GB`."""
    for unit in ("B", "kB", "MB", "GB"):
        if number < 1000:
            return f"{number:.{0 if unit == 'B' else 1}f} {unit}"
        number /= 1000
    return f"{number:.1f} TB"


@cache
def city_names() -> dict[str, str]:
    """The names of the built-in cities by code."""
    with files("schemas.reference").joinpath("data", "cities.csv").open(encoding="utf-8") as file:
        return {row["city_code"]: row["name"] for row in csv.DictReader(file)}
