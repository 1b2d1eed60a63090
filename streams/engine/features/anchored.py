"""Stages whose happenings are moments of timers that earlier happenings, their anchors, have set (`timers.py`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.engine.features.timers import Due
from streams.engine.kernels import kernel
from streams.engine.stage import FlowStage
from streams.engine.state.reach import Memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from streams.engine.expression import Expr
    from streams.engine.home import Home
    from streams.engine.sources import Marked


class AnchoredStage(FlowStage):
    """Moments of timers. `anchors`: the stage of the happenings that set them, those of the first stream of `source`.

    State: the timer of each row, and what is read of its anchor.
    """

    def __init__(self, home: Home, by: str, source: Marked, keys: Sequence[Expr], anchors: FlowStage, name: str, *others: FlowStage) -> None:
        super().__init__(anchors, *others)
        self.home, self.by, self.name, self.anchors = home, by, name, anchors
        self.stream, self.keys = source.inputs()[0], keys
        sources = tuple(one.source for one in source.inputs())
        self.scope, self.part = home.scope(by, keys, sources), home.part(sources)
        self.timers = Due(home, self.scope, self.part, name, source, self.stream.source)

    def wait(self, longest: int) -> None:
        """Declare that a timer fires `longest` ms behind its anchor at most."""
        self.home.keep(self.scope.table, longest)
        self.home.state.remembers(f"{self.by}.{self.name}", Memory(delay_ms=longest))

    def keep_of_anchor(self, nodes: Iterable[Expr]) -> None:
        """Note what is read of the anchor when its timer fires; called before `declare`."""
        self.timers.keep(nodes)

    def declare(self) -> None:
        self.timers.declare()

    def restored(self) -> None:
        self.timers.restored()

    def earliest(self) -> int | None:
        return self.timers.earliest()


@kernel("int64(int64[:,:], int64, int64)")
def next_moment(chains: Any, chain: int, least: int) -> int:
    """The first moment of a chain that is not before `least`; 0: there is none, or no chain (-1).

    >>> chains = np.array([[100, 200, 300]])
    >>> next_moment(chains, 0, 101), next_moment(chains, 0, 301), next_moment(chains, -1, 0)
    (200, 0, 0)
    """
    if chain >= 0:
        for k in range(chains.shape[1]):
            if chains[chain, k] >= least:
                return chains[chain, k]
    return 0


__all__ = ["AnchoredStage", "next_moment"]
