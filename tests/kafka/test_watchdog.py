"""The watchdog ends the worker when a shard stalls with work to do; it waits longer while the broker is away."""

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
    task = SimpleNamespace(progress=1000.0, busy=lambda: busy, trouble=trouble, committing=False)
    assert (Watchdog(list, 100, None).stalled(task, 1000.0 + stands) is not None) == ends


@pytest.mark.parametrize(("stands", "silent", "ends"), [(101, 0.2, True), (101, 90, False), (999, 900, False), (1001, 900, True)])
def test_silent_brokers_are_waited_for_although_no_transaction_has_failed_yet(stands, silent, ends):
    task = SimpleNamespace(progress=1000.0, busy=lambda: True, trouble=None, committing=False)
    why = Watchdog(list, 100, None, lambda: silent).stalled(task, 1000.0 + stands)
    assert (why is not None) == ends
    assert why is None or ("no broker has answered" in why) == (silent > 50)


@pytest.mark.parametrize(("committing", "names"), [(False, "a rule that does not end"), (True, "a transaction that gets no answer")])
def test_the_reason_names_what_does_not_end(committing, names):
    task = SimpleNamespace(progress=1000.0, busy=lambda: True, trouble=None, committing=committing)
    assert Watchdog(list, 100, None).stalled(task, 1101.0).endswith(names)
