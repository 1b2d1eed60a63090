"""The fourth of the five rules: seen in another city than before, a tourist one; at most once in 24 hours."""

from events.stories import seen
from events.words import G
from streams.define import Case, Detail, Event, cool, ref


class TouristCityArrived(Event, by="line"):
    arrived = G.all.moves(ref.cell.city(G.cell_id))
    when = arrived.where(ref.city.tourist(arrived.to))
    rearm = cool("24h")
    detail = Detail(city=arrived.to)


CASES = [
    Case("another city", [seen("440100", "10:00"), seen("110000", "10:01")], [{"city": "110000"}]),
    Case("the first one is none", [seen("110000", "10:01")], []),
    Case("not a tourist city", [seen("110000", "10:00"), seen("440100", "10:01")], []),
    Case(
        "once a day",
        [seen("440100", "10:00"), seen("110000", "10:01"), seen("310000", "20:00"), seen("440100", "21:00"), seen("110000", "2 10:01")],
        [{"city": "110000"}, {"city": "110000"}],
    ),
]
