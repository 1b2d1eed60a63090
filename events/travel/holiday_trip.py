"""A trip begins on a public holiday or the day before: holiday offers."""

from events.stories import seen
from events.travel.trip_started import TripStarted
from streams.define import Case, Detail, Event, day, ref


class HolidayTrip(Event, by="line"):
    home = ref.plmn.home_country()
    holiday = ref.holiday.holiday(home, day).or_(ref.holiday.holiday(home, day + 1))
    when = TripStarted.where(holiday.known())
    detail = Detail(trip_id=TripStarted.detail.trip_id, holiday=holiday, to_city=TripStarted.detail.to_city)


TRIP = {"trip_id": "11697822cf8da856", "holiday": "Labor Day", "to_city": "110000"}
CASES = [
    Case("on the holiday", [seen("310000", "1 09:00"), seen("110000", "1 12:00"), seen("110000", "1 12:30")], [TRIP]),
    Case(
        "on its eve",
        [seen("310000", "1 09:00"), seen("110000", "3 23:20"), seen("110000", "3 23:59:59.999")],
        [{**TRIP, "trip_id": "8cd6cc018c87fb93", "holiday": "Labor Day (observed)"}],
    ),
    Case("the last day of the holidays is no eve, the day after is no holiday", [seen("310000", "1 09:00"), seen("110000", "5 23:30"), seen("110000", "6 00:00")], []),
    Case(
        "on the move during a trip",
        [seen("310000", "1 09:00"), seen("110000", "1 12:00"), seen("110000", "1 12:30"), seen("440100", "2 12:00"), seen("440100", "2 12:30")],
        [TRIP],
    ),
]
