"""P11 place: where a line is, lives and travels; against a plain reading, in any cuts (`semantics.md` P11, H6)."""

from __future__ import annotations

from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
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
from streams.engine.features.place_later import LaterPlaceStage
from tests.engine.plain_place import Facts, Plainly
from tests.engine.stage_bench import DAY, HOUR, Bench, Timers, cut, ids, interpreted, within_the_limit
from tests.streams.records import good

MINUTE = 60_000
PLACE = Place(Records(LocationUpdate))
TOWNS = [f"T{number}" for number in range(40)]
CELLS = {"a-1": "A", "a-2": "A", "b-1": "B", "c-1": "C"} | {town.lower(): town for town in TOWNS}
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
    """A place stage with readers: location records, page views of customers, timers. `later`: they read when the machine has run (`place_later.py`)."""

    def __init__(self, *, later=False):
        self.later = later
        self.bench = Bench(self.build, reference=known()[0], zone=BERLIN)
        self.moves, self.reads = [], []

    def build(self, home, records):
        own = records("location_update")
        self.readers = {"place": own, "page": records("page_view", "customer"), "timer": Timers()}
        self.stage = PlaceStage(home, "line", PLACE.source, own, "place")
        reads = LaterPlaceStage(self.stage) if self.later else self.stage
        for reader in self.readers.values():
            for name in AS_OF:
                reads.read(name, reader)
        return [self.readers["timer"], self.stage, *([reads] if self.later else [])]

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


def trial(batches, restarts=(), *, later=False):
    done = Trial(later=later)
    for number, batch in enumerate(batches):
        if number in restarts:
            done.bench.restart()
        done.feed(batch)
    return done


def compare(records, sizes, restarts=()):
    """The stage in batches of `sizes` against the plain reading. Returns the moves."""
    plain, done, later = Plainly(known()[1], records), trial(cut(records, sizes), restarts), trial(cut(records, sizes), restarts, later=True)
    assert done.moves == later.moves == plain.moves
    assert done.reads == plain.reads
    assert later.reads == plain.reads
    return done.moves


def seen(at, where, line="S1", **more):
    """A record of a place: a city, a country such as `FR`, `?` (roaming somewhere), or `-` (an unknown cell)."""
    number = seen.number = getattr(seen, "number", 0) + 1
    networks = {"FR": "208-01", "IT": "222-01", "?": "999-99"}
    cells = {"A": "a-1", "B": "b-1", "C": "c-1", "-": "nowhere"} | {town: town.lower() for town in TOWNS}
    base = {"record_id": f"{where}{number}", "event_time": at, "customer_id": "C" + line[1:], "subscription_id": line}
    plmn = networks.get(where, "262-01")
    return good("location_update", **base, plmn=plmn, roaming=where in networks, cell_id=cells.get(where)) | more


def page(at, line="S1"):
    return good("page_view", record_id=f"w{at}", event_time=at, customer_id="C" + (line or "S1")[1:], subscription_id=line)


def clock_at(times, line="S9"):
    """Records of another customer, which move the clock."""
    return [page(at, line) for at in times]


STEPS = (0, 1, MINUTE, 15 * MINUTE, 30 * MINUTE - 1, 30 * MINUTE, HOUR, 6 * HOUR, 12 * HOUR, 12 * HOUR + 1, DAY, 6 * DAY)
STARTS = ("2026-03-27T05:59:59.999+01:00", "2026-10-23T23:50+02:00", "2026-03-19T05:00+08:00", "2026-06-01T12:00+00:00", "2026-04-02T10:00+14:00")
WHERE = ("A", "A", "B", "B", "B", "C", "FR", "IT", "?", "-")


@st.composite
def days(draw):
    """Some weeks of nights, then some hours, more days and nights, in any line."""
    records, at = [], ms(draw(st.sampled_from(STARTS)))
    lines = draw(st.sampled_from((("S1",), ("S2",), ("S3", "S3", "S1"), ("S4", "S2"))))
    for _ in range(draw(st.integers(1, 4))):
        usual, line = draw(st.sampled_from("ABC")), draw(st.sampled_from(lines))
        for _ in range(draw(st.sampled_from((0, 0, 4, 5, 12, 29)))):
            at += DAY + draw(st.sampled_from((0, 0, 0, HOUR, -HOUR, 40 * MINUTE)))
            records.append(seen(at - at % DAY + draw(st.sampled_from((22, 23, 1, 3, 5))) * HOUR, draw(st.sampled_from((usual, usual, usual, "B"))), line))
        for _ in range(draw(st.integers(0, 12))):
            at += draw(st.sampled_from(STEPS))
            back = draw(st.sampled_from((0,) * 8 + (1, 10 * MINUTE, 20 * HOUR, 47 * HOUR, -32 * DAY, -400 * DAY)))
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
        at += draw(st.sampled_from((0, DAY, 20 * DAY, 61 * DAY, -33 * DAY)))
    return within_the_limit(records)


