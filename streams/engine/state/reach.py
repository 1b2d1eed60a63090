"""How far back stored state reaches, written beside it: a rule that is given a longer memory than it had cannot know at once what it would."""

from __future__ import annotations

import msgspec


class Memory(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one column (or list of members) was cut to when it was written."""

    span_ms: int | None = None
    """What is older is let go."""
    known_from: int = 0
    """Of what happened from here on (epoch ms) nothing is missing; 0: since the first record of all."""
    count_to: int | None = None
    """It counts up to here and no further."""
    delay_ms: int | None = None
    """Its timers were set so long ahead."""

    def after(self, before: Memory | None, clock: int) -> Memory:
        """This memory, as declared now, over state that was written as `before` (None: there is none) and ends at `clock`."""
        if before is None:
            known_from = clock
        elif self.span_ms is not None and before.span_ms is not None and self.span_ms > before.span_ms:
            known_from = max(before.known_from, clock - before.span_ms)
        else:
            known_from = before.known_from
        return msgspec.structs.replace(self, known_from=known_from)

    @property
    def complete_at(self) -> int:
        """From this clock on (epoch ms) all that it should reach back to is known."""
        return self.known_from + self.span_ms if self.known_from and self.span_ms is not None else 0
