"""Moved from a 4G phone to a 5G phone: the 5G plan fits now."""

from events.stories import phone
from events.words import X
from streams.define import Case, Detail, Event, once_per, ref


class UpgradedTo5g(Event, by="line"):
    phone = X.where(X.change_type == "device").moves(X.new_tac, old=X.old_tac)
    when = phone.where(~ref.device.is_5g(phone.was), ref.device.is_5g(phone.to))
    rearm = once_per(X.new_tac)
    detail = Detail(to_model=ref.device.model(phone.to))


CASES = [
    Case("from 4G to 5G", [phone("35331109", "35407115")], [{"to_model": "A5"}]),
    Case("from 4G to 4G", [phone("35331109", "86012305")], []),
    Case("back to 4G", [phone("35407115", "86012305")], []),
    Case("from a phone that nobody knows", [phone("99999999", "35407115")], []),
    Case("to a phone that nobody knows", [phone("35331109", "99999999")], []),
    Case("nothing known of the old one", [phone(None, "35407115", old_imei=None)], []),
    Case("the old one is the last that is known", [phone("35407115", "86012305", "1 10:00"), phone(None, "35407115", "2 10:00", old_imei=None)], [{"to_model": "A5"}]),
    Case(
        "once for each model", [phone("35331109", "35407115", "1 10:00"), phone("35407115", "35331109", "2 10:00"), phone("35331109", "35407115", "3 10:00")], [{"to_model": "A5"}]
    ),
    Case("another SIM is no phone", [phone(None, None, change_type="sim", old_imei=None, new_imei=None, new_iccid="t:c", sim_form="uicc")], []),
    Case("another SIM, in another phone", [phone("35331109", "35407115", change_type="sim", new_iccid="t:c", sim_form="uicc")], []),
]
