"""A transactional producer that never repeats a request of a transaction whose reply did not arrive.

aiokafka 0.14 repeats such a request with the same epoch. The first copy may still be on its way, and reach the coordinator in the middle of
the next transaction: a late EndTxn ends that one half way (events without offsets, rows without events), a late TxnOffsetCommit replaces its
offsets by older ones. Here a missing reply ends the producer. The next one begins a new epoch, and the brokers refuse what
is still on its way from the old one (`docs/adr/0010`).
"""

from __future__ import annotations

import inspect
import re
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient, ConnectionGroup
from aiokafka.errors import IncompatibleBrokerVersion, KafkaError, NodeNotReadyError
from aiokafka.producer.message_accumulator import BatchBuilder, MessageAccumulator, MessageBatch
from aiokafka.producer.sender import BaseHandler, Sender
from aiokafka.producer.transaction_manager import TransactionManager
from aiokafka.protocol.transaction import AddOffsetsToTxnRequest, AddPartitionsToTxnRequest, EndTxnRequest, TxnOffsetCommitRequest

from streams.kafka.frames import Frame, frames_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from streams.engine.state.changes import Records

ONCE = (AddPartitionsToTxnRequest, AddOffsetsToTxnRequest, TxnOffsetCommitRequest, EndTxnRequest)
"""Requests that would act on the next transaction if they came late."""


class Unanswered(KafkaError):  # type: ignore[misc]  # the client has no types
    """No reply came to a request of a transaction: whether it was done is unknown."""

    retriable = False


class OnceClient:
    """The client of a transactional producer's sender: after an unanswered request of `ONCE` nothing more is sent."""

    def __init__(self, producer: Producer) -> None:
        self._producer, self._client = producer, producer.client

    def __getattr__(self, name: str) -> Any:
        return getattr(self._client, name)

    async def send(self, node_id: int, request: Any, *, group: Any = ConnectionGroup.DEFAULT) -> Any:
        """The reply to `request`. Raises KafkaError."""
        try:
            return await self._client.send(node_id, request, group=group)
        except (NodeNotReadyError, IncompatibleBrokerVersion):  # the request was not sent
            raise
        except KafkaError as error:
            if isinstance(request, ONCE):
                self._producer.give_up(Unanswered(f"no reply to {type(request).__name__}: {type(error).__name__}"))
            raise


class Producer(AIOKafkaProducer):  # type: ignore[misc]  # the client has no types
    """An AIOKafkaProducer whose transactional requests are sent once."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._sender.client = OnceClient(self)

    def give_up(self, error: KafkaError) -> None:
        """Fail the transaction and everything that waits for it, and stop sending: only `stop` may follow."""
        self._message_accumulator.fail_all(error)
        self._txn_manager.fatal_error(error)
        self._sender.sender_task.cancel()

    def batch(self, limit: int) -> BatchBuilder:
        """An empty batch of at most `limit` bytes before compression; its first record may be larger."""
        return BatchBuilder(limit, self._message_accumulator._compression_type, is_transactional=True)

    def frames(self, records: Iterable[Records], limit: int) -> Iterator[Frame]:
        """Finished batches of changelog records, of at most `limit` bytes before compression; a record that is larger has one of its own."""
        return frames_of(records, limit, self._message_accumulator._compression_type)

    def refusal(self) -> BaseException | None:
        """What the broker refused, where a call only says that the transaction has failed."""
        waiter = self._txn_manager._transaction_waiter
        return waiter.exception() if waiter is not None and waiter.done() and not waiter.cancelled() else None


RELIED_ON: list[tuple[Any, str, list[str]]] = [
    (AIOKafkaClient, "send", ["self", "node_id", "request", "group"]),
    (Sender, "_sender_routine", ["self"]),
    (BaseHandler, "do", ["self", "node_id"]),
    (MessageAccumulator, "fail_all", ["self", "exception"]),
    (TransactionManager, "fatal_error", ["self", "exc"]),
    (BatchBuilder, "append", ["self", "timestamp", "key", "value", "headers"]),
    (AIOKafkaProducer, "send_batch", ["self", "batch", "topic", "partition"]),
    (MessageAccumulator, "add_batch", ["self", "builder", "tp", "timeout"]),
    (BatchBuilder, "_set_producer_state", ["self", "producer_id", "producer_epoch", "base_sequence"]),
    *((BatchBuilder, name, ["self"]) for name in ("_build", "close", "closed", "record_count", "size")),
]
"""Methods of the pinned client that this file overrides or calls, with their parameters."""


def differing() -> list[str]:
    """How the installed client differs from what this file relies on; empty when it does not."""
    found = [f"{owner.__qualname__}.{name}" for owner, name, wanted in RELIED_ON if list(inspect.signature(getattr(owner, name, lambda: None)).parameters) != wanted]
    asked = set(re.findall(r"_builder\.(\w+)", inspect.getsource(MessageBatch) + inspect.getsource(MessageAccumulator)))
    if lacking := sorted(asked - {"append"} - set(dir(Frame))):
        found.append(f"MessageBatch: it asks its builder for {', '.join(lacking)}")
    if "self._sender.client.send" not in inspect.getsource(BaseHandler.do):
        found.append("BaseHandler.do: it does not send by its sender's client")
    return found
