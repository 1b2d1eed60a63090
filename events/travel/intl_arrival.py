"""Roaming started in a country: a roaming pack, before the first bill shock."""

from events.stories import roaming, seen
from events.words import G
from streams.define import Case, Detail, Event, cool, ref


class IntlArrival(Event, by="line"):
    country = ref.plmn.country(G.plmn)
    home = ref.plmn.home_country()
    border = G.all.moves(country, initially=home)
    when = border.where(country != home)
    rearm = cool("24h", per=country)
    detail = Detail(country=country, plmn=G.plmn, from_country=border.was, tourist=ref.city.has_tourist_city(country).or_(False))


CASES = [
    Case("lands in France", [seen("310000", "10:00"), roaming("208-01", "20:00")], [{"country": "FR", "plmn": "208-01", "from_country": "CN", "tourist": True}]),
    Case("the first record ever, abroad", [roaming("440-10", "20:00")], [{"country": "JP", "plmn": "440-10", "from_country": None, "tourist": False}]),
    Case(
        "to and fro over the border: once a day",
        [roaming("208-01", "1 09:00"), seen("310000", "1 09:10"), roaming("208-01", "1 09:20"), seen("310000", "1 10:00"), roaming("208-01", "2 09:00")],
        [{"country": "FR", "plmn": "208-01", "from_country": None, "tourist": True}, {"country": "FR", "plmn": "208-01", "from_country": "CN", "tourist": True}],
    ),
    Case("a network that is in no table", [seen("310000", "10:00"), roaming("999-99", "20:00")], []),
    Case("still there", [seen("310000", "10:00")], []),
    Case("another network of the own country is no roaming", [roaming("460-03", "20:00")], []),
    Case(
        "a foreign network that says it is none",
        [{**roaming("208-01", "20:00"), "roaming": False, "cell_id": "f-1"}],
        [{"country": "FR", "plmn": "208-01", "from_country": None, "tourist": True}],
    ),
    Case(
        "from one country to the next",
        [roaming("208-01", "10:00"), roaming("999-99", "11:00"), roaming("440-10", "20:00")],
        [{"country": "FR", "plmn": "208-01", "from_country": None, "tourist": True}, {"country": "JP", "plmn": "440-10", "from_country": "FR", "tourist": False}],
    ),
    Case(
        "a moment before the 24 hours are over",
        [roaming("208-01", "1 09:00"), seen("310000", "1 10:00"), roaming("208-01", "2 08:59:59.999")],
        [{"country": "FR", "plmn": "208-01", "from_country": None, "tourist": True}],
    ),
]
