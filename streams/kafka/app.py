"""The Faust app: one agent a raw topic, which gives every fetched run to the worker. The only file beside the transport that knows Faust."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import time
from typing import TYPE_CHECKING, Any, NoReturn

import faust
from faust.auth import SASLCredentials, SSLCredentials
from faust.tables import TableManager
from faust.types import TP
from faust.types.auth import SASLMechanism

from schemas.raw import TOPICS
from streams.kafka.transport import Fetched, Transport

if TYPE_CHECKING:
    from streams.kafka.worker import Worker
    from streams.settings import Settings

FETCHES_IN_FLIGHT = 4
HEARTBEAT_S = 0.5
"""A worker learns of a rebalance from its next heartbeat; the others wait that long."""
METADATA_MS = 10_000
"""How soon a changed number of partitions is noticed."""


class NoTables(TableManager):
    """Faust's tables are not used: it need not wait a second for some to be declared before it subscribes."""

    async def on_start(self) -> None:
        """Start the services that the assignment of partitions goes through."""
        await self._update_channels()
        await self.recovery.start()


class App(faust.App):
    """Faust's app, with our transport, and shards that end before the consumer does."""

    worker: Worker

    @property
    def connection(self) -> dict[str, Any]:
        """What every client connects with."""
        return self.worker.connection

    def _new_transport(self) -> Any:
        return Transport(self.conf.broker_consumer, self)

    def wants(self, place: TP) -> bool:
        """Whether `place` is to be fetched now."""
        return self.worker.wants(place)

    def positions(self) -> list[tuple[TP, int]]:
        """Where partitions are read from."""
        return self.worker.positions()

    def on_position(self, place: TP, run: Fetched) -> bool:
        """A fetch brought nothing of `place`. Returns whether its shard took it."""
        return self.worker.at_end(place, run)

    def fetch_s(self) -> float:
        """How long to wait behind a fetch that brought few records."""
        return self.worker.pace.fetch_s(time.monotonic())

    async def on_out_of_range(self, place: TP, offset: int) -> None:
        """The broker has nothing at `offset` of `place`."""
        await self.worker.out_of_range(place, offset)

    def on_failure(self, what: str, error: BaseException) -> NoReturn:
        """What brings the records has failed."""
        self.worker.broken(what, error)

    def _crash(self, reason: BaseException) -> None:
        """One of Faust's services has crashed: a worker without it would stall, or miss records."""
        if not self.should_stop and not isinstance(reason, asyncio.CancelledError):
            self.worker.broken("a service of Faust crashed", reason)
        super()._crash(reason)

    async def on_stop(self) -> None:
        """Finish the transactions in flight before anything else stops."""
        await self.worker.drop(set(self.worker.tasks))
        for looking in (*filter(None, [self.worker.looking]), *self.worker.watching):
            looking.cancel()
        if self.worker.control is not None:
            await self.worker.control.close()
        await asyncio.to_thread(self.worker.tracing.close)
        await super().on_stop()


class Shell(faust.Worker):
    """Faust's own start and stop; `Ending` handles signals, and `run` reports an error."""

    def install_signal_handlers(self) -> None:
        """Install none: only `Ending` handles signals, and no signal opens a debugger."""

    def finish(self) -> None:
        """Begin an orderly end; from any thread."""
        self.loop.call_soon_threadsafe(self._schedule_shutdown, signal.SIGTERM)

    def run(self) -> None:
        """Run until asked to end. Raises the error that ended the worker."""
        self._starting_fut = asyncio.ensure_future(self.start(), loop=self.loop)
        with contextlib.suppress(asyncio.CancelledError):
            self.loop.run_until_complete(self._starting_fut)
        if self.crash_reason is not None:
            raise self.crash_reason
        self.on_worker_shutdown()
        self.stop_and_shutdown()


def make_app(settings: Settings, worker: Worker) -> App:
    """The Faust app with one agent a raw topic."""
    app = App(
        settings.app,
        broker=[f"kafka://{broker}" for broker in settings.brokers.split(",")],
        broker_credentials=credentials(worker.connection),
        broker_session_timeout=float(settings.session_timeout_s),
        broker_heartbeat_interval=min(HEARTBEAT_S, settings.session_timeout_s / 4),
        broker_request_timeout=max(30.0, float(settings.session_timeout_s)),
        consumer_group_instance_id=settings.instance,
        consumer_metadata_max_age_ms=METADATA_MS,
        consumer_max_fetch_size=settings.fetch_bytes,
        key_serializer="raw",
        value_serializer="raw",
        stream_buffer_maxsize=FETCHES_IN_FLIGHT,
        stream_wait_empty=False,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        autodiscover=False,
        datadir=worker.folder,
        store="memory://",
        TableManager=NoTables,
    )
    app.worker = worker
    for name in TOPICS:
        make_agent(app, worker, name)
    app.on_partitions_assigned.connect(lambda _app, assigned, **_: worker.assigned(assigned))
    app.on_partitions_revoked.connect(lambda _app, revoked, **_: worker.revoked(revoked))
    return app


def credentials(options: dict[str, Any]) -> SSLCredentials | SASLCredentials | None:
    """The same connection in Faust's types, for the producer that it opens at start and never uses."""
    context = options.get("ssl_context")
    if "sasl_mechanism" in options:
        return SASLCredentials(
            username=options["sasl_plain_username"], password=options["sasl_plain_password"], ssl_context=context, mechanism=SASLMechanism(options["sasl_mechanism"])
        )
    return SSLCredentials(context=context) if context is not None else None


def make_agent(app: App, worker: Worker, name: str) -> None:
    """The agent of one raw topic: every message is a fetched run, and goes to the shard of its partition."""

    async def take(stream: Any) -> None:
        try:
            async for event in stream.events():
                worker.feed(name, event.message.partition, event.value)
        except Exception as error:  # noqa: BLE001  # Faust would restart the agent behind the run that it held
            worker.broken(f"the agent of {name} failed", error)

    app.agent(app.topic(name, internal=False, value_type=None, key_type=None), name=f"take.{name}")(take)
