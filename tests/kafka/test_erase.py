"""What an erasure deletes, read from the changelog alone."""

from __future__ import annotations

import numpy as np

from streams.engine.state.codec import split_key
from streams.kafka.erase import Contents
from tests.engine.laboratory import LABORATORY
from tests.engine.test_remembered_ids import HOUR, START, USAGE, Shard, hashed
from tests.kafka.parts import bench_of, new_by, stored_after, timeline


def test_every_block_of_the_customers_ids_is_deleted_and_no_one_elses():
    shard = Shard(48 * HOUR, 16, 4096)
    shard.take([(customer, USAGE, START + number * HOUR // 9, hashed(number), 0) for customer in ("C", "C1") for number in range(300)])
    shard.commit()
    before = set(shard.blocks())
    written, rows, _ = Contents(shard.changelog).tombstones("C")
    gone = {key for key, value in written if value is None}
    left = before - gone
    assert rows["customer.ids.usage"] == len(before) - len(left) == 19
    assert left and {split_key(key)[1].split("\x1f")[0] for key in left} == {"C1"}
    assert Shard(48 * HOUR, 16, 4096, {key: value for key, value in shard.changelog.items() if key not in gone}).take(
        [("C", USAGE, START, hashed(0), 0), ("C1", USAGE, START + 30 * HOUR, hashed(280), 0)]
    ) == [0, 1]


def test_in_a_shard_with_sums_of_days_and_pairs_a_customer_is_erased_and_the_others_keep_their_texts():
    rows = stored_after(timeline(200))
    written, found, _ = Contents(rows).tombstones("C1")
    assert {part.split(".")[1] for part in found if "." in part} >= {"days", "pair"}, "of every form"
    left = {key: value for key, value in rows.items() if key not in {key for key, value in written if value is None}}
    assert not [key for key in left if split_key(key)[1].split("\x1f")[0] == "C1"]
    state = bench_of(new_by(LABORATORY), 1, left).shard.engine.state
    held = {code for table in state.tables.values() for code in codes_used(table) if code}
    assert held <= set(state.texts)
    assert held, "there are some"


def codes_used(table):
    """The codes of the texts in the rows of a table, as the engine finds them."""
    rows = np.arange(table.map.used, dtype=np.int32)
    columns = [column.values[rows] for part in table.parts.values() for column in part.columns.values() if column.kind == "text"]
    return [code for values in (*columns, *(follower.text_codes(rows) for follower in table.followers)) for code in np.asarray(values).ravel().tolist()]
