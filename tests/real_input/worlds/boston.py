"""Boston: four people's phone logs with antennas, December 2013 to May 2014, and January 2015."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import datetime
from math import asin, cos, radians, sin, sqrt
from typing import TYPE_CHECKING, Any

from tests.real_input.adapters import Raw, rows
from tests.real_input.worlds.records import NEW_YORK, Table, World, call, instant, record, released

if TYPE_CHECKING:
    from pathlib import Path


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
