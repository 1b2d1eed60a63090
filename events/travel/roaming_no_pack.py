"""Data is used abroad without a roaming pack: sell one now."""

from events.stories import order, session
from events.words import D, roaming_packs
from streams.define import Case, Detail, Event, Param, cool, ref


class RoamingNoPack(Event, by="line"):
    least = Param("1 MiB", ge="1 B", name="min", doc="so much is more than a phone that says hello")

    country, zone = ref.plmn.country(D.visited_plmn), ref.plmn.roam_zone(D.visited_plmn)
    when = D.where(D.total_bytes >= least, country != ref.plmn.home_country(), ~roaming_packs.cover(zone))
    rearm = cool("24h")
    detail = Detail(country=country, bytes=D.total_bytes, charge=D.charge_minor)


DETAIL = {"country": "FR", "bytes": 2_000_000, "charge": None, "currency": None}


def abroad(at: str, total_bytes: int = 2_000_000, **more: object) -> dict[str, object]:
    """Data in France."""
    return session(at, total_bytes, **{"roaming": True, "visited_plmn": "208-01", **more})


def pack(at: str, **more: object) -> dict[str, object]:
    """A roaming pack for every zone is ordered."""
    return order("completed", at, **{"offering_kind": "roaming_pack", "offering_id": "roam-all", **more})


CASES = [
    Case("no pack", [abroad("10:00")], [DETAIL]),
    Case("exactly so much", [abroad("10:00", total_bytes=1_048_576, charge_minor=900, currency="EUR")], [{**DETAIL, "bytes": 1_048_576, "charge": 900, "currency": "EUR"}]),
    Case("a little less", [abroad("10:00", total_bytes=1_048_575)], []),
    Case("at home", [session("10:00")], []),
    Case("on an unknown network", [abroad("10:00", visited_plmn="999-99")], []),
    Case("with a pack", [pack("09:00"), abroad("10:00")], []),
    Case("the pack is deleted", [pack("09:00"), pack("09:30", order_id="OR-2", item_action="delete"), abroad("10:00")], [DETAIL]),
    Case("its term begins later", [pack("09:00", term_start="2026-05-01T10:00:00.001+08:00"), abroad("10:00")], [DETAIL]),
    Case("its term ends at that moment", [pack("09:00", term_end="2026-05-01T10:00:00+08:00"), abroad("10:00")], [DETAIL]),
    Case("of another zone", [pack("09:00", offering_id="roam-asia"), abroad("10:00")], [DETAIL]),
    Case("of its zone", [pack("09:00", offering_id="roam-europe"), abroad("10:00")], []),
    Case("the zone of the network is not known: silent where a pack may cover it", [pack("09:00", offering_id="roam-asia"), abroad("10:00", visited_plmn="520-04")], []),
    Case("a pack for every zone covers it", [pack("09:00"), abroad("10:00", visited_plmn="520-04")], []),
    Case("without any pack", [abroad("10:00", visited_plmn="520-04")], [{**DETAIL, "country": "TH"}]),
    Case("once a day", [abroad("1 10:00"), abroad("1 12:00"), abroad("2 10:00")], [DETAIL, DETAIL]),
    Case("a moment before the 24 hours are over", [abroad("1 10:00"), abroad("2 09:59:59.999")], [DETAIL]),
]
