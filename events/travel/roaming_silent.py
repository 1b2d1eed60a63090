"""Abroad without using data: say what it costs."""

from events.stories import Record, moment, roaming, seen, session
from events.travel.intl_arrival import IntlArrival
from events.words import D, G
from streams.define import Case, Detail, Event, Param, ref


class RoamingSilent(Event, by="line"):
    wait = Param("6h", name="T", ge="1min", doc="so long after the arrival")

    home = ref.plmn.home_country()
    used = D.where(ref.plmn.country(D.visited_plmn) != home, D.total_bytes >= 1)
    networks = G.where(ref.plmn.country(G.plmn).known())
    is_abroad = ref.plmn.country(networks.latest(G.plmn)) != home
    when = IntlArrival.without(used, within=wait).where(is_abroad)
    detail = Detail(country=IntlArrival.detail.country)


def data_abroad(at: str, total_bytes: int = 1) -> Record:
    """Data in a network abroad."""
    return session(at, total_bytes, roaming=True, visited_plmn="208-01")


LANDED = roaming("208-01", "1 10:00")
CASES = [
    Case("six hours without data", [LANDED], [{"country": "FR"}], until=moment("1 16:00:05")),
    Case("not before five seconds behind", [LANDED], [], until=moment("1 16:00:04")),
    Case("a byte at the last moment", [LANDED, data_abroad("1 16:00")], [], until=moment("2 10:00")),
    Case("a byte a moment too late", [LANDED, data_abroad("1 16:00:00.001")], [{"country": "FR"}]),
    Case("nothing was sent", [LANDED, data_abroad("1 12:00", 0)], [{"country": "FR"}], until=moment("2 10:00")),
    Case("data at home", [LANDED, session("1 12:00")], [{"country": "FR"}], until=moment("2 10:00")),
    Case("home again", [LANDED, seen("310000", "1 15:00")], [], until=moment("2 10:00")),
    Case("in the next country", [LANDED, roaming("440-10", "1 12:00")], [{"country": "FR"}], until=moment("1 17:00")),
    Case("in an unknown network", [LANDED, roaming("999-99", "1 12:00")], [{"country": "FR"}], until=moment("1 17:00")),
]
