"""What the tests on a real broker share."""

from __future__ import annotations

import pytest

from tests.broker.workers import Cluster


def failed(request):
    """Whether the test has failed, to show what its workers say before they end."""
    return getattr(request.node, "failed", False)


@pytest.fixture
def cluster(request, kafka, tmp_path):
    """An application with fresh topics on the shared broker; its workers end with the test."""
    running = Cluster(kafka, tmp_path)
    running.fresh_topics()
    yield running
    if failed(request):
        print(running.scene())
    running.end()
