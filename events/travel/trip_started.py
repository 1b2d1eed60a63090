"""Left the home city: a travel pack helps on the way."""

from events.words import place
from streams.define import Event, Field, city


class TripStarted(Event, by="line", number=81):
    when = place.moved.where(place.left_home)

    trip_id: Field[str] = place.trip_id
    home_city: Field[str] = place.home
    to_city: Field[str] = place.to
    distance_km: Field[int | None] = city.distance_km(place.home, place.to)
