"""The watchdog gives a shard up that stands still with work to do; an outage of the broker is waited out longer."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from streams.kafka.watchdog import Watchdog


@pytest.mark.parametrize(
    ("stands", "busy", "trouble", "ends"),
    [
        (99, True, None, False),
        (101, True, None, True),
        (5000, False, None, False),
        (999, True, "KafkaTimeoutError in 9 attempts", False),
        (1001, True, "KafkaTimeoutError in 90 attempts", True),
    ],
)
def test_when_a_worker_is_ended(stands, busy, trouble, ends):
    task = SimpleNamespace(progress=1000.0, busy=lambda: busy, trouble=trouble)
    assert (Watchdog(list, 100, None).stalled(task, 1000.0 + stands) is not None) == ends
