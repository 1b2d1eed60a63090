"""What an erasure deletes, read from the changelog alone."""

from __future__ import annotations

from streams.engine.state.codec import split_key
from streams.kafka.erase import Contents
from tests.engine.test_remembered_ids import HOUR, START, USAGE, Shard, hashed


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
