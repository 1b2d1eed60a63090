"""Reference tables that change between two steps: what came before has read the old ones, what comes after reads the new ones, and nothing of the old ones is kept."""

from __future__ import annotations

import csv
import shutil

import orjson
import pytest

from events.stories import call, record, view
from events.web.cancel_page import CancelPage
from events.words import B, V, W, main
from schemas.codes import text_of
from schemas.reference import Reference
from streams.define import active_lines, day, event_time
from streams.definitions.catalogue import Catalogue
from streams.simulation.city import City
from tests.engine.laboratory.toys import toy
from tests.shards import Bench, epoch_ms

MIDNIGHT_MS = 1_777_564_800_000
"""2026-05-01 in Shanghai."""
HEAD = "subscription_id,customer_id,account_id,tz,activation_date,bill_cycle_day\n"
SHANGHAI, BERLIN = (HEAD + f"S1,C1,A1,{zone},2026-01-01,{cycle}\n" for zone, cycle in (("Asia/Shanghai", 1), ("Europe/Berlin", 9)))


def at(records):
    return [{**record, "event_time": epoch_ms(record["event_time"])} for record in records]


def tables(folder, lines=None, **more):
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {"lines": lines, **more}.items():
        if content is not None:
            (folder / f"{name}.csv").write_text(content, "utf-8")
    return Reference.load(folder)


def changed(path, where, **cells):
    """Other cells in a CSV file: each a function of the row."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row in filter(where, rows):
        row |= {name: make(row) for name, make in cells.items()}
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0] | dict.fromkeys(cells)))
        writer.writeheader()
        writer.writerows(rows)


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    """Records of ten days by day, and two versions of the tables: half of the cells are elsewhere, lines have other zones, homes, cycles and owners, packs other zones."""
    folder = tmp_path_factory.mktemp("city")
    made = City(3, 30, MIDNIGHT_MS)
    made.write_reference(folder / "old")
    shutil.copytree(folder / "old", folder / "new")
    new = folder / "new"
    cities = ["310000", "110000", "330100", "440100"]
    changed(new / "cells.csv", lambda row: row["cell_id"][-1] in "13579", city_code=lambda row: cities[len(row["cell_id"]) % 4])
    changed(
        new / "lines.csv",
        lambda row: row["subscription_id"][-1] in "02468",
        tz=lambda row: "Europe/Berlin" if row["subscription_id"][-1] in "048" else "America/New_York",
        home_city=lambda _: "110000",
        bill_cycle_day=lambda row: str(int(row["bill_cycle_day"]) % 28 + 1),
        activation_date=lambda _: "2026-05-04",
    )
    changed(new / "tiers.csv", lambda _: True, rank=lambda row: str(-int(row["rank"])))
    changed(new / "devices.csv", lambda _: True, model=lambda row: row["model"] + "x")
    days = [[orjson.loads(raw.value) for raw in made.day(number)] for number in range(10)]
    return days, Reference.load(folder / "old"), Reference.load(new)


def run(city, how):
    """The detections and the state of the city's records, where after five days the tables are other ones: `refer` while it runs, `restart` by another process, or not."""
    days, old, new = city
    bench = Bench(reference=old, sweep_every_ms=10**15)  # what is freed when depends on the start of a process
    found = [one for records in days[:5] for one in bench.feed(records)]
    if how == "refer":
        stored = bench.state()
        bench.shard.engine.refer(new)
        bench.log += bench.shard.engine.changes()
        assert bench.state() == stored, "the state is untouched"
    elif how == "restart":
        bench.reference = new
        bench.restart()
    later = [one for records in days[5:] for one in bench.feed(records)]
    later += bench.advance(MIDNIGHT_MS + 60 * 86_400_000)
    return [repr(one) for one in found], [repr(one) for one in later], bench.state()


def test_tables_applied_between_two_steps_are_read_as_by_a_worker_that_restarts_there(city):
    applied, restarted, neither = (run(city, how) for how in ("refer", "restart", "not at all"))
    assert applied[0] == restarted[0] == neither[0]
    assert applied[1] == restarted[1]
    assert applied[2] == restarted[2]
    assert len(set(applied[1]) - set(neither[1])) > 20, "the tables differ so that events do"


