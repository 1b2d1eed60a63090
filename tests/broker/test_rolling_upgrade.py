"""On a real broker: live workers are replaced one by one by another version and back, while records come (`docs/upgrading.md`): every event once, as a replay has it."""

from __future__ import annotations

import signal
from collections import Counter

import pytest

from streams.simulation.city import City
from tests.broker.steady import Steady
from tests.broker.workers import replayed
from tests.versions import FIRST_OF_FORMAT_4, PROJECT, code_of

pytestmark = pytest.mark.broker
MIDNIGHT_MS = 1_777_564_800_000
INTERPRETED = {"NUMBA_DISABLE_JIT": "1"}
"""The old version's kernels are compiled nowhere yet, which would take minutes."""


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return city_of(tmp_path_factory.mktemp("city"), customers=40, days=6)


def city_of(folder, customers, days):
    """Records of some days, the folder with their reference data, and the events of a replay."""
    town = City(7, customers, MIDNIGHT_MS)
    town.write_reference(folder / "reference")
    records = list(town.records(days))
    (folder / "all.jsonl").write_bytes(b"".join(record.value + b"\n" for record in records))
    return [(record.topic, record.key, record.value) for record in records], folder / "reference", replayed(folder / "all.jsonl", folder / "reference")


class Rolling:
    """Two workers, which are replaced one by one."""

    def __init__(self, cluster, reference, old):
        self.cluster, self.reference, self.old = cluster, reference, old

    def start(self, code):
        """A worker of the code in a folder, without waiting."""
        return self.cluster.start("--reference", str(self.reference), code=code, environment=INTERPRETED if code == self.old else None)

    def replace(self, worker, code, how=signal.SIGTERM):
        """End a worker and start one of another version in its place, as `docs/upgrading.md` says."""
        worker.send_signal(how)
        assert worker.wait(30) == (0 if how == signal.SIGTERM else -how)
        other = self.start(code)
        self.cluster.wait_ready(other)
        return other


@pytest.mark.timeout(900)
def test_workers_are_upgraded_and_rolled_back_one_by_one_while_records_come_and_no_event_is_lost_or_doubled(cluster, city, tmp_path):
    records, reference, expected = city
    old = code_of(FIRST_OF_FORMAT_4, tmp_path / "old")
    rolling = Rolling(cluster, reference, old)
    with Steady(cluster.bootstrap, records, phases=6) as steady:
        workers = [rolling.start(old), rolling.start(old)]
        for worker in workers:
            cluster.wait_ready(worker)
        sent = [steady.next_phase()]
        for code, how in ((PROJECT, signal.SIGTERM), (old, signal.SIGKILL)):
            for place in range(len(workers)):
                workers[place] = rolling.replace(workers[place], code, how)
                sent.append(steady.next_phase())
                print(f"{sent[-1]} of {len(records)} records sent")
        (tmp_path / "kairos.toml").write_text('history_from = "2026-01-01"\n')
        refused = cluster.start("--config", str(tmp_path / "kairos.toml"), code=old, environment=INTERPRETED)
        assert refused.wait(60) != 0
        assert "history_from: no such setting" in cluster.logs(), "a setting that the old version does not know"
        steady.finish()
    assert 0 < sent[0] < sent[1] < sent[2] < sent[3] < sent[4] < len(records), "records came all the while"
    cluster.wait_worked_off()
    found = cluster.ids()
    assert max(found.values()) == 1, "each once"
    assert Counter(found) == expected
    assert expected.total() > 400
    assert cluster.dead_letters() == []
    cluster.end()
    assert [worker.poll() for worker in workers] == [0, 0]
