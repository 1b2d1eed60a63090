"""The SIM was replaced: tell the customer, and ask whether it was them."""

from events.stories import phone, sim
from events.words import X
from streams.define import Case, Detail, Event


class Swapped(Event, by="line"):
    # survives: X.sim_form.known() in where → nothing: a SIM has one; it says that the field is never null
    when = X.where(X.change_type == "sim", X.sim_form.known())
    detail = Detail(reason=X.reason, sim_form=X.sim_form)


CASES = [
    Case("lost", [sim()], [{"reason": "lost", "sim_form": "uicc"}]),
    Case("each time", [sim("10:00"), sim("10:01", reason="upgrade", sim_form="euicc")], [{"reason": "lost", "sim_form": "uicc"}, {"reason": "upgrade", "sim_form": "euicc"}]),
    Case("a profile of an eSIM is no card", [sim(change_type="esim_profile", sim_form="euicc")], []),
    Case("a phone is no SIM", [phone("35331109", "35407115")], []),
]
