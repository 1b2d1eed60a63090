"""What all tests share: the real broker, and the real input, each skipped loudly where it is missing."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from streams.kafka.connection import is_loopback
from tests.broker.kafka import BrokerMissing, KafkaBroker
from tests.order import in_parts

settings.register_profile("kairos", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("kairos")
"""No test judges how long an example takes: a busy machine is no defect."""
REAL_INPUT = os.environ.get("REAL_INPUT")
"""A folder with real input, `make test REAL_INPUT=FOLDER`."""


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
    if not REAL_INPUT or not Path(REAL_INPUT).is_dir():
        pytest.skip(f"left out: tests on real input: REAL_INPUT names no folder ({REAL_INPUT or 'it is not set'})")
    return Path(REAL_INPUT)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config, items):
    """In two or three processes the long tests come first in all."""
    if (count := getattr(config, "workerinput", {}).get("workercount")) in (2, 3):
        items[:] = in_parts(items, lambda item: item.path.relative_to(Path(__file__).parent).as_posix(), count)


def pytest_collection_finish():
    """What was imported stays: the collector need not look at it again each time."""
    gc.collect()
    gc.freeze()


LEFT_OUT = pytest.StashKey[str]()


def pytest_terminal_summary(terminalreporter, config):
    """Note what was left out on this machine, and why."""
    reasons = sorted({report.longrepr[2].removeprefix("Skipped: ") for report in terminalreporter.stats.get("skipped", ()) if isinstance(report.longrepr, tuple)})
    config.stash[LEFT_OUT] = "; ".join(reason.removeprefix("left out: ") for reason in reasons) or "nothing"


def pytest_unconfigure(config):
    """The last line of a run names what was left out."""
    if LEFT_OUT in config.stash:
        print(f"left out on this machine: {config.stash[LEFT_OUT]}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Tell the fixtures of a test whether it failed."""
    report = yield
    if call.when == "call":
        item.failed = report.failed
    return report
