"""Reference tables while a worker runs: files that have changed are read and checked aside, and applied to all shards at once, between two steps."""

from __future__ import annotations

import asyncio
import logging
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from aiokafka.errors import KafkaError

from schemas.reference.folder import RESTED_NS, Looks, differences, files_of, missing, rows
from streams.definitions import reference_use
from streams.kafka.topics import TopicFault
from streams.logs import log
from streams.reference_reading import Read

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from streams.builder import ShardBuilder
    from streams.kafka.reference_topic import ReferenceTopic
    from streams.metrics import Metrics
    from streams.settings import Settings
    from streams.shard import Shard

logger = logging.getLogger("kairos.reference")
AGAIN = "touch a file to try again"
SHOWN = 1_000
"""Characters of a refusal that are shown."""


class ReferenceWatch:
    """Looks at the folder of the reference tables, and keeps the version in use and why a newer one is refused."""

    def __init__(self, settings: Settings, builder: ShardBuilder, metrics: Metrics, shards: Callable[[], Iterable[Shard]], topic: ReferenceTopic | None = None) -> None:
        self.settings, self.builder, self.metrics, self.shards, self.topic = settings, builder, metrics, shards, topic
        self.folder = Path(settings.reference or "")
        self.looks = Looks(builder.files)
        self.refused: str | None = None
        """The sentence with which the files that are there now are refused."""
        self.version = 0
        self.child: subprocess.Popen[bytes] | None = None
        """The process that reads, or the last that did."""
        self._count()

    def note(self) -> str | None:
        """What /readyz says of it."""
        return f"the reference tables have changed and are refused, those before them stay in use: {self.refused}" if self.refused else None

    async def run(self) -> None:
        """Look and apply until cancelled."""
        if not self.settings.reference or not self.settings.reference_check:
            return
        while True:
            rested = RESTED_NS / 1e9
            await asyncio.sleep(min(rested, self.settings.reference_check) if self.looks.hurry(time.time_ns()) else self.settings.reference_check)
            if await self._followed():
                await self.look()

    async def _followed(self) -> bool:
        """Whether the folder shows what the topic holds, where there is one: a message of it that is no row is refused, and nothing of it used."""
        if self.topic is None:
            return True
        try:
            await self.topic.follow()
        except (KafkaError, TopicFault, OSError) as error:
            await self.topic.close()
            log(logger, logging.WARNING, "the reference topic cannot be read, trying again at the next look", topic=self.topic.name, error=type(error).__name__)
            return False
        why = self.topic.mirror.fault()
        if why is not None and why != self.refused:
            self._refuse(why)
        elif why is None and self.refused is not None and self.looks.refused is None:
            self._refuse(None)
        return why is None

    async def look(self) -> None:
        """Look once; read and apply what has changed."""
        files = await asyncio.to_thread(files_of, self.folder)
        ready = self.looks.changed(files, time.time_ns())
        if files == self.looks.used and self.refused is not None:
            self._refuse(None)
            log(logger, logging.INFO, "the files of the reference tables in use are back", folder=str(self.folder))
        if not ready:
            return
        if gone := missing(self.looks.used, files):
            found = Read(
                None, f"{self.folder}: wanted {', '.join(gone)}, whose rows are in use, got no such file: put it back; a start without it reads the built-in table or none"
            )
        else:
            try:
                found = await self._read()
            except (OSError, MemoryError) as error:
                found = Read(None, f"{self.folder}: wanted tables that were read aside, got {type(error).__name__}: is there memory? {AGAIN}")
            if files != (now := await asyncio.to_thread(files_of, self.folder)):
                self.looks.last = now  # written while it was read: it counts when it rests
                return
        if found.reference is None:
            self.looks.refused = files
            self._refuse(found.refused)
            return
        self.looks.used = files
        await self._apply(found)

    async def _read(self) -> Read:
        """The tables as a start would read them, by a process of its own."""
        try:
            return await asyncio.to_thread(self._result)
        except asyncio.CancelledError:
            if self.child is not None:
                self.child.kill()
            raise

    def _result(self) -> Read:
        """What the process sends. In a thread."""
        command = [sys.executable, "-m", "streams.reference_reading"]
        with tempfile.TemporaryFile() as errors, subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors) as self.child:  # our own module
            child = self.child
            assert child.stdin is not None
            assert child.stdout is not None
            try:
                with child.stdin as settings:
                    settings.write(msgspec.json.encode(self.settings))
                found: Read = pickle.load(child.stdout)  # noqa: S301  # our own process sends it
            except (OSError, EOFError, pickle.UnpicklingError):
                child.stdout.close()
                code = child.wait()
                errors.seek(0)
                last = (errors.read().decode(errors="replace").strip().splitlines() or ["no message"])[-1]
                return Read(None, f"{self.folder}: wanted a process that reads the tables, got exit code {code} ({last}): is there memory? {AGAIN}")
            return found

    async def _apply(self, found: Read) -> None:
        """Use the tables in all shards. No shard takes a step meanwhile: there is no pause between the first and the last of them."""
        reference = found.reference
        assert reference is not None
        before = self.builder.reference
        changed = {name: dict(one._asdict()) for name, one in await asyncio.to_thread(lambda: list(differences(before, reference)))}
        found.keep()
        self.builder.reference = reference
        for shard in self.shards():
            shard.engine.refer(reference)
        self._refuse(None)
        self._count()
        log(logger, logging.INFO, "reference tables applied", version=self.version, rows=dict(rows(reference)), changed=changed)
        for warning in reference_use.warnings(self.builder.catalogue, reference, history=self.settings.history_from is not None):
            logger.warning(warning if self.topic is None else self.topic.mirror.named(warning))

    def _refuse(self, why: str | None) -> None:
        if why is not None and self.topic is not None:
            why = self.topic.mirror.named(why)
        self.refused = why and (why if len(why) <= SHOWN else f"{why[:SHOWN]}…")
        self.metrics.reference_refused.set(float(why is not None))
        if why is not None:
            log(logger, logging.WARNING, "reference tables refused, those before them stay in use", version=self.version, reason=why)

    def _count(self) -> None:
        self.version += 1
        self.metrics.reference_version.set(self.version)
        self.metrics.reference_loaded.set(time.time())
        for name, count in rows(self.builder.reference).items():
            self.metrics.reference_rows.labels(name).set(count)


__all__ = ["ReferenceWatch"]
