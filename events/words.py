"""The records by their letters (`docs/semantics.md` §1.1), and streams of them that many definitions share."""

from streams.define import Place, any_of, event_time, largest_entry, ref
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
outgoing_calls = V.where(V.direction == "mo")
missed_calls = V.where(V.direction == "mt", V.outcome.isin("no_answer", "busy", "failed"))

sessions = D.where(D.total_bytes >= 1)

contacts = C.where(C.direction == "inbound")

place = Place(G)
"""The place machine, shared by all travel events: all of them read one state."""

# Data, value-added services, travel, care, network

purchases = S.where(S.charge_minor >= 1)
out_of_bundle = D.where(D.rating_tag == "out_of_bundle", D.charge_minor.known()).same(D.currency)
"""Data charged by volume: its bytes are of the same currency as the money beside them."""
offers = C.where(C.reason == "offer")
tickets = T.same(T.ticket_id)
ended_tickets = tickets.where(T.status.isin("resolved", "closed", "cancelled", "rejected"))

# order, pack

completed = O.where(O.order_state == "completed")
acknowledged = O.where(O.order_state == "acknowledged")
plan_changes = completed.where(O.subscription_id.known(), O.item_action == "modify", O.offering_kind == "plan")

# line, churn

line_status = L.where(L.attribute == "line.status")
port = L.where(L.attribute == "line.port")
act = any_of(
    voice_usage=V.where(V.duration_s >= 1),
    message_usage=M.where(M.direction == "mo", M.result == "delivered"),
    data_usage=sessions,
    vas_usage=S.all,
)
"""Any use of the line by its customer."""
anything = any_of(
    voice_usage=V,
    message_usage=M,
    data_usage=D,
    vas_usage=S,
    balance_change=B.where(B.subscription_id.known()),
    bill_issued=I.where(I.subscription_id.known()),
    payment=P.where(P.subscription_id.known()),
    product_order=O.where(O.subscription_id.known()),
    state_change=L.where(L.subscription_id.known()),
    interaction=C.where(C.subscription_id.known()),
    trouble_ticket=T.where(T.subscription_id.known()),
    page_view=W.where(W.subscription_id.known()),
    device_change=X,
    location_update=G,
    network_quality=Q,
)
"""Records of every type that name a line: what first shows that it is there."""
hotline_calls = contacts.where(C.channel.isin("ivr", "call_agent"), C.status == "opened")

tier = L.where(L.attribute == "customer.tier").moves(L.new_value, old=L.old_value)
"""The loyalty tier differs from the one before."""

# Payments, bills, calls abroad

payments = P.where(P.kind == "payment")
failed_payments = payments.where(P.status.isin("failed", "denied"))
bills = I.where(I.category.isin("normal", "last"))
"""What a customer is asked to pay; no interim bills, credit notes and copies."""
normal_bills = I.where(I.category == "normal", bills.same(I.bill_id).within("400d").before().count() == 0).same(I.currency)
"""Bills of whole periods, each as it was first reported: one that is sent again changes no mean and breaks no row."""
top_line = largest_entry(I, "lines")

calls_abroad = V.where(V.direction == "mo", V.outcome == "answered", V.other_class == "international").same(V.other_country)

# Agreements, packs, and what is in force

agreement_ends = L.where(L.attribute == "agreement.end_date").same(L.entity_id)
agreement_end = L.new_value.as_date()
given_up = L.where(L.attribute == "agreement.status", L.new_value.isin("terminated", "rejected")).same(L.entity_id)
agreements = L.where((L.attribute == "agreement.end_date") | ((L.attribute == "agreement.status") & L.new_value.isin("terminated", "rejected"))).active(
    L.entity_id, holds=L.attribute == "agreement.end_date"
)
"""The agreements of a line that were not given up."""
last_end = agreements.largest(agreement_end)
added, removed = completed.where(O.item_action == "add"), completed.where(O.item_action == "delete")
deleted_at = removed.same(O.offering_id).within("400d").latest(removed.time)
"""When the offering was last taken away."""
roaming_packs = completed.where(O.offering_kind == "roaming_pack", O.item_action.isin("add", "delete")).active(
    O.order_id, O.item_id, holds=O.item_action == "add", since=O.term_start.or_(completed.time), until=O.term_end, covers=ref.offering.zone(O.offering_id), together=O.offering_id
)

# Bills, and what is paid on them

billed = bills.same(I.bill_id, I.currency)
done = P.where(P.status == "done").same(P.bill_id, P.currency)
bill_payments = done.where(P.kind == "payment")
net_paid = P.amount_minor.where(P.kind == "payment").or_(-P.amount_minor)
"""What a payment brings, and a refund takes."""
open_amount = (I.remaining_minor - done.since(bills.time).until(event_time).sum(net_paid)[I.bill_id, I.currency]).or_(
    I.amount_due_minor - done.until(event_time).sum(net_paid)[I.bill_id, I.currency]
)
"""What is to be paid on a bill: what it says is left less what was paid after it, else its amount less all that was paid on it."""

# Visits

views = W.all
visit = views.session(gap="30min")
"""The visit that a customer is on: half an hour without a view ends it."""

# Allowances

data_allowance = B.where(B.bucket_kind == "data", ~B.shared).same(B.bucket_id)
"""Data that the line need not share; what expires is known, and makes no event."""
voice_allowance = B.where(B.bucket_kind == "voice", ~B.shared).same(B.bucket_id)
used = B.bucket_initial - B.balance_after
used_before = used + B.delta
data_begun, voice_begun = (allowance.moves(B.bucket_initial).where(B.operation == "grant").count() for allowance in (data_allowance, voice_allowance))
"""How often a grant of another size has begun the allowance again: what it says once, it may say again then."""
data_used, voice_used = (allowance.level(before=100 * used_before / B.bucket_initial, after=100 * used / B.bucket_initial) for allowance in (data_allowance, voice_allowance))
"""In percent."""
data_term, voice_term = ((B.valid_until, begun, B.operation == "expire") for begun in (data_begun, voice_begun))
"""What a step is reached once for. What expires reaches steps of its own: it makes no event, and takes none away."""

# What a customer or account has

families = completed.where(O.account_id.known(), O.offering_kind == "family", O.item_action.isin("add", "delete")).active(
    O.order_id, O.item_id, holds=O.item_action == "add", until=O.term_end, together=O.offering_id
)
"""Family plans in force."""
whereabouts = any_of(seen=G.all, ended=line_status.where(L.new_value == "terminated"))
lines_at_home = whereabouts.active(whereabouts.subscription_id, holds=(whereabouts.name == "seen") & (ref.plmn.country(G.plmn) == ref.plmn.home_country()))
"""Lines that were last seen in the operator's country, and not terminated."""
