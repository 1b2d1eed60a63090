"""A new phone in use: settings, insurance, trade-in."""

from events.stories import phone
from events.words import X
from streams.define import Case, Detail, Event, cool, ref


class Changed(Event, by="line"):
    phone = X.where(X.change_type == "device").moves(X.new_tac, old=X.old_tac)
    when = phone
    rearm = cool("24h")
    detail = Detail(
        from_model=ref.device.model(phone.was),
        to_model=ref.device.model(phone.to),
        brand_changed=ref.device.brand(phone.was) != ref.device.brand(phone.to),
        is_5g=ref.device.is_5g(phone.to),
    )


CASES = [
    Case("a new model", [phone("35331109", "35407115")], [{"from_model": "A4", "to_model": "A5", "brand_changed": False, "is_5g": True}]),
    Case("another brand, unknown to us before", [phone("35407115", "86012305")], [{"from_model": "A5", "to_model": "B2", "brand_changed": True, "is_5g": False}]),
    Case("of an old phone that nobody knows the brand is unknown", [phone("99999999", "35407115")], [{"from_model": None, "to_model": "A5", "brand_changed": None, "is_5g": True}]),
    Case("a new phone that nobody knows", [phone("35331109", "99999999")], [{"from_model": "A4", "to_model": None, "brand_changed": None, "is_5g": None}]),
    Case("another SIM is no phone", [phone(None, None, change_type="sim", old_imei=None, new_imei=None, new_iccid="t:c", sim_form="uicc")], []),
    Case("the same model again", [phone("35331109", "35331109")], []),
    Case("nothing known of the old one", [phone(None, "35407115", old_imei=None)], []),
    Case(
        "once in 24 hours",
        [phone("35331109", "35407115", "1 10:00"), phone("35407115", "86012305", "2 09:59")],
        [{"from_model": "A4", "to_model": "A5", "brand_changed": False, "is_5g": True}],
    ),
    Case(
        "the old one is the last that is known",
        [phone("35331109", "35407115", "1 10:00"), phone(None, "86012305", "3 10:00", old_imei=None)],
        [{"from_model": "A4", "to_model": "A5", "brand_changed": False, "is_5g": True}, {"from_model": "A5", "to_model": "B2", "brand_changed": True, "is_5g": False}],
    ),
    Case(
        "the phone that is known already",
        [phone("35331109", "35407115", "1 10:00"), phone("86012305", "35407115", "3 10:00")],
        [{"from_model": "A4", "to_model": "A5", "brand_changed": False, "is_5g": True}],
    ),
    Case(
        "24 hours later",
        [phone("35331109", "35407115", "1 10:00"), phone("35407115", "86012305", "2 10:00")],
        [{"from_model": "A4", "to_model": "A5", "brand_changed": False, "is_5g": True}, {"from_model": "A5", "to_model": "B2", "brand_changed": True, "is_5g": False}],
    ),
    Case("another SIM, in another phone", [phone("35331109", "35407115", change_type="sim", new_iccid="t:c", sim_form="uicc")], []),
]
