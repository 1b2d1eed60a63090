"""The records by their letters (`docs/semantics.md` §1.1), and streams of them that many definitions share."""

from streams.define import Place
from streams.definitions import columns

V = columns.VoiceUsage()
M = columns.MessageUsage()
D = columns.DataUsage()
S = columns.VasUsage()
B = columns.BalanceChange()
I = columns.BillIssued()
P = columns.Payment()
O = columns.ProductOrder()
L = columns.StateChange()
C = columns.Interaction()
T = columns.TroubleTicket()
W = columns.PageView()
X = columns.DeviceChange()
G = columns.LocationUpdate()
Q = columns.NetworkQuality()

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

# Payments, bills, calls abroad

payments = P.where(P.kind == "payment")
failed_payments = payments.where(P.status.isin("failed", "denied"))
bills = I.where(I.category.isin("normal", "last"))
"""What a customer is asked to pay; no interim bills, credit notes and copies."""

calls_abroad = V.where(V.direction == "mo", V.outcome == "answered", V.other_class == "international").same(V.other_country)
