"""On a real broker: reference tables are replaced while records flow; a bad version is refused and named, a good one is read from one step on by all shards."""

from __future__ import annotations

import itertools
import threading
import time

import pytest

from tests.broker.test_failing_rule import lines
from tests.broker.test_operations import charge
from tests.broker.test_outage import wait_for

pytestmark = pytest.mark.broker
CUSTOMERS = [f"C{number}" for number in range(12)]
RULE = '''"""A change of the balance, with the home of the line."""

from events.stories import balance, charge
from events.words import B
from streams.define import Case, Detail, Event, ref


class Seen(Event, by="line"):
    when = B.where(B.delta < 0)
    detail = Detail(home=ref.line.home_city(B.subscription_id))


CASES = [
    Case("money is spent", [charge(500, 300)], [{"home": "310000"}]),
    Case("money comes in", [balance(300, 500, "10:00", "topup")], []),
]
'''


def table(folder, home):
    """A new version of the lines, put into its place by a rename."""
    rows = "".join(f"S{customer},{customer},A{customer},{home}\n" for customer in CUSTOMERS)
    (folder / "lines.tmp").write_text(f"subscription_id,customer_id,account_id,home_city\n{rows}", "utf-8")
    (folder / "lines.tmp").replace(folder / "lines.csv")


def waited_for(cluster, page, what):
    """The page of the worker, once it says so."""
    return wait_for(lambda: what in (text := cluster.ask(0, f"/{page}")) and text, 60, what)


class Flow(threading.Thread):
    """Produces a record of each customer again and again, until it is stopped."""

    def __init__(self, cluster):
        super().__init__(daemon=True)
        self.cluster, self.rounds, self.over = cluster, 0, threading.Event()

    def run(self):
        for number in itertools.count():
            self.cluster.produce([charge(number, customer) for customer in CUSTOMERS])
            self.rounds = number + 1
            if self.over.wait(0.2):
                return


def test_tables_are_replaced_while_records_flow(cluster, tmp_path):
    folder, mine = tmp_path / "reference", tmp_path / "mine" / "balance"
    folder.mkdir()
    mine.mkdir(parents=True)
    (mine / "seen.py").write_text(RULE)
    table(folder, "310000")
    options = ("--definitions", str(tmp_path / "mine"), "--only", "balance.seen", "--reference", str(folder))
    cluster.start(*options, environment={"KAIROS_REFERENCE_CHECK": "1"})
    wait_for(lambda: cluster.port(0), 60, "the worker answers")
    flow = Flow(cluster)
    flow.start()
    try:
        refused, applied = replace(cluster, folder, flow)
    finally:
        flow.over.set()
        flow.join()
    cluster.wait_worked_off()
    assert waited_for(cluster, "readyz", "ok").strip() == "ok"
    assert cluster.end() == [0]
    check(cluster, refused, applied, flow.rounds)


def replace(cluster, folder, flow):
    """A bad version, then a good one. Returns the rounds that had been produced when the one was refused, and when the other was in use."""
    waited_for(cluster, "readyz", "ok")
    while flow.rounds < 4:
        time.sleep(0.1)
    (folder / "lines.csv").write_text("subscription_id,customer_id,account_id,tz\nS1,C1,A1,Mars\n", "utf-8")
    text = waited_for(cluster, "readyz", "the reference tables have changed and are refused")
    assert text.startswith("ok, but ")
    assert "lines.csv:2: tz: wanted a zone by the IANA" in text
    assert "kairos_reference_refused 1.0" in waited_for(cluster, "metrics", "kairos_reference_version 1.0")
    refused = flow.rounds
    table(folder, "110000")
    assert 'kairos_reference_rows{table="lines"} 12.0' in waited_for(cluster, "metrics", "kairos_reference_version 2.0")
    applied = flow.rounds + 1  # one may be on its way
    while flow.rounds < applied + 5:
        assert flow.is_alive()
        time.sleep(0.1)
    return refused, applied


def check(cluster, refused, applied, rounds):
    """Each record has one event, which shows the old home up to some step, and the new one from then on."""
    homes = {}
    for event in cluster.events():
        data = event["data"]
        homes.setdefault(data["customer_id"], {})[int(data["trigger"]["record_id"][1:])] = data["detail"]["home"]
    assert sorted(homes) == sorted(CUSTOMERS)
    for found in homes.values():
        assert sorted(found) == list(range(rounds)), "each record once, and none lost"
        assert [found[number] for number in range(refused - 3)] == ["310000"] * (refused - 3), "a bad version changes nothing"
        assert {found[number] for number in range(applied, rounds)} == {"110000"}
        assert sum(found[number] != found[number + 1] for number in range(rounds - 1)) == 1, "from one step on"
    (line,) = lines(cluster, "reference tables applied")
    assert (line["version"], line["changed"]) == (2, {"lines": {"added": 0, "changed": 12, "removed": 0}})
    assert len(lines(cluster, "reference tables refused, those before them stay in use")) == 1
