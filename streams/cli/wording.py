"""Events in words, for the demo."""

from __future__ import annotations

from typing import Any

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
    "spend.day_step": "passed {step} of spend today",
    "voice.long_call": "talked for {duration_s} s",
    "voice.missed_calls": "missed {missed} calls from {callers} callers",
    "data.heavy_day": "used {bytes} bytes today, most for {top_app}",
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
"""By event id; amounts are minor units."""


def in_words(data: dict[str, Any]) -> str:
    """One line: who, and what happened."""
    phrase = PHRASES.get(data["event"])
    known = {name: "unknown" if value is None else value for name, value in data["detail"].items()}
    what = phrase.format_map(known) if phrase else ", ".join(f"{name} {value}" for name, value in data["detail"].items())
    return f"{data['local_time'][:16].replace('T', ' ')}  {data['customer_id']:>6} {what}  ({data['event']})"
