"""A worker process from its settings to its end."""

from __future__ import annotations

import asyncio
import gc
import logging
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from schemas.reference.fault import ReferenceFault
from streams.builder import shard_builder
from streams.definitions import first_ever
from streams.kafka import topics as kafka_topics
from streams.kafka.app import Shell
from streams.kafka.bystander import Bystander
from streams.kafka.connection import connection, is_loopback, secret
from streams.kafka.contact import Contact, listen
from streams.kafka.control_watch import ControlWatch
from streams.kafka.ending import Ending
from streams.kafka.group import cause
from streams.kafka.reference_topic import ReferenceTopic
from streams.kafka.reference_watch import ReferenceWatch
from streams.kafka.resume import resume_from_state
from streams.kafka.topics import UNCHECKED
from streams.kafka.transport import check_libraries, hand_over_runs
from streams.kafka.worker import Worker
from streams.logs import log
from streams.metrics import Metrics, Server, Status
from streams.settings import SettingsError, changed

if TYPE_CHECKING:
    from streams.settings import Settings

logger = logging.getLogger("kairos.worker")


def run(settings: Settings, *, check: bool = True, config: str | None = None) -> None:
    """Run a worker until SIGTERM or SIGINT. Raises the faults of settings, definitions, reference and topics before it starts."""
    check_libraries()
    contact = Contact()
    listen(contact)
    ending = Ending(contact)
    ending.install()
    connection(settings)
    token = secret("metrics_token_file", settings.metrics_token_file) if settings.metrics_token_file else None
    if token is None and not is_loopback(settings.metrics_host):
        raise SettingsError(f"metrics_host: wanted a loopback address, or metrics_token_file as well, got {settings.metrics_host} without a token")
    hand_over_runs()
    with tempfile.TemporaryDirectory(prefix="kairos-reference-") as folder:
        topic = ReferenceTopic(settings, Path(folder)) if settings.reference_topic else None
        run_with(settings, topic, ending, contact, token, check=check, config=config)


def run_with(settings: Settings, topic: ReferenceTopic | None, ending: Ending, contact: Contact, token: str | None, *, check: bool, config: str | None) -> None:
    """Run it, with the reference tables of the topic where there is one."""
    read = settings if topic is None else topic.in_folder()
    if topic is not None:
        topic.read()
    try:
        build, catalogue = shard_builder(read, named=str if topic is None else topic.mirror.named)
    except ReferenceFault as fault:
        raise ReferenceFault(str(fault) if topic is None else topic.mirror.named(str(fault))) from fault
    broker = asyncio.run(kafka_topics.facts(settings, catalogue.families, config)) if check else UNCHECKED
    gc.set_threshold(200_000, 50, 1000)
    metrics, status = Metrics(), Status()
    metrics.promise(build.promised, build.shard.valves)
    metrics.watch(contact.silent_s, contact.group_silent_s)
    server = Server(metrics, status, settings.metrics_host, settings.metrics_port, token)
    if settings.resume_from_state:
        asyncio.run(resume_from_state(settings, connection(settings), metrics, broker.partitions))
    log(
        logger,
        logging.INFO,
        "worker starts",
        version=version("kairos"),
        brokers=settings.brokers,
        app=settings.app,
        clock=settings.clock,
        events=len(catalogue),
        changed=changed(settings),
        metrics=f"{settings.metrics_host}:{server.port}",
    )
    for notice in catalogue.notices:
        log(logger, logging.WARNING, "a definition may surprise", notice=notice)
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with tempfile.TemporaryDirectory(prefix="kairos-") as folder:
        worker = Worker(settings, build, metrics, status, broker, Path(folder), contact)
        worker.first_start = None if settings.history_from else first_ever.taken_for_granted(catalogue)
        worker.reference = ReferenceWatch(read, build, metrics, worker.shards, topic)
        if broker.control:
            worker.control = ControlWatch(settings, build, metrics, worker.connection, lambda: list(worker.tasks.values()))
        shell = Shell(worker.app, loop=loop, quiet=True, override_logging=False, redirect_stdouts=False)
        shell.spinner = None  # it would write escape codes between the lines of the log
        ending.finish = shell.finish
        if check:
            Bystander(settings, broker.partitions, metrics, contact).start()
        try:
            shell.run()
        except Exception as error:  # noqa: BLE001  # every error is reported in a line, and nothing more may be acknowledged
            worker.fail("the worker failed", **cause(error))
