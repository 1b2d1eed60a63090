"""Two far places, too soon one after the other: look for a clone, hold offers."""

from events.stories import roaming, seen
from events.words import G
from streams.define import Case, Detail, Event, Param, cool, ref


class ImpossibleTravel(Event, by="line"):
    km = Param(300, unit="km", ge=1, doc="what is nearer proves nothing")
    kmh = Param(1000, unit="km/h", ge=1, doc="nobody travels faster")

    abroad = ref.plmn.country(G.plmn) != ref.plmn.home_country()
    city = ref.cell.city(G.cell_id)
    is_on_the_map = ref.city.distance_km(city, city).known()
    hop = G.where(~abroad.or_(G.roaming), is_on_the_map).moves(city)
    far = ref.city.distance_km(hop.was, hop.to)
    when = hop.where(far >= km, (hop.gap == 0) | (far / hop.gap > kmh / 3_600_000))
    rearm = cool("24h")
    detail = Detail(from_city=hop.was, to_city=hop.to, km=far, seconds=hop.gap.seconds)


DETAIL = {"from_city": "310000", "to_city": "110000", "km": 1068, "seconds": 3600}
CASES = [
    Case("Beijing an hour after Shanghai", [seen("310000", "10:00"), seen("110000", "11:00")], [DETAIL]),
    Case("1000 km/h", [seen("310000", "10:00"), seen("110000", "11:04:04.800")], []),
    Case("a little faster", [seen("310000", "10:00"), seen("110000", "11:04:04.799")], [{**DETAIL, "seconds": 3844}]),
    Case("at the same moment", [seen("310000", "10:00"), seen("110000", "10:00")], [{**DETAIL, "seconds": 0}]),
    Case("a nearer city", [seen("310000", "10:00"), seen("330100", "10:01")], []),
    Case("the time since it was last seen there counts", [seen("310000", "08:00"), seen("310000", "10:00"), seen("110000", "11:00")], [DETAIL]),
    Case("the first place ever", [seen("110000", "11:00")], []),
    Case(
        "abroad, in an unknown cell and in a place off the map there is no city",
        [seen("310000", "10:00"), roaming("208-01", "10:20"), seen("nowhere", "10:30"), roaming("999-99", "10:40"), seen("110000", "11:00")],
        [DETAIL],
    ),
    Case("in another network of the own country", [seen("310000", "10:00"), {**seen("110000", "11:00"), "plmn": "460-03", "roaming": True}], [DETAIL]),
    Case("a cell of a foreign network is in no city", [seen("310000", "10:00"), {**seen("110000", "11:00"), "plmn": "208-01"}], []),
    Case(
        "once in 24 hours",
        [seen("310000", "1 10:00"), seen("110000", "1 11:00"), seen("310000", "1 12:00"), seen("110000", "2 10:59:59"), seen("310000", "2 11:00")],
        [DETAIL, {"from_city": "110000", "to_city": "310000", "km": 1068, "seconds": 1}],
    ),
    Case("a country that nobody knows, and no word of roaming", [seen("310000", "10:00"), {**seen("110000", "11:00"), "plmn": "999-99"}], [DETAIL]),
    Case(
        "a minute before the 24 hours are over",
        [seen(city, at) for city, at in (("310000", "1 10:00"), ("110000", "1 11:00"), ("110000", "2 10:58"), ("310000", "2 10:59"))],
        [DETAIL],
    ),
    Case("300 km", [seen("310000", "10:00"), seen("km-300", "10:01")], [{"from_city": "310000", "to_city": "km-300", "km": 300, "seconds": 60}]),
    Case("299 km", [seen("310000", "10:00"), seen("km-299", "10:01")], []),
    Case("over a place off the map", [seen("310000", "10:00"), seen("off-map", "10:30"), seen("110000", "11:00")], [DETAIL]),
]
