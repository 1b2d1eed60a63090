"""The first charge outside the bundle in this bill cycle: sell an add-on now."""

from typing import Any

from events.stories import Record, call, record, session
from events.words import D, M, V
from streams.define import Case, Detail, Event, any_of, cycle, once_per


class OutOfBundleStarted(Event, by="line"):
    charge = V.charge_minor.or_(M.charge_minor).or_(D.charge_minor)
    use = any_of(voice_usage=V.where(V.rating_tag == "out_of_bundle"), message_usage=M.where(M.rating_tag == "out_of_bundle"), data_usage=D.where(D.rating_tag == "out_of_bundle"))
    charged = use.where(charge >= 1)
    when = charged.where(charged.this_cycle().count() == 1)
    # survives: once_per(cycle) → nothing: the first comes once in a cycle
    rearm = once_per(cycle)
    detail = Detail(usage_type=charged.name, charge=charge)


def outside(charge_minor: int, rating_tag: str = "out_of_bundle") -> Record:
    """What a record of use is charged."""
    return {"charge_minor": charge_minor, "rating_tag": rating_tag, "currency": "CNY"}


def sms(at: str, **more: Any) -> Record:
    """A message is sent."""
    return record("message_usage", at, **{"kind": "sms", "direction": "mo", "other_class": "onnet", "result": "delivered", "roaming": False, **more})


CASES = [
    Case("a call", [call("20 10:00", **outside(30))], [{"usage_type": "voice_usage", "charge": 30, "currency": "CNY"}]),
    Case("a message, then data", [sms("20 10:00", **outside(10)), session("20 11:00", **outside(50))], [{"usage_type": "message_usage", "charge": 10, "currency": "CNY"}]),
    Case("not rated", [call("20 10:00"), sms("20 11:00"), session("20 12:00")], []),
    Case("in the bundle, or free of charge", [call("20 10:00", **outside(30, "in_bundle")), session("20 11:00", **outside(0)), session("20 12:00")], []),
    Case(
        "the next cycle begins on the 15th, at 00:00",
        [session("14 23:59:59.999", **outside(1)), session("15 00:00", **outside(2)), session("16 10:00", **outside(3))],
        [{"usage_type": "data_usage", "charge": charge, "currency": "CNY"} for charge in (1, 2)],
    ),
    Case(
        "of any currency, once",
        [session("20 10:00", **{**outside(2), "currency": "USD"}), session("20 11:00", **outside(2))],
        [{"usage_type": "data_usage", "charge": 2, "currency": "USD"}],
    ),
    Case("of a line whose bill cycle is not known", [session("20 10:00", subscription_id="S2", **outside(2))], []),
    Case("messages and data in the bundle", [sms("20 10:00", **outside(30, "in_bundle")), session("20 11:00", **outside(50, "in_bundle"))], []),
]
