"""From settings to shards: the definitions, the reference data and the engine of an installation."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from schemas.reference import Reference
from schemas.reference.folder import files_of
from streams.definitions import reference_use
from streams.definitions.catalogue import Catalogue
from streams.definitions.rehearsal import rehearse
from streams.engine.engine import Engine, EngineSettings
from streams.intake.decode import decode_by
from streams.promises import promises, valves
from streams.shard import Shard, ShardSettings
from streams.switches import AS_INSTALLED, in_force

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from collections.abc import Set as AbstractSet

    from schemas.reference.folder import Files
    from streams.definitions.rates import Rate
    from streams.settings import Settings
    from streams.switches import History, Values

logger = logging.getLogger("kairos.reference")


class Build(Protocol):
    """Builds the shard of a partition number."""

    def __call__(self, partition: int, off: AbstractSet[str] = ..., /) -> Shard:
        """Build the shard of `partition`; `off`: events that are shut off."""
        ...


class ShardBuilder:
    """Builds shards that all read one version of the reference tables, by the values that are in force."""

    def __init__(self, catalogue: Catalogue, reference: Reference, engine: EngineSettings, shard: ShardSettings, files: Files, promised: Mapping[str, Rate]) -> None:
        self.catalogue, self.reference, self.engine, self.shard = catalogue, reference, engine, shard
        self.promised = promised
        """By event, its usual rate."""
        self.tuned = catalogue
        """The definitions with the values that are in force; `catalogue` has those of the installation's own settings."""
        self.values: Values = AS_INSTALLED
        self.files = files
        """What the folder of the tables held just before they were read."""

    def __call__(self, partition: int, off: AbstractSet[str] = frozenset()) -> Shard:
        """Build the shard of `partition`; `off`: events that are shut off."""
        shard = Shard(partition, Engine(self.tuned.shut_off(off) if off else self.tuned, self.reference, self.engine), self.shard)
        shard.switch(self.values)
        return shard

    def switch(self, history: History) -> list[str]:
        """Build by what is in force from here on. Returns a sentence for each value that is ignored."""
        self.values, self.tuned, ignored = in_force(self.catalogue, history)
        return ignored


def shard_builder(settings: Settings, *, keep_state: bool = True, named: Callable[[str], str] = str) -> tuple[ShardBuilder, Catalogue]:
    """Return a function that builds the shard of a partition number, and the definitions it runs. Sets how this process decodes.

    `named`: what is logged of the reference tables, in the words of where they come from.

    Raises CatalogueFault, SettingsError, ReferenceFault, UnknownZone.
    """
    decode_by(settings.decode)
    catalogue = Catalogue.load(settings.definitions, settings.events, settings.only, settings.without)
    promised = promises(catalogue, settings.expect)
    limits = valves(catalogue, promised, settings.valve)
    folder = Path(settings.reference) if settings.reference else None
    files = files_of(folder) if folder else {}
    reference = Reference.load(folder, country=settings.country)
    for warning in reference_use.warnings(catalogue, reference, history=settings.history_from is not None):
        logger.warning(named(warning))
    engine_settings = EngineSettings(settings.zone, settings.timer_delay_ms, settings.late_limit_ms, settings.clock_jump_ms, history_from=settings.history_day)
    shard_settings = ShardSettings(
        settings.operator,
        settings.clock == "wall",
        settings.future_ms,
        settings.max_record_bytes,
        settings.queue_records,
        settings.clock_jump_ms,
        keep_state,
        settings.waits,
        settings.wait_bytes,
        limits,
    )
    rehearse(catalogue, reference, engine_settings)  # a rule that cannot run is found now, not at the first record
    return ShardBuilder(catalogue, reference, engine_settings, shard_settings, files, promised), catalogue
