"""The world of the catalogue's cases (`cases/*.json`): reference tables that all share, ids made unique, records completed, one replay of all.

A case is {id, event, title, why, reference, records, expect}: `$` in an id stands for the case's own number; `expect` are all events of that id for
the case's customers, in order, with the part of `detail` that is compared; `records` leave out what every record has.
"""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

from schemas.raw import RECORD_TYPES, type_name

FOLDER = Path(__file__).parent / "cases"
TOPIC = {type_name(record): record.topic for record in RECORD_TYPES}
OF_A_LINE = {"voice_usage", "message_usage", "data_usage", "vas_usage", "location_update", "network_quality", "device_change", "balance_change"}
UNTIL = "2027-03-01T00:00:00Z"
CITIES = (
    ("310000", "上海", "CN", "false", "Asia/Shanghai", 31.22222, 121.45806),
    ("110000", "北京", "CN", "true", "Asia/Shanghai", 39.9075, 116.39723),
    ("530100", "昆明", "CN", "true", "Asia/Shanghai", 25.03889, 102.71833),
    ("440100", "广州", "CN", "false", "Asia/Shanghai", 23.11667, 113.25),
    ("410100", "郑州", "CN", "false", "Asia/Shanghai", 34.75778, 113.64861),
    ("HKHKG", "香港", "HK", "true", "Asia/Hong_Kong", 22.27832, 114.17469),
    ("FRPAR", "Paris", "FR", "true", "Europe/Paris", 48.85341, 2.3488),
)
PLACES = {
    "air": "airport",
    "rail": "rail_station",
    "scenic": "scenic",
    "border": "border",
    "camp": "campus",
    "hosp": "hospital",
    "stad": "stadium",
    "own": "own_store",
    "comp": "competitor_store",
}
NETWORKS = (
    ("460-00", "CN", "true", ""),
    ("440-10", "JP", "false", "asia"),
    ("208-01", "FR", "false", "europe"),
    ("520-04", "TH", "false", "asia"),
    ("454-00", "HK", "false", "asia"),
)
DEVICES = (
    ("35331109", "Acme", "A1", "false", "false", "2020-01-01", "android"),
    ("35407115", "Acme", "A2", "true", "true", "2024-01-01", "android"),
    ("86873604", "Brio", "B5", "true", "true", "2025-03-01", "ios"),
    ("35925406", "Brio", "B1", "false", "false", "2019-05-01", "android"),
)
HOLIDAYS = (
    *((f"2026-{day}", "春节", "holiday", "CN") for day in ("02-16", "02-17", "02-18")),
    ("2026-01-01", "元旦", "holiday", "CN"),
    ("2026-05-01", "劳动节", "holiday", "CN"),
    ("2026-10-01", "国庆节", "holiday", "CN"),
    ("2026-07-14", "Fête nationale", "holiday", "FR"),
)


class Wanted(NamedTuple):
    """One case as it was laid out: its keys, and the events it must cause: time, subject, and the compared part of `detail`."""

    case: dict[str, Any]
    owners: set[str]
    events: list[tuple[int, str, dict[str, Any]]]


def all_cases() -> list[dict[str, Any]]:
    """The cases of all families."""
    return [case for file in sorted(FOLDER.glob("*.json")) for case in json.loads(file.read_text("utf-8"))]


def numbered(value: Any, number: str) -> Any:
    """`value` with the case's number for every `$`."""
    if isinstance(value, str):
        return value.replace("$", number)
    if isinstance(value, list):
        return [numbered(one, number) for one in value]
    return {name: numbered(one, number) for name, one in value.items()} if isinstance(value, dict) else value


def ms(moment: str | int) -> int:
    """A moment of a record or an event in epoch ms."""
    if isinstance(moment, int):
        return moment
    return round(datetime.fromisoformat(moment.replace("Z", "+00:00").replace("z", "+00:00").replace(":60", ":59")).timestamp() * 1000)


