"""The control topic while a worker runs: new versions are read and checked, and each shard applies the newest one between two steps."""

from __future__ import annotations

import asyncio
import gc
import logging
from typing import TYPE_CHECKING, Any

from aiokafka.errors import KafkaError

from streams.kafka import changelog
from streams.kafka.control import place_of, read_by
from streams.logs import log
from streams.switches import in_words

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from aiokafka import AIOKafkaConsumer

    from streams.builder import ShardBuilder
    from streams.kafka.shard_task import ShardTask
    from streams.metrics import Metrics
    from streams.settings import Settings
    from streams.switches import Values

logger = logging.getLogger("kairos.settings")
LOOK_S = 1.0
"""How often the end of the topic is looked at."""


class ControlWatch:
    """Follows the control topic, without a group: every worker reads all of it."""

    def __init__(self, settings: Settings, builder: ShardBuilder, metrics: Metrics, connection: dict[str, Any], tasks: Callable[[], Iterable[ShardTask]]) -> None:
        self.settings, self.builder, self.metrics, self.connection, self.tasks = settings, builder, metrics, connection, tasks
        self.consumer: AIOKafkaConsumer | None = None
        self.end = 0
        """Up to which offset the topic was read."""
        self.reading = asyncio.Lock()
        self.changing = asyncio.Lock()
        """Held by the shard that reads its state again for new parameters: one at a time, while the others go on."""
        self.ignored: list[str] = []
        self.away: str | None = None
        """Why the topic could not be looked at, if so."""

    @property
    def values(self) -> Values:
        """What is in force, as read last."""
        return self.builder.values

    def note(self) -> list[str]:
        """What /readyz says of it."""
        found = [f"settings: {len(self.ignored)} ignored, what was in force before stays: {self.ignored[-1]}"] if self.ignored else []
        return [*found, *([f"{self.settings.control} cannot be looked at: {self.away}"] if self.away else [])]

    async def run(self) -> None:
        """Look and read until cancelled."""
        while True:
            await asyncio.sleep(LOOK_S)
            try:
                await self.refresh()
            except (KafkaError, OSError) as error:
                if self.away is None:
                    log(logger, logging.WARNING, "the control topic cannot be looked at, the settings stay", topic=self.settings.control, error=type(error).__name__)
                self.away = type(error).__name__
            else:
                self.away = None

    async def refresh(self) -> None:
        """Read what is new, up to the present end. Raises KafkaError."""
        async with self.reading:
            if self.consumer is None:
                self.consumer = await changelog.started(self.settings, self.connection)
            end = (await self.consumer.end_offsets([place_of(self.settings)]))[place_of(self.settings)]
            if end == self.end:
                return
            await self._read(self.consumer)
            self.end = end

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        """Read the whole topic, which is small, and use what it says from the next step of each shard on."""
        before = self.values
        history = await read_by(consumer, self.settings)
        if history.newest < before.version:
            self._note(
                [f"{self.settings.control}: wanted version {before.version}, which was read before, got {history.newest}: was the topic made again or cut? The settings stay"]
            )
            return
        self._note([*history.ignored, *self.builder.switch(history)])
        for version in history.versions:
            if version.version > before.version:
                log(logger, logging.INFO, "settings changed", version=version.version, by=version.by, why=version.why, changes=list(in_words(version)))
        for task in self.tasks():
            task.work.set()

    def _note(self, ignored: list[str]) -> None:
        for sentence in ignored:
            if sentence not in self.ignored:
                log(logger, logging.WARNING, "settings ignored, what was in force before stays", reason=sentence)
        self.ignored = ignored
        self.metrics.settings_ignored.set(len(ignored))

    async def close(self) -> None:
        """Stop the consumer."""
        if self.consumer is not None:
            await self.consumer.stop()

    async def apply(self, task: ShardTask) -> None:
        """Between two steps: `task` goes on by what is in force. Other events off or on are for its output alone; other parameters are a restart of the shard."""
        values = self.values
        if values.parameters == task.shard.values.parameters:
            task.shard.switch(values)
        elif self.changing.locked():
            return  # its turn comes; until then it goes on by the version before
        else:
            async with self.changing:
                await task.reload()
                thaw()
            for other in self.tasks():
                other.work.set()
            for step in task.shard.migration(self.settings.batch_records):
                await task.commit(step)
        log(logger, logging.INFO, "settings applied", partition=task.partition, version=task.shard.values.version)


def thaw() -> None:
    """Let go of an engine that was frozen out of the garbage collector's sight, and freeze what is there now."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
