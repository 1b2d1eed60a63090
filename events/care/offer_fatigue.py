"""Declines offer after offer: no marketing for a while."""

from events.stories import offer
from events.words import C, offers
from streams.define import Case, Detail, Event, Param, cool, edge


class OfferFatigue(Event, by="customer"):
    window = Param("30d", ge="1d", doc="today and the days before it that are looked at")
    n = Param(3, unit="offers", ge=1, doc="so many refusals are enough")

    answers = offers.where(C.resolution.isin("accepted", "declined", "no_response"))
    # survives: .where(C.resolution != "accepted") → nothing: where one is accepted there is no event
    declined = answers.where(C.resolution != "accepted").within(window).count()
    when = answers.where(declined >= n, ~answers.within(window).any(C.resolution == "accepted"))
    rearm = edge, cool("30d")
    detail = Detail(declined=declined)


CASES = [
    Case("three in thirty civil days", [offer("1 00:00", "declined"), offer("10 10:00", "no_response"), offer("30 23:59", "declined")], [{"declined": 3}]),
    Case("the thirty-first civil day is out", [offer("1 23:59", "declined"), offer("10 10:00", "no_response"), offer("31 00:00", "declined")], []),
    Case("two are not enough", [offer("1 10:00", "declined"), offer("2 10:00", "declined"), offer("3 10:00", None)], []),
    Case("one was accepted", [offer("1 10:00", "accepted"), *(offer(f"{date} 10:00", "declined") for date in (2, 3, 30))], []),
    Case("it was accepted 31 days ago", [offer("1 10:00", "accepted"), *(offer(f"{date} 10:00", "declined") for date in (2, 3, 31))], [{"declined": 3}]),
    Case("the third is accepted", [offer("1 10:00", "declined"), offer("2 10:00", "declined"), offer("3 10:00", "accepted")], []),
    Case("one more is no news", [offer(f"{date} 10:00", "declined") for date in (1, 2, 3, 4)], [{"declined": 3}]),
    Case("still too many when the thirty days are over", [offer(f"{date} 10:00", "declined") for date in (1, 1, 1, 2, 2, 2, 31)], [{"declined": 3}]),
    Case("no answer to the offer", [offer("1 10:00", "declined"), offer("2 10:00", "declined"), offer("3 10:00", "abandoned")], []),
    Case("again after 30 civil days", [offer(at, "declined") for at in ("1 10:00", "1 11:00", "3 10:00", "33 10:00", "33 11:00", "33 12:00")], [{"declined": 3}, {"declined": 3}]),
    Case("a day before they are over", [offer(at, "declined") for at in ("1 10:00", "1 11:00", "3 10:00", "32 10:00", "32 23:59")], [{"declined": 3}]),
]
