"""Roaming started in a country: a roaming pack, before the first bill shock."""

from events.stories import roaming, seen
from events.words import G
from streams.define import Case, Event, Field, city, cool, hours
from streams.define import plmn as networks


class IntlArrival(Event, by="line"):
    country_now = networks.country(G.plmn)
    country_change = G.all.changes(country_now, initially=networks.home_country())
    when = country_change.moved.where(G.roaming)
    rearm = cool(hours(24), per=country_now)

    country: Field[str] = country_now
    plmn: Field[str] = G.plmn
    from_country: Field[str | None] = country_change.before
    tourist: Field[bool] = city.has_tourist_city(country_now).or_(False)


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
]
