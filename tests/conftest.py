"""What all tests share: the real broker, and the real input, each skipped loudly where it is missing."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from streams.kafka.connection import is_loopback
from tests.broker.kafka import BrokerMissing, KafkaBroker

SHARED = Path(__file__).resolve().parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def kafka(tmp_path_factory):
    """Where a real broker answers: KAFKA_BOOTSTRAP, or one of our own for this run."""
    if bootstrap := os.environ.get("KAFKA_BOOTSTRAP"):
        assert all(is_loopback(broker.rsplit(":", 1)[0]) for broker in bootstrap.split(",")), "KAFKA_BOOTSTRAP: tests delete topics, and do so on this machine only"
        yield bootstrap
        return
    try:
        broker = KafkaBroker(tmp_path_factory.mktemp("kafka"))
        broker.start()
    except BrokerMissing as missing:
        pytest.skip(f"no real broker: {missing}")
    try:
        yield broker.bootstrap
    finally:
        broker.stop()


@pytest.fixture(scope="session")
def shared():
    """The folder of real input."""
    if not SHARED.is_dir():
        pytest.skip(f"the real input is not here: {SHARED}")
    return SHARED


def pytest_terminal_summary(terminalreporter):
    """What was left out on this machine, and why: the last lines of a run."""
    reasons = sorted({report.longrepr[2].removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", ()) if isinstance(report.longrepr, tuple)})
    terminalreporter.ensure_newline()
    terminalreporter.write_line("left out on this machine: " + ("; ".join(reason.removeprefix("left out: ") for reason in reasons) or "nothing"))
