"""A new phone in use: settings, insurance, trade-in."""

from events.stories import phone
from events.words import X
from streams.define import Case, Event, Field, cool, device, hours


class Changed(Event, by="line"):
    phone = X.where(X.change_type == "device", X.old_tac.known()).changes(X.new_tac, old=X.old_tac, remember=False)
    when = phone
    rearm = cool(hours(24))

    from_model: Field[str | None] = device.model(X.old_tac)
    to_model: Field[str | None] = device.model(X.new_tac)
    brand_changed: Field[bool | None] = device.brand(X.old_tac) != device.brand(X.new_tac)
    is_5g: Field[bool | None] = device.is_5g(X.new_tac)


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
]
