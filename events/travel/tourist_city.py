"""Arrived in a tourist city: hotels, car hire, sights."""

from events.words import place
from streams.define import Event, Field, cool, days, per_trip, today
from streams.define import city as cities
from streams.define import holiday as holidays


class TouristCity(Event, by="line", number=82):
    when = place.moved.where(place.to != place.home, cities.tourist(place.to))
    rearm = per_trip(place.trip_id, and_=place.to, unknown=cool(days(30)))

    trip_id: Field[str | None] = place.trip_id
    city: Field[str] = place.to
    city_name: Field[str] = cities.names(place.to)
    distance_km: Field[int | None] = cities.distance_km(place.home, place.to)
    holiday: Field[bool] = holidays.holiday(cities.country(place.to), today).known()
