"""A real Kafka broker for tests: Kafka 4 in KRaft mode, its jars by Maven, its own folder and ports for each run."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from streams.kafka.topics import describe, value_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

HERE = Path(__file__).parent
CACHE = HERE.parent.parent / ".kafka"
CLUSTER_ID = "MkU3OEVBNTcwNTJENDM2Qg"
READY_S = 60
BRIEF = ("-XX:TieredStopAtLevel=1",)
"""Of a broker that ends within minutes: it compiles quickly rather than well, which saves a third of what its start costs."""


class BrokerMissing(Exception):
    """What is missing to run a real broker here."""


def jars() -> Path:
    """The broker's jars, fetched by Maven once. Raises BrokerMissing."""
    folder = CACHE / "jars"
    CACHE.mkdir(exist_ok=True)
    with (CACHE / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several test processes may want them at once
        if (folder / ".complete").exists():
            return folder
        for tool in ("java", "mvn"):
            if shutil.which(tool) is None:
                raise BrokerMissing(f"the real-broker tests need Java 17 and Maven: {tool} is not installed")
        command = ["mvn", "-q", "-B", "-f", str(HERE / "pom.xml"), "dependency:copy-dependencies", f"-DoutputDirectory={folder}"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            raise BrokerMissing(f"Maven could not fetch Kafka's jars: {done.stdout[-500:]}")
        (folder / ".complete").touch()
    return folder


def lasting_port() -> int:
    """A free port below those that the system gives to connections, so that it is free again when a broker comes back."""
    for port in random.SystemRandom().sample(range(15_000, 30_000), 100):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise BrokerMissing("no free port on 127.0.0.1 between 15000 and 30000")


class KafkaBroker:
    """One broker that is its own controller, on 127.0.0.1.

    `config` overrides settings of the broker. `proxied`: a further listener whose clients must connect through that port. `brief`: it ends within minutes.
    """

    def __init__(
        self,
        folder: Path,
        *,
        config: dict[str, str] | None = None,
        proxied: int | None = None,
        node: int = 1,
        voters: Sequence[int] = (),
        port: int | None = None,
        brief: bool = True,
    ) -> None:
        self.folder, self.port, self.controller_port = folder, port or lasting_port(), voters[node - 1] if voters else lasting_port()
        self.flags = BRIEF if brief else ()
        self.config, self.node, self.voters = config or {}, node, list(voters) or [self.controller_port]
        self.listeners = {"PLAINTEXT": (self.port, self.port)}
        if proxied is not None:
            self.listeners["PROXIED"] = (lasting_port(), proxied)
        self.format_arguments: list[str] = []
        self.process: subprocess.Popen[bytes] | None = None
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def bootstrap(self) -> str:
        """Where clients connect."""
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Start, and wait until it answers."""
        config = self.folder / "server.properties"
        protocols = ",".join(f"{name}:{name if name in ('PLAINTEXT', 'SSL', 'SASL_SSL', 'SASL_PLAINTEXT') else 'PLAINTEXT'}" for name in (*self.listeners, "CONTROLLER"))
        settings = {
            "process.roles": "broker,controller",
            "node.id": str(self.node),
            "controller.quorum.voters": ",".join(f"{node}@127.0.0.1:{port}" for node, port in enumerate(self.voters, 1)),
            "listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, (port, _) in self.listeners.items()) + f",CONTROLLER://127.0.0.1:{self.controller_port}",
            "advertised.listeners": ",".join(f"{name}://127.0.0.1:{port}" for name, (_, port) in self.listeners.items()),
            "listener.security.protocol.map": protocols,
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self.folder / "data"),
            "offsets.topic.replication.factor": str(len(self.voters)),
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": str(len(self.voters)),
            "transaction.state.log.min.isr": "2" if len(self.voters) > 2 else "1",
            "transaction.state.log.num.partitions": "4",
            "group.initial.rebalance.delay.ms": "0",
            "group.min.session.timeout.ms": "1000",
            "auto.create.topics.enable": "false",
            "message.max.bytes": "33554432",
            "socket.request.max.bytes": "104857600",
            "log.retention.check.interval.ms": "3600000",
            **self.config,
        }
        config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
        if not (self.folder / "data" / "meta.properties").exists():
            self._format(config)
        self.process = self._java("kafka.Kafka", str(config))
        if len(self.voters) > 1:
            return
        self.wait_ready()

    def _format(self, config: Path) -> None:
        """Make the folder of its data; one that an equal broker made before is copied."""
        made, data = jars() / f"formatted-{self.node}-of-{len(self.voters)}", self.folder / "data"
        if made.exists() and not self.format_arguments:
            shutil.copytree(made, data)
            return
        failed = self._java("kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c", str(config), *self.format_arguments).wait()
        if failed or self.format_arguments:
            return
        own = Path(tempfile.mkdtemp(prefix="formatted-", dir=jars()))
        shutil.copytree(data, own, dirs_exist_ok=True)
        try:
            own.rename(made)
        except OSError:  # another process was first
            shutil.rmtree(own)

    def wait_ready(self) -> None:
        """Wait until it answers. Raises BrokerMissing."""
        assert self.process is not None
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise BrokerMissing(f"the broker ended at once: {(self.folder / 'broker.log').read_text()[-800:]}")
            with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=0.5):
                return
            time.sleep(0.1)
        raise BrokerMissing(f"the broker did not answer within {READY_S} s")

    def _java(self, main: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self.folder / "broker.log").open("ab")
        logging = HERE / "log4j2.properties"
        command = ["java", *self.flags, "-Xmx768m", "-Xms256m", "-XX:+UseSerialGC", f"-Dlog4j2.configurationFile={logging}", "-cp", f"{jars()}/*", main, *arguments]
        return subprocess.Popen(command, stdout=log, stderr=log, cwd=self.folder)

    def acls(self, *arguments: str) -> None:
        """Run Kafka's own tool for rights (`kafka-acls`): `acls("--add", "--allow-principal", "User:kairos", ...)`."""
        code = self._java("org.apache.kafka.tools.AclCommand", "--bootstrap-server", self.bootstrap, *arguments).wait(60)
        assert code == 0, (self.folder / "broker.log").read_text()[-2000:]

    def stop(self, how: int = signal.SIGTERM) -> None:
        """End the broker."""
        if self.process is not None and self.process.poll() is None:
            os.kill(self.process.pid, how)
            try:
                self.process.wait(20)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process = None

    def kill(self) -> None:
        """End the broker at once."""
        self.stop(signal.SIGKILL)


async def create_topics(bootstrap: str, topics: dict[str, int], configs: dict[str, dict[str, str]] | None = None) -> None:
    """Create topics with partition counts, and wait until the broker shows them: it confirms them before."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.create_topics([NewTopic(name, count, len(bootstrap.split(",")), topic_configs=(configs or {}).get(name, {})) for name, count in topics.items()])
        async with asyncio.timeout(READY_S):
            while not topics.keys() <= set(await admin.list_topics()):
                await asyncio.sleep(0.02)
    finally:
        await admin.close()


async def alter_topic(bootstrap: str, topic: str, config: dict[str, str]) -> None:
    """Give a topic this configuration alone, and wait until the broker shows it: it confirms it before."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        await admin.alter_configs([ConfigResource(ConfigResourceType.TOPIC, topic, config)])
        async with asyncio.timeout(READY_S):
            while any(value_of(entries, name) != value for entries in (await describe(admin, [topic])).values() for name, value in config.items()):
                await asyncio.sleep(0.02)
    finally:
        await admin.close()


async def produce(bootstrap: str, records: Iterable[tuple[str, int | None, bytes | None, bytes | None]]) -> None:
    """Write (topic, partition, key, value) in order."""
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap, linger_ms=20, max_batch_size=262_144, compression_type="lz4", max_request_size=33_554_432, enable_idempotence=True)
    await producer.start()
    try:
        for topic, partition, key, value in records:
            await producer.send(topic, value, key=key, partition=partition)
        await producer.flush()
    finally:
        await producer.stop()


async def read_all(bootstrap: str, topics: Sequence[str], isolation: str = "read_committed") -> list[Any]:
    """All records of topics up to their present end."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level=isolation, enable_auto_commit=False, max_partition_fetch_bytes=33_554_432)
    await consumer.start()
    try:
        places = [TopicPartition(topic, p) for topic in topics for p in sorted(consumer.partitions_for_topic(topic) or await known_partitions(consumer, topic))]
        consumer.assign(places)
        await consumer.seek_to_beginning()
        ends = await consumer.end_offsets(places)
        found: list[Any] = []
        waiting = {place for place in places if ends[place] > 0}
        while waiting:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found += records
            waiting = {place for place in waiting if await consumer.position(place) < ends[place]}
        return found
    finally:
        await consumer.stop()


async def ends(bootstrap: str, places: Sequence[TopicPartition], isolation: str = "read_committed") -> dict[TopicPartition, int]:
    """Where a reader of that isolation finds the ends of `places`: the last stable offsets, or the high watermarks."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, isolation_level=isolation)
    await consumer.start()
    try:
        return dict(await consumer.end_offsets(places))
    finally:
        await consumer.stop()


async def known_partitions(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    """The partitions of a topic that the client has not heard of yet."""
    for _ in range(50):
        await consumer._client._wait_on_metadata(topic)
        found = consumer.partitions_for_topic(topic)
        if found:
            return set(found)
        await asyncio.sleep(0.1)
    return set()