@pytest.mark.parametrize("way", ["compiled", "interpreted"])
@settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
@given(records=days(), sizes=st.lists(st.integers(1, 25), min_size=1, max_size=4), restarts=st.sets(st.integers(1, 8), max_size=2))
def test_places_are_as_the_plain_reading_has_them(way, records, sizes, restarts):
    """Late records and equal times, any cuts, restarts, line ends, moved lines and changed clocks; every 06:00 is counted there."""
    if not records:
        return
    with way_of(way):
        compare(records, sizes, restarts)


def moved(records, sizes=(100,)):
    """(record, place, what else) of each move; the plain reading agrees."""
    return [(f"{found['to']} {datetime.fromtimestamp((found['since'] + found['confirmed_after']) / 1000, UTC):%H:%M}", found) for _, found in compare(records, list(sizes))]


def at_noon(*moments, line="S2", day="2026-05-01"):
    return [seen(ms(f"{day}T{moment}+02:00"), where, line) for moment, where in moments]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_h6_border_flapping(size):
    """H6: each sight of home clears the candidate; 29:59 is too short, 30 minutes are enough; back home the trip is closed."""
    flaps = [("12:00", "B"), ("12:05", "A"), ("12:10", "B"), ("12:15", "A"), ("12:20", "B"), ("12:35", "B"), ("12:49:59", "B"), ("12:50", "B"), ("13:00", "A"), ("13:30", "A")]
    (away, first), (home, second) = moved(at_noon(("11:00", "A"), *flaps, line="S1"), [size])
    assert (away, first["since"], first["left_home"], first["trip.cities"], first["trip.tourist"]) == ("B 10:50", ms("2026-05-01T12:20+02:00"), True, ["B"], True)
    assert (home, second["came_home"], second["trip.id"], second["trip.length"], second["trip.cities"]) == ("A 11:30", True, first["trip.id"], 40 * MINUTE, ["B"])


def test_h6_a_border_town_makes_no_trip():
    """A neighbour's cell for a minute is no trip; abroad for half an hour is one."""
    days = [(f"{hour:02}:{minute}", where) for hour in (8, 9, 10) for minute, where in (("00", "A"), ("30", "FR"), ("31", "A"))]
    assert moved(at_noon(*days, line="S1")) == []
    (away, found), *_ = moved(at_noon(("08:00", "A"), ("09:00", "FR"), ("09:30", "FR"), line="S1"))
    assert (away, found["left_home"], found["domestic"], found["trip.cities"], found["trip.tourist"]) == ("intl:FR 07:30", True, False, ["intl:FR"], True)


@pytest.mark.parametrize(("again", "confirmed"), [("20:00", True), ("20:00:00.001", False)])
def test_a_candidate_not_seen_again_within_twelve_hours_begins_again(again, confirmed):
    assert bool(moved(at_noon(("07:00", "A"), ("08:00", "B"), (again, "B")))) == confirmed


def test_national_roaming_is_home_and_an_unknown_country_is_abroad():
    """Another network of the operator's country: the city of the cell. `roaming` in a network nobody knows: abroad, somewhere."""
    roaming = [seen(ms(f"2026-05-01T{hour}:00+02:00"), "B", "S1", plmn="262-02", roaming=True) for hour in (12, 13)]
    (away, found), *_ = moved([*at_noon(("08:00", "A"), line="S1"), *roaming])
    assert (away, found["domestic"]) == ("B 11:00", True)
    (away, found), *_ = moved(at_noon(("08:00", "A"), ("09:00", "?"), ("10:00", "?"), line="S1"))
    assert (away, found["left_home"], found["trip.tourist"]) == ("intl:? 08:00", True, False)


def nights(*places, start="2026-05-01T03:00+02:00", line="S2"):
    return [seen(ms(start) + number * DAY, where, line) for number, where in enumerate(places) if where]


def homes_by(records, *moments, line="S2"):
    """The home that page views at `moments` read; the plain reading agrees."""
    pages = [page(ms(moment), line) for moment in moments]
    ordered = sorted([*records, *pages], key=lambda record: record["event_time"])
    compare(ordered, [3, 1])
    return [home for what, _, home, *_ in Plainly(known()[1], ordered).reads if what == "page"]