def test_a_timer_that_waits_keeps_its_moment_and_the_next_one_has_the_new_zone(tmp_path):
    ends = toy("ends", "line", main.on(B.valid_until.date, at="10:00"), at=event_time)
    rows = [HEAD + "".join(f"S{line},C{line},A{line},{zone},,\n" for line in (1, 2)) for zone in ("Asia/Shanghai", "Europe/Berlin")]
    bench = Bench(catalogue=Catalogue([ends]), reference=tables(tmp_path / "a", rows[0]), zone="UTC")
    bench.feed([balance(1, "2026-05-01T08:00:00Z")])
    bench.shard.engine.refer(tables(tmp_path / "b", rows[1]))
    bench.feed([balance(2, "2026-05-01T09:00:00Z")])
    found = bench.advance(epoch_ms("2026-05-04T00:00:00Z"))
    assert {one.who.subscription_id: one.detail["at"] for one in found} == {"S1": "2026-05-03T02:00:00.000Z", "S2": "2026-05-03T08:00:00.000Z"}


def balance(line, moment):
    bucket = {"bucket_id": "main", "bucket_kind": "money", "main": True, "unit": "minor", "currency": "CNY"}
    change = {"operation": "charge", "charge_reason": "data", "delta": -1, "balance_after": 5, "valid_until": "2026-05-03T12:00:00Z"}
    who = {"customer_id": f"C{line}", "account_id": f"A{line}", "subscription_id": f"S{line}"}
    return record("balance_change", "1 00:00", **bucket, **change, **who) | {"event_time": moment}


def test_the_lines_of_a_customer_are_those_of_the_new_table(tmp_path):
    lines = toy("lines", "line", CancelPage.each_line(), page=W.page)
    counted = toy("counted", "customer", W.all, n=active_lines)
    bench = Bench(catalogue=Catalogue([CancelPage, lines, counted]), reference=tables(tmp_path / "a", SHANGHAI))

    def page(moment):
        found = bench.feed(at([view("cancel", moment, subscription_id=None)]))
        return sorted(one.who.subscription_id for one in found if one.event == "toy.lines"), [one.detail["n"] for one in found if one.event == "toy.counted"]

    assert page("10 10:00") == (["S1"], [1])
    bench.shard.engine.refer(tables(tmp_path / "b", SHANGHAI + "S2,C1,A1,,2026-01-01,\nS3,C1,A9,,2026-01-01,\n"))
    assert page("11 10:00") == (["S1", "S2", "S3"], [3])
    bench.shard.engine.refer(tables(tmp_path / "c", HEAD + "S3,C1,A9,,2026-01-01,\nS1,C2,A2,,2026-01-01,\n"))
    assert page("14 10:00") == (["S3"], [1]), "S1 is another customer's, and no record has named it"


def test_zones_come_and_go_with_the_table_of_lines(tmp_path):
    """Without any lines the operator's zone counts; the local time of a detection shows which one did."""
    seen = toy("seen", "line", V.all, day=day)
    bench = Bench(catalogue=Catalogue([seen]), reference=Reference.load(), zone="UTC")

    def offset(moment):
        (one,) = [one for one in bench.feed(at([call(moment)])) if one.event == "toy.seen"]
        return one.offset_ms // 3_600_000

    assert offset("10 10:00") == 0
    for number, (lines, hours) in enumerate([(SHANGHAI, 8), (BERLIN, 2), (HEAD + "S1,C1,A1,,,\n", 0)]):
        bench.shard.engine.refer(tables(tmp_path / str(number), lines))
        assert offset(f"1{number + 1} 10:00") == hours


def test_texts_of_a_table_are_known_while_it_is_in_use(tmp_path):
    reference = tables(tmp_path, HEAD + "".join(f"line-{n},owner-{n},,,,\n" for n in range(1_000)))
    line = reference.line
    assert {text_of(int(number)) for number in line.keys} == {f"line-{n}" for n in range(1_000)}
    number = int(line.keys[17])
    del reference, line
    with pytest.raises(KeyError):
        text_of(number)
