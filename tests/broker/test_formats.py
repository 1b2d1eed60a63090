"""On a real broker: state of another format is refused while live workers go on, and rebuilt from the raw topics, there and back (`docs/upgrading.md`)."""

from __future__ import annotations

import os
from collections import Counter

import pytest

from tests.broker.growing import SMALL
from tests.broker.steady import Steady
from tests.broker.test_backfill import wait_without_members
from tests.broker.test_rolling_upgrade import INTERPRETED, city_of
from tests.broker.warm import KAIROS, run
from tests.broker.workers import PROJECT
from tests.versions import FORMAT_3_WITH_BACKFILL, code_of

pytestmark = pytest.mark.broker


@pytest.fixture(scope="module")
def city(tmp_path_factory):
    return city_of(tmp_path_factory.mktemp("city"), customers=30, days=4)


class Formats:
    """Workers and commands of two versions, one of which has another format of state."""

    def __init__(self, cluster, reference, old):
        self.cluster, self.reference, self.old = cluster, reference, old

    def start(self, code):
        """A worker of the code in a folder."""
        return self.cluster.start("--reference", str(self.reference), code=code, environment=self._environment(code))

    def stop(self, *workers):
        """SIGTERM, once all is worked off."""
        self.cluster.wait_worked_off()
        for worker in workers:
            worker.terminate()
        assert [worker.wait(30) for worker in workers] == [0] * len(workers)

    def rebuild(self, code):
        """`kairos backfill --all`: what it prints."""
        command = [*KAIROS, "backfill", "--all"]
        command += ["--brokers", self.cluster.bootstrap, "--app", self.cluster.app, "--reference", str(self.reference)]
        environment = {**os.environ, **SMALL, **self._environment(code), "KAIROS_CLOCK": "records"}
        done = run(command, timeout=240, cwd=code, env=environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def _environment(self, code):
        return INTERPRETED if code == self.old else {}


@pytest.mark.timeout(900)
def test_another_format_is_refused_while_live_workers_go_on_and_is_rebuilt_there_and_back(cluster, city, tmp_path):
    records, reference, expected = city
    formats = Formats(cluster, reference, code_of(FORMAT_3_WITH_BACKFILL, tmp_path / "old"))
    with Steady(cluster.bootstrap, records, phases=3) as steady:
        workers = [formats.start(formats.old), formats.start(formats.old)]
        for worker in workers:
            cluster.wait_ready(worker)
        newer = formats.start(PROJECT)
        assert newer.wait(60) == 70, cluster.scene()
        assert "wanted format 4, it was written with 3" in cluster.logs()
        assert [worker.poll() for worker in workers] == [None, None]
        steady.wait_phase()
        formats.stop(*workers)
        wait_without_members(cluster)

        assert "complete" in formats.rebuild(PROJECT)
        sent = steady.next_phase()
        steady.wait_phase()
        worker = formats.start(PROJECT)
        cluster.wait_ready(worker)
        formats.stop(worker)
        older = formats.start(formats.old)
        assert older.wait(60) == 70, cluster.scene()
        assert "wanted format 3, it was written with 4" in cluster.logs()
        wait_without_members(cluster)

        assert "complete" in formats.rebuild(formats.old)
        worker = formats.start(formats.old)
        cluster.wait_ready(worker)
        assert 0 < sent < steady.next_phase() < len(records)
        steady.finish()
        formats.stop(worker)
    assert cluster.ids() == expected, "each once"
    assert expected.total() > 100

    cluster.app = f"{cluster.app}-again"
    worker = formats.start(PROJECT)
    cluster.wait_ready(worker)
    formats.stop(worker)
    assert cluster.ids() == Counter(dict.fromkeys(expected, 2)), "another application publishes all again, with the same ids"
