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


LEFT_OUT = pytest.StashKey[str]()


def pytest_terminal_summary(terminalreporter, config):
    """Note what was left out on this machine, and why."""
    reasons = sorted({report.longrepr[2].removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", ()) if isinstance(report.longrepr, tuple)})
    config.stash[LEFT_OUT] = "; ".join(reason.removeprefix("left out: ") for reason in reasons) or "nothing"


def pytest_unconfigure(config):
    """The last line of a run names what was left out."""
    if LEFT_OUT in config.stash:
        print(f"left out on this machine: {config.stash[LEFT_OUT]}")
