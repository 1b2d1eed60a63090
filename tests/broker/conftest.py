"""What the tests on a real broker share."""

from __future__ import annotations

import pytest

from tests.broker.workers import Cluster


@pytest.fixture
def cluster(kafka, tmp_path):
    """An application with fresh topics on the shared broker; its workers end with the test."""
    running = Cluster(kafka, tmp_path)
    running.fresh_topics()
    yield running
    running.end()
