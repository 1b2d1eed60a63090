"""Roaming started in a country: a roaming pack, before the first bill shock."""

from events.words import G
from streams.define import Event, Field, city, cool, hours
from streams.define import plmn as networks


class IntlArrival(Event, by="line", number=83):
    country_now = networks.country(G.plmn)
    country_change = G.all.changes(country_now, initially=networks.home_country())
    when = country_change.moved.where(G.roaming)
    rearm = cool(hours(24), per=country_now)

    country: Field[str] = country_now
    plmn: Field[str] = G.plmn
    from_country: Field[str | None] = country_change.before
    tourist: Field[bool] = city.has_tourist_city(country_now)
