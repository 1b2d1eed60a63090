"""Public tables read by mappings give the records that plain Python makes of them."""

from __future__ import annotations

import json

import pytest

from tests.real_input.adapters import everything
from tests.real_input.mappings import MAPPINGS
from tests.sources.mappings import read, source

pytestmark = [pytest.mark.shared]
IDS = ("record_id", "session_id")
"""A line's number, which both count from another one."""
NOT_IN_TABLE = {"recharges": ("balance_after",), "fcc": ("customer_id", "account_id", "subscription_id")}
"""What the adapter makes up: a running balance, a `T` before a ticket's number."""
VOLUMES = ("downlink_bytes", "total_bytes")
"""The adapter cuts parts of a byte off, the mapping rounds them."""


def plain(record, name):
    left_out = {*IDS, *VOLUMES, *NOT_IN_TABLE.get(name, ())} - ({"record_id"} if name == "fcc" else set())
    return json.dumps({field: value for field, value in record.items() if field not in left_out and value is not None}, sort_keys=True)


@pytest.fixture(scope="module")
def adapted(shared):
    found = {}
    for record in everything(shared):
        found.setdefault(record["source_system"], []).append(record)
    return found


@pytest.mark.parametrize("name", MAPPINGS)
def test_a_mapping_gives_the_records_of_the_adapter(name, adapted, shared, tmp_path):
    mapping, table = MAPPINGS[name]
    records, bad, reading = read(source(tmp_path, mapping, name), shared / table)
    assert sorted(plain(one, name) for one in records if one.get("duration_s", 0) <= 86_400) == sorted(plain(one, name) for one in adapted[name])
    for field in VOLUMES:
        volumes = zip(*(sorted(one.get(field, 0) for one in side) for side in (records, adapted[name])), strict=False)
        assert all(0 <= rounded - cut <= 1 for rounded, cut in volumes)
    assert len({one["record_id"] for one in records}) == len(records)
    assert reading.counts["records"] == len(records) > 600
    print(name, reading.counts, {(one.field, one.wanted) for one in bad})
