"""From one foreign country into the next: a pack for the whole region."""

from events.stories import roaming, seen
from events.words import G
from streams.define import Case, Detail, Event, cool, ref


class IntlCountryChanged(Event, by="line"):
    home, country, zone = ref.plmn.home_country(), ref.plmn.country, ref.plmn.roam_zone
    border = G.where(country(G.plmn).known()).moves(G.plmn)
    before, now = country(border.was), country(border.to)
    when = border.where(before != home, now != home, before != now)
    rearm = cool("24h", per=now)
    detail = Detail(from_country=before, to_country=now, zone_changed=(zone(border.was) != zone(border.to)).or_(False))


CASES = [
    Case("on to Japan", [roaming("208-01", "10:00"), roaming("440-10", "20:00")], [{"from_country": "FR", "to_country": "JP", "zone_changed": True}]),
    Case("over home", [roaming("208-01", "10:00"), seen("310000", "12:00"), roaming("440-10", "20:00")], []),
    Case("from home", [seen("310000", "12:00"), roaming("440-10", "20:00")], []),
    Case(
        "an unknown network in between",
        [roaming("208-01", "10:00"), roaming("999-99", "12:00"), roaming("440-10", "20:00")],
        [{"from_country": "FR", "to_country": "JP", "zone_changed": True}],
    ),
    Case("to a network of the same zone", [roaming("440-10", "10:00"), roaming("454-00", "20:00")], [{"from_country": "JP", "to_country": "HK", "zone_changed": False}]),
    Case("the first record ever", [roaming("440-10", "20:00")], []),
    Case(
        "to and fro: once a day for each country",
        [
            roaming("208-01", "1 10:00"),
            roaming("440-10", "1 11:00"),
            roaming("208-01", "1 12:00"),
            roaming("440-10", "1 13:00"),
            roaming("208-01", "1 14:00"),
            roaming("440-10", "2 11:00"),
        ],
        [
            {"from_country": "FR", "to_country": "JP", "zone_changed": True},
            {"from_country": "JP", "to_country": "FR", "zone_changed": True},
            {"from_country": "FR", "to_country": "JP", "zone_changed": True},
        ],
    ),
    Case(
        "a moment before the 24 hours are over",
        [roaming("208-01", "1 10:00"), roaming("440-10", "1 11:00"), roaming("454-00", "1 12:00"), roaming("440-10", "2 10:59:59.999")],
        [{"from_country": "FR", "to_country": "JP", "zone_changed": True}, {"from_country": "JP", "to_country": "HK", "zone_changed": False}],
    ),
    Case("to a network whose zone is not known", [roaming("440-10", "10:00"), roaming("520-04", "20:00")], [{"from_country": "JP", "to_country": "TH", "zone_changed": False}]),
    Case("another network of the country", [roaming("208-01", "10:00"), roaming("208-02", "20:00")], []),
]
