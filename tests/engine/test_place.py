"""P11 place: where a line is, lives and travels; against a plain reading, in any cuts (`semantics.md` P11, H6)."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from datetime import datetime
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.codes import text_of
from schemas.raw import LocationUpdate
from schemas.reference import Reference
from streams.definitions.words import Place, Records
from streams.engine import civil
from streams.engine.features import place_machine
from streams.engine.features.place import AS_OF, PlaceStage
from tests.engine.plain_place import Facts, Plainly
from tests.engine.stage_bench import DAY, HOUR, Bench, Timers, cut, ids, interpreted, within_the_limit
from tests.streams.records import good

MINUTE = 60_000
PLACE = Place(Records(LocationUpdate))
CELLS = {"a-1": "A", "a-2": "A", "b-1": "B", "c-1": "C"}
PLMNS = {"262-01": ("DE", "true"), "262-02": ("DE", "false"), "208-01": ("FR", "false"), "222-01": ("IT", "false")}
TOURIST = {"B", "intl:FR"}
BERLIN, SHANGHAI, APIA = "Europe/Berlin", "Asia/Shanghai", "Pacific/Apia"
MOVED_AT = "2026-03-20T00:00:00Z"
LINES = [("S1", "", BERLIN, "A"), ("S2", "", "", ""), ("S3", "", SHANGHAI, "B"), ("S3", MOVED_AT, BERLIN, "A"), ("S4", "", APIA, "C")]
MOVED_ONLY = ("was", "to", "since", "confirmed_after", "domestic", "left_home", "came_home", "trip.cities", "trip.tourist")


def ms(text):
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@cache
def known():
    """Reference data from files, and the same as plain facts."""
    with TemporaryDirectory() as folder:
        for name, head, rows in (
            ("cells", "cell_id,city_code", CELLS.items()),
            ("plmn", "plmn,country,operator,home", [(plmn, country, "x", home) for plmn, (country, home) in PLMNS.items()]),
            ("lines", "subscription_id,valid_from,tz,home_city", LINES),
            ("cities", "city_code,country,tourist", [("A", "DE", "false"), ("B", "DE", "true"), ("C", "DE", "false"), ("P", "FR", "true"), ("Q", "IT", "false")]),
        ):
            (Path(folder) / f"{name}.csv").write_text("\n".join([head, *(",".join(row) for row in rows)]) + "\n", encoding="utf-8")
        reference = Reference.load(Path(folder), country="DE")
    lines = {}
    for line, begins, zone, home in LINES:
        lines.setdefault(line, []).append((ms(begins) if begins else 0, zone or None, home or None))
    return reference, Facts(lines=lines, cells=CELLS, countries={plmn: country for plmn, (country, _) in PLMNS.items()}, tourist=TOURIST, country="DE", zone=BERLIN)


class Trial:
    """A place stage with readers: location records, page views of customers, timers."""

    def __init__(self):
        self.bench = Bench(self.build, reference=known()[0], zone=BERLIN)
        self.moves, self.reads = [], []

    def build(self, home, records):
        own = records("location_update")
        self.readers = {"place": own, "page": records("page_view", "customer"), "timer": Timers()}
        self.stage = PlaceStage(home, "line", PLACE.source, own, "place")
        for reader in self.readers.values():
            for name in AS_OF:
                self.stage.read(name, reader)
        return [self.readers["timer"], self.stage]

    def feed(self, records):
        self.bench.feed(records)
        flow = self.stage.flow
        if flow.n:
            columns = {name: self.column(flow, name) for name in (*AS_OF, *MOVED_ONLY)}
            self.moves += [(record, {name: column[at] for name, column in columns.items()}) for at, record in enumerate(ids(flow))]
        found = []
        for what, reader in self.readers.items():
            columns = [self.column(reader.flow, name) for name in AS_OF]
            found += [((at, due), (what, *values)) for at, due, *values in zip(reader.flow.at.tolist(), reader.flow.due.tolist(), *columns, strict=True)]
        self.reads += [read for _, read in sorted(found, key=lambda one: one[0])]

    @staticmethod
    def column(flow, name):
        found = flow.held(("Place", id(PLACE), name)).take(None)
        values = found.values.tolist()
        if name in ("here", "home", "was", "to"):
            values = [text_of(one) if one else None for one in values]
        elif name == "trip.id":
            values = [f"{one % 2**64:016x}" for one in values]
        return values if found.known is None else [value if is_known else None for value, is_known in zip(values, found.known.tolist(), strict=True)]


@contextmanager
def way_of(way):
    with interpreted(civil, place_machine) if way == "interpreted" else nullcontext():
        yield


def trial(batches, restarts=()):
    done = Trial()
    for number, batch in enumerate(batches):
        if number in restarts:
            done.bench.restart()
        done.feed(batch)
    return done


def compare(records, sizes, restarts=()):
    """The stage in batches of `sizes` against the plain reading. Returns the moves."""
    plain, done = Plainly(known()[1], records), trial(cut(records, sizes), restarts)
    assert done.moves == plain.moves
    assert done.reads == plain.reads
    return done.moves


def seen(at, where, line="S1", **more):
    """A record of a place: a city, a country such as `FR`, `?` (roaming somewhere), or `-` (an unknown cell)."""
    number = seen.number = getattr(seen, "number", 0) + 1
    networks = {"FR": "208-01", "IT": "222-01", "?": "999-99"}
    cells = {"A": "a-1", "B": "b-1", "C": "c-1", "-": "nowhere"}
    base = {"record_id": f"{where}{number}", "event_time": at, "customer_id": "C" + line[1:], "subscription_id": line}
    plmn = networks.get(where, "262-01")
    return good("location_update", **base, plmn=plmn, roaming=where in networks, cell_id=cells.get(where)) | more


def page(at, line="S1"):
    return good("page_view", record_id=f"w{at}", event_time=at, customer_id="C" + (line or "S1")[1:], subscription_id=line)


def clock_at(times, line="S9"):
    """Records of another customer, which move the clock."""
    return [page(at, line) for at in times]


STEPS = (0, 1, MINUTE, 15 * MINUTE, 30 * MINUTE - 1, 30 * MINUTE, HOUR, 6 * HOUR, 12 * HOUR, 12 * HOUR + 1, DAY)
STARTS = ("2026-03-27T05:59:59.999+01:00", "2026-10-23T23:50+02:00", "2026-03-19T05:00+08:00", "2026-06-01T12:00+00:00", "2026-04-02T10:00+14:00")
WHERE = ("A", "A", "B", "B", "B", "C", "FR", "IT", "?", "-")


@st.composite
def days(draw):
    """Some weeks of nights, then some hours, more days and nights, in any line."""
    records, at = [], ms(draw(st.sampled_from(STARTS)))
    lines = draw(st.sampled_from((("S1",), ("S2",), ("S3", "S3", "S1"), ("S4",))))
    for _ in range(draw(st.integers(1, 4))):
        usual, line = draw(st.sampled_from("ABC")), draw(st.sampled_from(lines))
        for _ in range(draw(st.sampled_from((0, 0, 4, 5, 12, 29)))):
            at += DAY + draw(st.sampled_from((0, 0, 0, HOUR, -HOUR, 40 * MINUTE)))
            records.append(seen(at - at % DAY + draw(st.sampled_from((22, 23, 1, 3, 5))) * HOUR, draw(st.sampled_from((usual, usual, usual, "B"))), line))
        for _ in range(draw(st.integers(0, 12))):
            at += draw(st.sampled_from(STEPS))
            back = draw(st.sampled_from((0,) * 8 + (1, 10 * MINUTE, 20 * HOUR, 47 * HOUR, -40 * DAY, -400 * DAY)))
            line = draw(st.sampled_from(lines))
            moment = at - back
            kind = draw(st.integers(0, 9))
            if kind < 7:
                records.append(seen(moment, draw(st.sampled_from(WHERE)), line))
            else:
                records.append(page(moment, draw(st.sampled_from((line, line, "S2", None)))))
            if kind < 8 and draw(st.integers(0, 19)) == 0 and records[-1]["subscription_id"]:
                records[-1]["reset"] = draw(st.sampled_from(("all", "timers")))
            if draw(st.integers(0, 9)) == 0 and records[-1]["subscription_id"]:
                records[-1]["timers"] = [moment - draw(st.sampled_from((1, 1000, HOUR)))]
        at += draw(st.sampled_from((0, DAY, 20 * DAY, 61 * DAY)))
    return within_the_limit(records)


@pytest.mark.parametrize("way", ["compiled", "interpreted"])
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(records=days(), sizes=st.lists(st.integers(1, 25), min_size=1, max_size=4), restarts=st.sets(st.integers(1, 8), max_size=2))
def test_places_are_as_the_plain_reading_has_them(way, records, sizes, restarts):
    """Late records and equal times, any cuts, restarts, line ends, moved lines and changed clocks; every 06:00 is counted there."""
    if not records:
        return
    with way_of(way):
        compare(records, sizes, restarts)
