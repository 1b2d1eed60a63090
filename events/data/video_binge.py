"""A long evening of videos: a video pack."""

from events.stories import Record, moment, session
from events.words import D
from streams.define import Case, Detail, Event, Param, once_per


class VideoBinge(Event, by="line"):
    gap = Param("15min", ge="1s", le="168h", doc="so long without video ends it")
    least = Param("2h", name="min", ge="1s", doc="so long is a binge")

    video = D.where(D.app_category == "video")
    sitting = video.session(gap=gap, start=D.start_time)
    when = video.where(sitting.length >= least)
    rearm = once_per(sitting)
    detail = Detail(duration_s=sitting.length.seconds, bytes=sitting.sum(D.total_bytes), app=sitting.top(D.app_name, by=D.total_bytes))


def seen(begin: str, end: str, app: str | None = "films", **more: object) -> Record:
    """A session of video from `begin` to `end`; 1 MB, unless another number is given."""
    minutes = [int(clock[-5:-3]) * 60 + int(clock[-2:]) for clock in (begin, end)]
    basics = {"app_category": "video", "app_name": app, "start_time": moment(begin), "duration_s": 60 * (minutes[1] - minutes[0])}
    return session(end, 1_000_000, **{**basics, **more})


BINGE = {"duration_s": 7200, "bytes": 2_000_000, "app": "films"}
CASES = [
    Case("two hours in two parts", [seen("10:00", "11:00"), seen("11:00", "12:00")], [BINGE]),
    Case("a minute less", [seen("10:00", "11:00"), seen("11:00", "11:59")], []),
    Case("the gap is from the end to the next start", [seen("10:00", "11:00"), seen("11:15", "12:15")], [{**BINGE, "duration_s": 8100}]),
    Case("a longer gap", [seen("10:00", "11:00"), seen("11:16", "12:16")], []),
    Case("something else than video", [seen("10:00", "12:00", app_category="game")], []),
    Case("once, and again in the next one", [seen("10:00", "12:00"), seen("12:00", "13:00"), seen("14:00", "16:00")], [{**BINGE, "bytes": 1_000_000}] * 2),
    Case("the earliest start counts", [seen("10:20", "10:30"), seen("10:00", "12:00")], [BINGE]),
    Case("a late one in the gap moves the start back", [seen("10:15", "11:00"), seen("09:45", "10:00"), seen("11:00", "11:45")], [{**BINGE, "bytes": 3_000_000}]),
    Case("most bytes", [seen("10:00", "11:00", "clips"), seen("11:00", "11:30"), seen("11:30", "12:00")], [{**BINGE, "bytes": 3_000_000}]),
    Case("as many bytes: the first in the alphabet", [seen("10:00", "11:00"), seen("11:00", "12:00", "clips")], [{**BINGE, "app": "clips"}]),
    Case("a late one out of the gap is of no session", [seen("13:00", "15:00"), seen("10:00", "11:00")], [{**BINGE, "bytes": 1_000_000}]),
    Case("no name", [seen("10:00", "12:00", None)], [{**BINGE, "bytes": 1_000_000, "app": None}]),
]
