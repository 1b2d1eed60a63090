"""The records by their letters (`docs/semantics.md` §1.1), and streams of them that many definitions share."""

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

money = B.where(B.bucket_kind == "money").same(B.currency)
"""Money of any bucket: two currencies are never added or compared."""
main = money.where(B.main)
"""B$: changes of the main money balance."""
main_balance = main.same(B.bucket_id).level(before=B.balance_after - B.delta, after=B.balance_after)
charged = -B.delta
charges = main.where(B.operation == "charge", B.delta < 0)
topups = main.where(B.operation == "topup")
all_topups = B.where(B.bucket_kind == "money", B.main, B.operation == "topup")
"""Top-ups counted together whatever their currency: for what happens first, or once."""

calls = V.where(V.outcome.isin("answered", "dropped"))
dropped_calls = V.where(V.outcome == "dropped")
missed_calls = V.where(V.direction == "mt", V.outcome.isin("no_answer", "busy", "failed"))

sessions = D.where(D.total_bytes >= 1)

contacts = C.where(C.direction == "inbound")

place = Place(G)
"""The place machine, shared by all travel events: all of them read one state."""