def tables() -> dict[str, list[dict[str, Any]]]:
    """The reference rows that all cases share."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for code, name, country, tourist, zone, lat, lon in CITIES:
        found["cities"].append({"city_code": code, "name": name, "country": country, "tourist": tourist, "tz": zone, "lat": lat, "lon": lon})
        tags = {**dict.fromkeys("1234", ""), **PLACES}
        found["cells"] += [{"cell_id": f"cell-{code}-{short}", "city_code": code, "lat": lat, "lon": lon, "poi_tags": tag} for short, tag in tags.items()]
    found["plmn"] = [{"plmn": plmn, "country": country, "operator": "", "home": home, "roam_zone": zone} for plmn, country, home, zone in NETWORKS]
    found["devices"] = [dict(zip(("tac", "brand", "model", "is_5g", "esim", "release_date", "os"), row, strict=True)) for row in DEVICES]
    found["holidays"] = [dict(zip(("date", "name", "kind", "country"), row, strict=True)) for row in HOLIDAYS]
    return found


def written(value: Any) -> Any:
    """A reference value as its CSV has it."""
    return str(value).lower() if isinstance(value, bool) else "|".join(value) if isinstance(value, list) else value


def lay_out(cases: list[dict[str, Any]], folder: Path) -> list[Wanted]:
    """Write the raw files and reference tables of all cases below `folder`; what they must cause."""
    reference = tables()
    rows: list[tuple[int, int, int, dict[str, Any]]] = []
    wanted = []
    for number, case in enumerate(cases):
        tag = f"{number:05d}"
        for table, own in numbered(case.get("reference") or {}, tag).items():
            reference[table] += [{name: written(value) for name, value in row.items() if value is not None} for row in own]
        owners, latest = {f"C{tag}", f"A{tag}", f"S{tag}"}, 0
        for place, given in enumerate(numbered(case["records"], tag)):
            record = completed(given, tag, place)
            latest = max(latest, ms(record["event_time"]))
            owners |= {record[name] for name in ("customer_id", "account_id", "subscription_id") if name in record}
            rows.append((latest, number, place, record))
        wanted.append(Wanted(case, owners, [(ms(one["time"]), one["key"], one.get("detail", {})) for one in numbered(case["expect"], tag)]))
    rows.sort(key=lambda row: row[:3])
    for topic in dict.fromkeys(TOPIC.values()):
        lines = [json.dumps(record, ensure_ascii=False) for *_, record in rows if TOPIC[record["record_type"]] == topic]
        (folder / f"{topic}.jsonl").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    (folder / "reference").mkdir()
    for table, own in reference.items():
        columns = list(dict.fromkeys(name for row in own for name in row))
        with (folder / "reference" / f"{table}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns)
            writer.writeheader()
            writer.writerows(own)
    return wanted


def completed(given: dict[str, Any], tag: str, place: int) -> dict[str, Any]:
    """A record with what its case leaves out."""
    kind = given["record_type"]
    record = {"record_id": f"{tag}-{place}", "record_type": kind, "schema_version": 1, "source_system": "t-1", "customer_id": f"C{tag}", "account_id": f"A{tag}"}
    if kind in OF_A_LINE and given.get("bucket_kind") != "credit":
        record["subscription_id"] = f"S{tag}"
    return {name: value for name, value in (record | given).items() if value is not None}


def difference(wanted: Wanted, got: list[tuple[int, str, dict[str, Any]]]) -> str | None:
    """What is wrong with the events that a case caused, or None."""
    order = sorted((time, key) for time, key, _ in got)
    if order != sorted((time, key) for time, key, _ in wanted.events):
        return f"wanted events at {[(time, key) for time, key, _ in wanted.events]}, got {order}"
    for (_, _, detail), (_, _, own) in zip(sorted(wanted.events, key=lambda one: one[:2]), sorted(got, key=lambda one: one[:2]), strict=True):
        for name, value in detail.items():
            if own.get(name, "nothing") != value:
                return f"{name}: wanted {value!r}, got {own.get(name, 'nothing')!r}"
    return None
