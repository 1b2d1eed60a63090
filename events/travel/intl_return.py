"""Back on the home network: say thank you, and what the trip came to."""

from events.stories import roaming, seen
from events.words import G
from streams.define import Case, Detail, Event, Param, day, event_time, ref


class IntlReturn(Event, by="line"):
    min = Param("1h", ge=0, doc="a shorter time abroad is a walk over the border")

    country = ref.plmn.country(G.plmn)
    abroad = country != ref.plmn.home_country()
    stay = G.all.stretch(abroad)
    # survives: ~abroad in where → nothing: at the departure the stay has just begun
    when = G.all.moves(abroad).where(~abroad, event_time - stay.start >= min)
    detail = Detail(countries=stay.list(country), days_abroad=day - stay.start.date)


DETAIL = {"countries": ["FR"], "days_abroad": 0}
CASES = [
    Case("an hour abroad", [seen("310000", "08:00"), roaming("208-01", "09:00"), seen("310000", "10:00")], [DETAIL]),
    Case("a moment less", [seen("310000", "08:00"), roaming("208-01", "09:00"), seen("310000", "09:59:59.999")], []),
    Case(
        "two countries, over midnight",
        [roaming("208-01", "1 23:00"), roaming("440-10", "1 23:30"), roaming("208-01", "1 23:59"), seen("310000", "2 00:00")],
        [{"countries": ["FR", "JP"], "days_abroad": 1}],
    ),
    Case(
        "an unknown network is neither", [roaming("208-01", "09:00"), roaming("999-99", "09:30"), {**seen("310000", "09:40"), "plmn": "999-99"}, seen("310000", "10:00")], [DETAIL]
    ),
    Case("another network of the own country is home", [roaming("208-01", "09:00"), roaming("460-03", "10:00")], [DETAIL]),
    Case("the first record ever is at home", [seen("310000", "08:00"), seen("310000", "10:00")], []),
    Case(
        "each time, with the countries of that time",
        [roaming("208-01", "1 09:00"), seen("310000", "1 10:00"), seen("310000", "1 11:00"), roaming("440-10", "3 09:00"), roaming("440-10", "5 09:00"), seen("310000", "6 08:00")],
        [DETAIL, {"countries": ["JP"], "days_abroad": 3}],
    ),
]
