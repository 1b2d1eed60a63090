"""Which definitions a run has: one, five (those of the peers), 25, all, or all twice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from streams.definitions.catalogue import Catalogue

HERE = Path(__file__).parent
FIVE = HERE / "five"
FIVE_IDS = ("balance.fell_low", "topup.frequent", "topup.missing_after_low", "travel.tourist_city_arrived", "usage.data_day_heavy")
PROBE = HERE / "probe"
FIRST_25 = (
    *("balance.depleted", "balance.drop", "balance.low", "balance.rapid_drop", "balance.recovered", "care.call_started", "care.repeat_contact", "data.first_5g"),
    *("data.heavy_day", "data.silent", "device.changed", "line.activated", "net.drops_repeated", "spend.day_step", "topup.completed", "topup.first"),
    *("topup.missing_after_depletion", "topup.small_frequent", "travel.city_changed", "travel.intl_arrival", "travel.returned_home", "travel.tourist_city"),
    *("travel.trip_started", "voice.long_call", "voice.missed_calls"),
)
"""The first events that Kairos had; its other figures for 25 are of these."""
EVENT = re.compile(r"^class (\w+)\(Event\b", re.MULTILINE)
SIBLING = re.compile(r"^from events\.(\w+)\.(\w+) import (\w+)$", re.MULTILINE)


class Selection(NamedTuple):
    """Definitions beyond the built-in ones, and which events are published (none named: all)."""

    folders: tuple[str, ...] = ()
    only: tuple[str, ...] = ()

    def arguments(self) -> list[str]:
        """As options of `kairos worker`."""
        return [word for folder in self.folders for word in ("--definitions", folder)] + [word for event in self.only for word in ("--only", event)]

    def with_probe(self) -> Selection:
        """The same, and the event by which latency is measured."""
        return Selection((*self.folders, str(PROBE)), (*self.only, "probe.seen") if self.only else ())


ALL = Selection()
FIVE_RULES = Selection((str(FIVE),), FIVE_IDS)
ONE_RULE = Selection((str(FIVE),), FIVE_IDS[:1])
FIRST = Selection((), FIRST_25)


def some(count: int) -> Selection:
    """So many of the built-in events, in the order of their ids; all when there are not more."""
    ids = sorted(Catalogue.load().by_id)
    return Selection((), tuple(ids[:count])) if count < len(ids) else ALL


def twice(folder: Path) -> Selection:
    """All built-in events, and a copy of each definition under another id, written into `folder`: `balance.low_copy` of `balance.low`."""
    for path in sorted((HERE.parent.parent / "events").glob("*/*.py")):
        text = path.read_text("utf-8")
        if not EVENT.search(text):
            continue
        text = EVENT.sub(r"class \1Copy(Event", text)
        text = SIBLING.sub(r"from \1.\2_copy import \3Copy as \3", text)
        family = folder / path.parent.name
        family.mkdir(parents=True, exist_ok=True)
        (family / f"{path.stem}_copy.py").write_text(text, "utf-8")
    return Selection((str(folder),))
