"""Input that is made once, and brokers of a trial's own."""

from __future__ import annotations

import os

import pytest

from tests.broker.conftest import failed
from tests.broker.kafka import BrokerMissing, KafkaBroker
from tests.faults.harness import Trial, city, spoilt

SEED = int(os.environ.get("SEED", "1"))


@pytest.fixture(scope="session")
def towns(tmp_path_factory):
    """Makes a city's records, with what networks do to records, and the arguments of a worker; each size once."""
    made = {}

    def make(customers, days):
        if (customers, days) not in made:
            records, arguments = city(tmp_path_factory.mktemp("town"), SEED, customers, days)
            made[customers, days] = spoilt(records, SEED), arguments
        return made[customers, days]

    return make


@pytest.fixture
def town(request, towns):
    """The trial's input: about 30,000 records, or 96,000 for the trials that strike more often."""
    return towns(300, 12) if request.node.get_closest_marker("fault_full") else towns(160, 7)


@pytest.fixture
def village(towns):
    """As many days of fewer customers, about 11,500 records, for trials that bring faults of their own into the records."""
    return towns(60, 7)


@pytest.fixture
def trial(request, kafka, tmp_path, town):
    """What starts a trial on the shared broker: `trial(1, "kill -9")`; its input is loaded."""
    made = []

    def begin(number: int, fault: str, *, records=None, definitions=None, bootstrap=None, waits=None) -> Trial:
        one = Trial(bootstrap or kafka, tmp_path, number=number, fault=fault, seed=SEED, definitions=definitions, waits=waits)
        made.append(one)
        one.load(*(records if records is not None else town))
        return one

    yield begin
    for one in made:
        if failed(request):
            print(one.cluster.scene())
        one.cluster.end()


@pytest.fixture
def own_broker(tmp_path):
    """Brokers of this trial alone, ended with it."""
    brokers = []

    def begin(**options) -> KafkaBroker:
        broker = KafkaBroker(tmp_path / f"broker-{len(brokers)}", **options)
        brokers.append(broker)
        try:
            broker.start()
        except BrokerMissing as missing:
            pytest.skip(f"no real broker: {missing}")
        return broker

    yield begin
    for broker in brokers:
        broker.kill()
