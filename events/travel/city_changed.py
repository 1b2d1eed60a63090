"""The stable city changed: greet the customer where they are now."""

from events.words import place
from streams.define import Event, Field, Time, city


class CityChanged(Event, by="line", number=80):
    when = place.moved.where(place.domestic)

    from_city: Field[str] = place.origin
    to_city: Field[str] = place.to
    distance_km: Field[int | None] = city.distance_km(place.origin, place.to)
    since: Field[Time] = place.since
