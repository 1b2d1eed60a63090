"""Settings that are changed while a worker is killed again and again, also while shards take the change over."""

from __future__ import annotations

import pytest

from tests.broker.test_switches import changed_under_lag, city
from tests.broker.workers import Cluster

__all__ = ["city"]
FAULTS = ["restore_begun:2", "restore_read:3", "before_commit:2", "after_commit:4", "before_commit:9", "after_offsets:12"]


@pytest.mark.broker
@pytest.mark.fault_full
def test_changes_while_a_worker_is_killed_at_many_places(kafka, tmp_path, city):  # the fixture
    cluster = Cluster(kafka, tmp_path)
    cluster.fresh_topics()
    try:
        changed_under_lag(cluster, city, FAULTS)
    finally:
        cluster.end()