def test_home_is_the_place_of_five_nights_counted_at_six():
    """Five votes and more than half of them; known from 06:00 of the fifth day on, to any record later than that."""
    assert homes_by(nights("B", "B", "B", "B", "B"), "2026-05-05T06:00+02:00", "2026-05-05T06:00:00.001+02:00") == [None, "B"]
    assert homes_by(nights(*"BBBBB", *"CCCCC"), "2026-05-05T12:00+02:00", "2026-05-10T12:00+02:00") == ["B", "B"], "half of them is not enough"
    assert homes_by(nights(*"CBCBCBCB", "B"), "2026-05-08T12:00+02:00", "2026-05-09T12:00+02:00") == [None, "B"], "five of nine, of eight it were four"


def test_the_last_record_of_a_night_votes_and_abroad_nobody_does():
    early = nights("B", "B", "B", "B", "B")
    late = nights("C", "C", "C", "C", "C", start="2026-05-01T05:59:59.999+02:00")
    assert homes_by([*early, *late], "2026-05-05T12:00+02:00") == ["C"]
    assert homes_by([*early, *nights("FR", "FR", start="2026-05-01T05:00+02:00")], "2026-05-05T12:00+02:00") == ["B"], "nor does a record abroad take the vote away"
    assert homes_by([*early, *nights("C", "C", "C", start="2026-05-01T06:00+02:00")], "2026-05-05T12:00+02:00") == ["B"], "06:00 is day"


def test_a_late_record_votes_for_its_own_day():
    """It changes nothing else; of two records of one night the later one votes, whichever comes last."""
    on_time = nights("B", "B", "B", "B", None, "C")
    late = seen(ms("2026-05-05T04:00+02:00"), "B", "S2")
    asked = page(ms("2026-05-06T12:00+02:00"), "S2")
    compare([*on_time, late, asked], [2])
    assert [home for what, _, home, *_ in Plainly(known()[1], [*on_time, late, asked]).reads if what == "page"] == ["B"]
    compare([*nights("B", "B", "B", "B", "B"), seen(ms("2026-05-05T02:00+02:00"), "C", "S2"), page(ms("2026-05-05T12:00+02:00"), "S2")], [1])


def test_of_two_records_at_one_moment_the_one_released_later_votes():
    last, asked = ms("2026-05-05T03:00+02:00"), page(ms("2026-05-05T12:00+02:00"), "S2")
    five, day = nights("B", "B", "B", "B", "B"), seen(last + 5 * HOUR, "B", "S2")
    for timeline, home in (
        ([*five, seen(last, "C", "S2"), asked], None),
        ([*nights("B", "B", "B", "B", "C"), day, seen(last, "B", "S2"), asked], "B"),
        ([*five, day, seen(last, "C", "S2"), asked], "B"),  # the count of 06:00 stands
    ):
        compare(timeline, [2])
        assert Plainly(known()[1], timeline).reads[-1][2] == home


def test_the_count_is_made_again_when_the_oldest_vote_lapses():
    """Nine nights B, then nine C: half and half, until the first B is 28 days old at 06:00."""
    records = nights(*"BBBBBBBBB", *"CCCCCCCCC")
    assert homes_by(records, "2026-05-29T05:59+02:00", "2026-05-29T06:00:01+02:00") == ["B", "C"]


@pytest.mark.parametrize(("day", "begins"), [("2026-03-29", "2026-03-29T06:00+02:00"), ("2026-10-25", "2026-10-25T06:00+01:00")])
def test_votes_end_and_are_counted_at_six_of_days_with_23_and_25_hours(day, begins):
    last = ms(begins)
    records = [*(seen(last - 2 * HOUR - number * DAY, "B", "S2") for number in (4, 3, 2, 1)), seen(last - 1, "B", "S2")]
    asked = [page(last, "S2"), page(last + 1, "S2")]
    compare([*records, *asked], [1])
    assert [home for what, _, home, *_ in Plainly(known()[1], [*records, *asked]).reads if what == "page"] == [None, "B"]


@pytest.mark.parametrize(("later", "length"), [(0, 60 * DAY), (1, None)])
def test_a_trip_ends_silently_sixty_days_after_it_was_opened(later, length):
    """A record at that very moment goes first: the trip is still open in it."""
    away = at_noon(("08:00", "A"), ("09:00", "B"), ("10:00", "B"), line="S1")
    asked = page(ms("2026-06-30T10:00+02:00") + later, "S1")
    compare([*away, asked], [2])
    assert Plainly(known()[1], [*away, asked]).reads[-1][-1] == length


