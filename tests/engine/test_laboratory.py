"""The laws, over toy definitions: columns equal the scalar reading, and no cut, restart or freed row is ever seen.

In `make test` a few timelines for the toys of each module; in `make laws-random` all toys together, on as many as are asked for.
"""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings

from schemas.reference import Reference
from streams.definitions.catalogue import Catalogue
from streams.emit import event_id
from tests.engine.laboratory import BY_MODULE, LABORATORY, laboratory_timelines
from tests.engine.test_laws import NEVER, by_customer, facts, scalar
from tests.engine.timelines import DAY
from tests.shards import Bench

REFERENCE = Reference.load(Path(__file__).parent.parent / "events" / "reference_berlin")
FIXED = settings(max_examples=5, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate], report_multiple_bugs=False)
RANDOM = settings(max_examples=int(os.environ.get("EXAMPLES", "3000")), deadline=None, suppress_health_check=list(HealthCheck), report_multiple_bugs=False, print_blob=True)


def run(records: list[dict[str, Any]], catalogue: Catalogue, most: int = 20_000, *, sweep_every_ms: int = NEVER, restarting: bool = False) -> tuple[Bench, list[Any]]:
    """A shard that was fed `records` in batches of at most `most`, and what it detected."""
    bench = Bench(catalogue=catalogue, reference=REFERENCE, sweep_every_ms=sweep_every_ms)
    bench.queue(records)
    found = bench.drain(most, restarting=restarting)
    return bench, found + bench.advance(max(record["event_time"] for record in records) + 100 * DAY)


def seen(found: list[Any]) -> Counter[Any]:
    return Counter((facts(detection), event_id(detection)) for detection in found)


def laws(records: list[dict[str, Any]], catalogue: Catalogue, *, restarts: int = 1000) -> None:
    """`restarts`: at most about so many."""
    whole, found = run(records, catalogue)
    assert by_customer([facts(d) for d in found]) == by_customer(scalar(records, catalogue, REFERENCE, 100)), "columns equal the scalar reading"
    expected = seen(found)
    assert max(Counter(identity for _, identity in expected.elements()).values(), default=1) == 1, "event ids are unique"
    assert whole.shard.ledger.total() == len(records), "every record is in exactly one place of the ledger"
    for most in (1, 5):
        cut, found = run(records, catalogue, most)
        assert seen(found) == expected, f"batches of {most} equal one batch"
        assert cut.state() == whole.state(), f"so does the state, finer rows too (batches of {most})"
        assert cut.shard.ledger == whole.shard.ledger
    assert seen(run(records, catalogue, 1, sweep_every_ms=-1)[1]) == expected, "freeing rows at every step equals never freeing any"
    restarted, found = run(records, catalogue, max(3, len(records) // restarts), restarting=True)
    assert seen(found) == expected, "a restart after every batch changes nothing"
    assert restarted.state() == whole.state()
    assert seen(run(records, catalogue, max(2, len(records) // restarts), sweep_every_ms=-1, restarting=True)[1]) == expected, "nor do restarts and freed rows together"


@pytest.mark.parametrize("module", BY_MODULE)
@FIXED
@given(laboratory_timelines())
def test_the_laws_hold_for_the_laboratory(module, records):
    laws(records, BY_MODULE[module], restarts=4)


@pytest.mark.nightly
@pytest.mark.timeout(0)
@RANDOM
@given(laboratory_timelines(most=60))
def test_the_laws_hold_for_the_laboratory_for_any_seed(records):
    laws(records, LABORATORY)
