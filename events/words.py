"""The records by their letters (`docs/semantics.md` §1.1), and streams of them that many definitions share."""

from typing import get_args, get_type_hints

from schemas.raw import (
    BalanceChange,
    BillIssued,
    DataUsage,
    DeviceChange,
    Interaction,
    LocationUpdate,
    MessageUsage,
    NetworkQuality,
    PageView,
    Payment,
    ProductOrder,
    StateChange,
    TroubleTicket,
    VasUsage,
    VoiceUsage,
)
from streams.define import Place, Records

V = Records(VoiceUsage)
M = Records(MessageUsage)
D = Records(DataUsage)
S = Records(VasUsage)
B = Records(BalanceChange)
I = Records(BillIssued)
P = Records(Payment)
O = Records(ProductOrder)
L = Records(StateChange)
C = Records(Interaction)
T = Records(TroubleTicket)
W = Records(PageView)
X = Records(DeviceChange)
G = Records(LocationUpdate)
Q = Records(NetworkQuality)

main = B.where(B.bucket_kind == "money", B.main)
"""B$: changes of the main money balance."""
main_balance = main.level(before=B.balance_after - B.delta, after=B.balance_after)
charges = main.where(B.operation == "charge")
topups = main.where(B.operation == "topup")

calls = V.where(V.outcome.isin("answered", "dropped"))
dropped_calls = V.where(V.outcome == "dropped")
missed_calls = V.where(V.direction == "mt", V.outcome.isin("no_answer", "busy", "failed"))

sessions = D.where(D.total_bytes >= 1)

contacts = C.where(C.direction == "inbound")

place = Place(LocationUpdate, name="place")
"""The place primitive, shared by all travel events: all of them read one state."""


def labels(record: type, field: str) -> tuple[str, ...]:
    """The values that an enum field of a raw record can have."""
    return tuple(get_args(get_type_hints(record)[field]))