def test_a_trip_lists_each_place_once_in_order_without_home():
    hours = [("08:00", "A"), *((f"{9 + hour:02}:00", where) for hour, where in enumerate("BBCCBBAA"))]
    assert [found["trip.cities"] for _, found in moved(at_noon(*hours, line="S1"))] == [["B"], ["B", "C"], ["B", "C"], ["B", "C"]]


def test_a_trip_remembers_32_places_and_that_people_visit_one_behind_them():
    start = ms("2026-05-01T08:00+02:00")
    stops = [town for town in (*TOWNS, "B", "A") for _ in range(2)]
    found = [found for _, found in moved([seen(start - HOUR, "A", "S1"), *(seen(start + at * HOUR, town, "S1") for at, town in enumerate(stops))], [7])]
    assert found[-1]["trip.cities"] == TOWNS[:32]
    assert [one["trip.tourist"] for one in found[-3:]] == [False, True, True]


def test_a_home_that_becomes_the_current_place_ends_the_trip_silently():
    away = at_noon(("08:00", "A"), ("09:00", "B"), ("10:00", "B"), line="S1")
    stays = nights(*"BBBBB", start="2026-05-02T03:00+02:00", line="S1")
    compare([*away, *stays, page(ms("2026-05-06T12:00+02:00"), "S1")], [2])
    assert Plainly(known()[1], [*away, *stays, page(ms("2026-05-06T12:00+02:00"), "S1")]).reads[-1] == ("page", "B", "B", None, None)


def test_the_clock_counts_the_votes_of_a_line_that_says_nothing_more():
    """A late page view sees what the clock has reached, 5 s after 06:00."""
    records = nights(*"BBBBB")
    for clock, home in (("06:00:04.999", None), ("06:00:05", "B")):
        timeline = [*records, *clock_at([ms(f"2026-05-05T{clock}+02:00")]), page(ms("2026-05-05T05:00+02:00"), "S2")]
        compare(timeline, [4])
        assert Plainly(known()[1], timeline).reads[-1][2] == home


def test_a_line_that_ends_loses_everything_at_once():
    """Its place, its nights and its trip, also over a restart."""
    away = at_noon(("08:00", "A"), ("09:00", "B"), ("10:00", "B"), line="S1")
    end, asked = page(ms("2026-05-05T04:00+02:00"), "S1") | {"reset": "all"}, page(ms("2026-05-05T12:00+02:00"), "S1")
    four = nights(*"BBBB", start="2026-05-01T05:00+02:00", line="S1")
    timeline = [four[0], *away, *four[1:], end, *nights("B", start="2026-05-05T05:00+02:00", line="S1"), asked]
    plain = Plainly(known()[1], timeline)
    assert plain.reads[-1] == ("page", "B", "A", None, None)
    done = trial(cut(timeline, [1]), range(1, len(timeline)))
    assert (done.moves, done.reads) == (plain.moves, plain.reads)


def test_where_only_timers_stop_votes_are_counted_with_the_next_one():
    five, more = nights(*"BBBBB"), nights("B", start="2026-05-06T03:00+02:00")
    five[-1]["reset"] = "timers"
    asked = [page(ms(f"2026-05-0{day}T12:00+02:00"), "S2") for day in (5, 6)]
    timeline = [*five, asked[0], *more, asked[1]]
    compare(timeline, [1], {2, 6})
    assert [home for what, _, home, *_ in Plainly(known()[1], timeline).reads if what == "page"] == [None, "B"]


def test_a_candidate_seen_first_on_a_wrong_date_begins_again():
    away = at_noon(("08:00", "A"), ("09:00", "B"), ("09:30", "B"))
    assert [place for place, _ in moved([*clock_at([ms("2026-05-01T08:00+02:00")]), away[0], seen(ms("2027-05-01T08:00+02:00"), "B", "S2"), *away[1:]])] == ["B 07:30"]


def test_votes_of_wrong_dates_are_forgotten_with_the_next_on_time():
    wrong = seen(ms("2026-06-20T03:00+02:00"), "C", "S2")
    records = [wrong, *nights(*"BBBBB")]
    compare([*records, page(ms("2026-05-05T12:00+02:00"), "S2")], [2])
    assert Plainly(known()[1], [*records, page(ms("2026-05-05T12:00+02:00"), "S2")]).reads[-1][2] == "B"
