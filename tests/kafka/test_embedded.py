"""The embedded broker serves what the demo needs: groups, transactions, committed reads."""

from __future__ import annotations

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from streams.kafka.embedded import EmbeddedBroker


async def test_a_transaction_of_records_and_offsets_is_read_when_committed():
    with EmbeddedBroker() as broker:
        broker.bring_up(["raw.usage", "out"])
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, transactional_id="t-0", retry_backoff_ms=5)
        await producer.start()
        async with producer.transaction():
            await producer.send_and_wait("out", b"x", partition=1)
            await producer.send_offsets_to_transaction({TopicPartition("raw.usage", 1): OffsetAndMetadata(7, "")}, "group")
        consumer = AIOKafkaConsumer(
            bootstrap_servers=broker.bootstrap, group_id="group", isolation_level="read_committed", auto_offset_reset="earliest", enable_auto_commit=False, check_crcs=False
        )
        await consumer.start()
        consumer.assign([TopicPartition("out", 1), TopicPartition("raw.usage", 1)])
        records = (await consumer.getmany(timeout_ms=3000))[TopicPartition("out", 1)]
        assert [record.value for record in records] == [b"x"]
        await consumer.stop()
        await producer.stop()
