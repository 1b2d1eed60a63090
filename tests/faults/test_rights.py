"""Faults of rights: the worker may do what SECURITY.md lists and nothing else, and then less."""

from __future__ import annotations

import re

import pytest

from tests.broker.kafka import BrokerMissing
from tests.broker.secure import scram, secure_broker
from tests.broker.workers import PROJECT

pytestmark = pytest.mark.broker
WORKER = "User:kairos"


def rights(app):
    """The lines of SECURITY.md, for an application."""
    block = re.search(r"## The rights of a worker\n.*?```\n(.*?)```", (PROJECT / "SECURITY.md").read_text("utf-8"), re.DOTALL)
    assert block is not None
    return [re.sub(r"\bkairos\b", app, line).split() for line in block[1].splitlines()]


@pytest.fixture
def guarded(tmp_path):
    """A broker where everybody on the SASL_SSL listener may do only what was granted, and the folder of certificates."""
    config = {"authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer", "super.users": "User:ANONYMOUS"}
    broker = secure_broker(tmp_path, config)
    try:
        broker.start()
    except BrokerMissing as missing:
        pytest.skip(f"no real broker: {missing}")
    yield broker
    broker.kill()


@pytest.mark.fault_full
def test_the_worker_works_with_the_rights_listed_and_ends_by_name_without_one_of_them(trial, guarded, towns, tmp_path):
    records, arguments = towns(160, 7)
    run = trial(14, "no right to write to an output topic", records=(records[:12_000], arguments), bootstrap=guarded.bootstrap)
    run.brokers = f"127.0.0.1:{guarded.listeners['SASL_SSL'][0]}"
    run.environment |= scram(tmp_path)
    run.environment["KAIROS_BATCH_RECORDS"] = "50"  # so that there is work left when the tool has taken the right away
    for line in rights(run.cluster.app):
        guarded.acls("--add", "--allow-principal", WORKER, *line)
    worker = run.start()
    run.wait_progress()
    denied = ("--deny-principal", WORKER, "--operation", "Write", "--topic", "customer-events.balance")
    guarded.acls("--add", *denied)
    assert run.wait_dead(worker) == 70
    run.strike()
    assert "customer-events.balance: the broker refuses what must be written: the worker may not write there: grant it WRITE" in run.cluster.logs()
    guarded.acls("--remove", "--force", *denied)
    run.start()
    run.finish()
    run.verdict()
