"""The first real use: the app, and a few tips."""

from events.line.activated import Activated
from events.stories import call, message, service, session, status
from events.words import L, act
from streams.define import Case, Detail, Event, event_time, once


class FirstUse(Event, by="line"):
    # survives: Activated.where().latest(L.event_time) → Activated.where().first(L.event_time): a line is activated once
    activated_at = Activated.where().latest(L.event_time)
    when = act.where(act.nth() == 1)
    rearm = once
    detail = Detail(usage_type=act.name, hours_since_activation=(event_time - activated_at).hours)


LIVE = status("pendingActive", "active", "1 10:00")
CASES = [
    Case("a call of one second", [LIVE, call("1 11:59:59.999", duration_s=1)], [{"usage_type": "voice_usage", "hours_since_activation": 1}]),
    Case("the first alone", [message("1 10:00"), call("1 11:00"), session("1 12:00")], [{"usage_type": "message_usage", "hours_since_activation": None}]),
    Case("a session of one byte", [LIVE, session("2 10:00", 1)], [{"usage_type": "data_usage", "hours_since_activation": 24}]),
    Case("a line from before the records: its first is not known", [call(), service()], [], history_from="2026-04-02"),
    Case("a service", [service()], [{"usage_type": "vas_usage", "hours_since_activation": None}]),
    Case("what is no use", [LIVE, call("1 11:00", "no_answer"), message("1 11:01", direction="mt"), message("1 11:02", result="failed"), session("1 11:03", 0)], []),
    Case(
        "each line has its first",
        [call("1 10:00"), call("1 10:01", subscription_id="S2")],
        [{"usage_type": "voice_usage", "hours_since_activation": None}, {"usage_type": "voice_usage", "hours_since_activation": None}],
    ),
]
