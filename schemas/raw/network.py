"""Records of topic `raw.network`: where the line is, and what it suffers there (`docs/records.md`)."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from schemas.codes import code
from schemas.raw.envelope import ENVELOPE_RULES, PLMN, AppCategory, Cell, Envelope, Id, Plmn, Rat, Rule, Seconds, given, implies, matches, whole


class LocationUpdate(Envelope, kw_only=True, frozen=True, gc=False, tag="location_update"):
    """The line was seen at a cell (3GPP attach, TAU, RAU, handover; CAMARA reachability)."""

    code: ClassVar[str] = "G"
    topic: ClassVar[str] = "raw.network"

    subscription_id: Id
    update_type: Literal["attach", "detach", "periodic", "area_change", "handover", "paging"]
    """What made the line known to the network; a `detach` has the last cell."""
    plmn: Plmn
    """The network; 3GPP `servingNodePLMNIdentifier`; its MCC is CAMARA `countryCode`."""
    roaming: bool
    """Whether the network is a foreign one; CAMARA `roaming`."""
    cell_id: Cell | None = None
    """3GPP ECGI or NCGI in `userLocationInformation`."""
    area_code: Id | None = None
    """3GPP TAC or LAC."""
    rat: Rat | None = None
    """The kind of network; CAMARA `ConnectedNetworkType`."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        *ENVELOPE_RULES,
        Rule("plmn", "MCC-MNC", lambda r: matches(PLMN, r.plmn)),
        Rule("cell_id", "given unless roaming", lambda r: r.roaming | given(r.cell_id)),
    )


class NetworkQuality(Envelope, kw_only=True, frozen=True, gc=False, tag="network_quality"):
    """A bad experience that probes saw; dropped calls are voice records."""

    code: ClassVar[str] = "Q"
    topic: ClassVar[str] = "raw.network"

    subscription_id: Id
    metric: Literal["call_setup_failure", "data_stall", "low_throughput", "high_latency", "no_coverage"]
    """What was bad."""
    value: Annotated[int, whole("by metric: 3GPP cause, ms, kbit/s, ms, s")]
    """How bad: the length of a stall, the speed, the latency, the time without coverage, the cause of a failed call."""
    duration_s: Seconds | None = None
    """How long it lasted."""
    cell_id: Cell | None = None
    """Where it was."""
    plmn: Plmn
    """The network."""
    rat: Rat | None = None
    """The kind of network; CAMARA `ConnectedNetworkType`."""
    app_category: AppCategory | None = None
    """What suffered."""

    RULES: ClassVar[tuple[Rule, ...]] = (
        *ENVELOPE_RULES,
        Rule("plmn", "MCC-MNC", lambda r: matches(PLMN, r.plmn)),
        Rule("value", "a 3GPP cause, 0 to 255, for call_setup_failure", lambda r: implies(r.metric == code("call_setup_failure"), r.value <= 255)),
    )
