"""The phone is getting old: an offer for a new one."""

from typing import Any

from events.stories import Record, phone, sim
from events.words import X
from streams.define import Case, Detail, Event, Param, ref


class UpgradeDue(Event, by="line"):
    months = Param("24 months", ge="1 month", doc="so old is a phone that may be replaced")
    hour = Param("10:00", doc="local time of day")

    # survives: old=X.old_imei in moves → nothing: where nothing is known, initially says that it differs
    unit = X.where(X.change_type == "device").moves(X.new_imei, old=X.old_imei, initially="none")  # a first phone is a change too
    when = unit.on(X.event_time.date + months, at=hour)
    detail = Detail(model=ref.device.model(X.new_tac), age_months=months)


def use(unit: str, at: str, tac: str = "35407115", **more: Any) -> Record:
    """Phone `unit` is used from a day of the year 2024 on, at 18:00."""
    return phone(None, tac, **{"event_time": f"2024-{at}T18:00:00+08:00", "old_imei": None, "new_imei": f"t:{unit}", **more})


NOW = "2026-{}T10:01:00+08:00"
DUE = {"model": "A5", "age_months": 24}
CASES = [
    Case("after 24 months", [use("a", "05-10")], [DUE], until=NOW.format("05-10")),
    Case("a minute before", [use("a", "05-10")], [], until="2026-05-10T09:59:00+08:00"),
    Case("on the last day of a shorter month", [use("a", "02-29")], [DUE], until=NOW.format("02-28")),
    Case("another unit of the model starts again", [use("a", "05-10"), use("b", "07-10")], [DUE], until=NOW.format("07-10")),
    Case("so does an old one", [use("a", "05-10"), use("b", "06-10"), use("a", "07-10")], [DUE], until=NOW.format("07-10")),
    Case("the same one seen again does not", [use("a", "05-10"), use("a", "07-10")], [DUE], until=NOW.format("07-10")),
    Case("nor does another SIM", [use("a", "05-10"), sim(event_time="2025-05-10T18:00:00+08:00")], [DUE], until=NOW.format("05-10")),
    Case("of an unknown model", [use("a", "05-10", "99999999")], [{"model": None, "age_months": 24}], until=NOW.format("05-10")),
    Case(
        "each line has its own",
        [use("a", "05-10"), use("b", "05-11", "86012305", subscription_id="S2")],
        [DUE, {"model": "B2", "age_months": 24}],
        until=NOW.format("05-11"),
    ),
    Case("not before ten", [use("a", "05-10")], [], until="2026-05-10T10:00:04+08:00"),
    Case("another SIM, in another phone", [use("a", "05-10"), use("c", "07-10", change_type="sim", new_iccid="t:c", sim_form="uicc")], [DUE], until=NOW.format("05-10")),
]
