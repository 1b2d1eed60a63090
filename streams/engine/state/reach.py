"""How far back stored state reaches, stored with it: a rule whose memory is made longer does not have all of it at once."""

from __future__ import annotations

import msgspec


class Memory(msgspec.Struct, frozen=True, omit_defaults=True):
    """How far back one column (or list of members) reached when it was written."""

    span_ms: int | None = None
    """What is older than this span is removed."""
    known_from: int = 0
    """Everything since this time (epoch ms) is known; 0: since the very first record."""
    delay_ms: int | None = None
    """How far ahead its timers were set."""
    lives: bool = False
    """Whether it counts whole lives of keys, or what came since `known_from`."""

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
        """The clock (epoch ms) from which on its whole memory is known."""
        return self.known_from + self.span_ms if self.known_from and self.span_ms is not None else 0
