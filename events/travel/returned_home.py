"""Back in the home city after a trip: say thank you, ask how it was."""

from events.words import place
from streams.define import Event, Field, Param, hours


class ReturnedHome(Event, by="line", number=89):
    min = Param(hours(6), unit="ms", ge=0, doc="a shorter absence is not a trip")

    when = place.moved.where(place.came_home, place.trip_ms >= min)

    trip_id: Field[str] = place.trip_id
    cities: Field[list[str]] = place.trip_places
    hours: Field[int] = place.trip_hours
    tourist: Field[bool] = place.trip_tourist
