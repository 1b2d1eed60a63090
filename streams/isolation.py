"""When a rule raises an error: the records before are committed, the rule is shut off, and its records are evaluated by the other rules.

A rule that is shut off is removed as by `--without`: its columns are deleted from the state, as are those of all rules that build on it.
It is tried again, as a new definition, when its shard starts the next time.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Protocol

from streams.intake.merge import Released
from streams.logs import log
from streams.shard import StepFailed

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.engine.engine import RuleFailed
    from streams.shard import Shard, Step

logger = logging.getLogger("kairos.rules")


class Workplace(Protocol):
    """The surroundings of a shard: they can build it again from what was committed, and commit its steps."""

    shard: Shard

    async def reload(self) -> None:
        """Replace the shard by a new one with the state of the last commit; records that wait in the merge stay."""
        ...

    async def reload_without(self, events: tuple[str, ...], why: str) -> None:
        """The same, with `events` shut off: what the state holds of them is deleted."""
        ...

    async def commit(self, step: Step) -> None:
        """Commit `step`."""
        ...


async def isolate(work: Workplace, failed: StepFailed, now_ms: Callable[[], int | None]) -> None:
    """Commit the records of a failed batch part by part, until the failing record is alone; then shut off the rule that raised.

    A part that fails is halved, on the state re-read as of the last commit; after one that passes, the next is twice as large: a rule
    that fails costs about log2 of the batch in re-reads, once. A record that the engine itself cannot process becomes a dead letter.
    """
    await work.reload()
    rest, size = failed.released, max(1, failed.released.n // 2)
    while True:
        part, left = rest.split(size) if size < rest.n else (rest, Released())
        try:
            step = work.shard.take(part, now_ms())
        except StepFailed as again:
            if part.n > 1:
                size = part.n // 2
                await work.reload()
                continue
            if again.events:
                await shut_off(work, again, part)
                continue
            await work.reload()
            log(logger, logging.ERROR, "a record cannot be processed", partition=work.shard.partition, error=again.error, place=again.place)
            step = work.shard.refuse(part, again)
        await work.commit(step)
        if not left.n:
            return
        rest, size = left, 2 * size


async def shut_off(work: Workplace, failed: StepFailed | RuleFailed, part: Released | None = None) -> None:
    """Shut off the rules that raised, on the one record of `part` or by a timer."""
    topic, _, offset, _, _ = part.raw(0) if part is not None and part.n else ("", 0, None, None, None)
    where = {"topic": topic, "offset": offset} if topic else {}
    log(logger, logging.ERROR, "a rule raises and is shut off", partition=work.shard.partition, events=list(failed.events), error=failed.error, place=failed.place, **where)
    await work.reload_without(failed.events, f"{failed.error} at {failed.place}")
