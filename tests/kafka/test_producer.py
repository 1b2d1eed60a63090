"""The producer that sends a request of a transaction once relies on private parts of its client."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka.producer.sender import BaseHandler, Sender

from streams.kafka import producer, transaction
from streams.kafka.transport import UnsupportedVersion, check_libraries
from streams.metrics import Metrics
from streams.settings import load


def test_the_installed_client_is_as_it_must_be():
    assert producer.differing() == []


def test_another_client_is_refused_at_the_start(monkeypatch):
    async def do(self, node_id):
        return await self.ask(node_id)

    monkeypatch.setattr(BaseHandler, "do", do)
    with pytest.raises(UnsupportedVersion, match="BaseHandler.do: it does not send by its sender's client"):
        check_libraries()
    monkeypatch.undo()
    monkeypatch.delattr(Sender, "_sender_routine")
    with pytest.raises(UnsupportedVersion, match="Sender._sender_routine"):
        check_libraries()


async def test_after_an_unanswered_request_everything_fails_and_nothing_more_is_sent():
    """Against a broker that is not there: the parts are the client's own."""
    made = producer.Producer(bootstrap_servers="127.0.0.1:1", transactional_id="t", enable_idempotence=True)
    sent = []

    async def send(node_id, request, *, group):
        sent.append(request)
        raise producer.KafkaError("no reply")

    made.client.send = send
    made._sender._sender_task = producer_task = transaction.asyncio.ensure_future(transaction.asyncio.sleep(60))
    made._txn_manager.set_pid_and_epoch(1, 1)
    made._txn_manager.begin_transaction()
    for kind in producer.ONCE:
        assert issubclass(kind, producer.EndTxnRequest | producer.TxnOffsetCommitRequest | producer.AddOffsetsToTxnRequest | producer.AddPartitionsToTxnRequest)
    with pytest.raises(producer.KafkaError):
        await made._sender.client.send(0, producer.EndTxnRequest("t", 1, 1, 1))
    await transaction.asyncio.sleep(0)
    assert len(sent) == 1
    assert producer_task.cancelled()
    assert isinstance(made.refusal(), producer.Unanswered)
    with pytest.raises(producer.Unanswered):
        await made._message_accumulator.add_batch(made.batch(1000), None, 1)
    made._closed = True


def test_pauses_between_attempts_grow_and_are_bounded():
    assert list(transaction.PAUSES) == sorted(transaction.PAUSES)
    assert transaction.PAUSES[-1] == transaction.LONGEST_PAUSE_S


async def test_a_producer_that_was_given_up_stops_without_cancelling_who_drops_it():
    """A shard whose producer's sender was cancelled went on waiting for ever: the cancellation came out of `stop` as its own."""

    class GivenUp:
        async def stop(self):
            raise asyncio.CancelledError

    made = transaction.Transactions(0, load(environ={}), Metrics(), connection={}, dead_letter_bytes=1000, raw_partitions=1, topic_bytes={})
    made.producer = GivenUp()
    await made.close()
    assert made.producer is None


async def test_a_producer_that_does_not_stop_is_left_after_a_while(monkeypatch):
    class Stuck:
        async def stop(self):
            await asyncio.sleep(3600)

    monkeypatch.setattr(transaction, "STOP_S", 0.05)
    made = transaction.Transactions(0, load(environ={}), Metrics(), connection={}, dead_letter_bytes=1000, raw_partitions=1, topic_bytes={})
    made.producer = Stuck()
    await made.close()
    assert made.producer is None
