"""The columns of raw records, one class for each type: `B = columns.BalanceChange()`.

Written by `kairos schemas --columns streams/definitions/columns.py`; do not edit.
"""

from schemas import raw
from streams.definitions.words import Records
from streams.engine.expression import RecordField


class Columns(Records):
    """What every record has."""

    def __init__(self) -> None:
        super().__init__(getattr(raw, type(self).__name__))

    record_id: RecordField  # a text
    schema_version: RecordField  # a whole number
    source_system: RecordField  # a text
    event_time: RecordField  # a moment
    ingest_time: RecordField  # a moment; may be unknown
    customer_id: RecordField  # a text
    msisdn: RecordField  # a text; may be unknown
    action: RecordField  # correction, new, reversal
    ref_record_id: RecordField  # a text; may be unknown
    seq: RecordField  # a whole number


class VoiceUsage(Columns):
    """Columns of `voice_usage` (V)."""

    account_id: RecordField  # a text; may be unknown
    subscription_id: RecordField  # a text
    direction: RecordField  # forwarded, mo, mt
    bearer: RecordField  # cs, volte, vonr, vowifi
    other_party: RecordField  # a text; may be unknown
    call_id: RecordField  # a text; may be unknown
    other_class: RecordField  # competitor_hotline, emergency, fixed, international, offnet, onnet, own_hotline, premium, …
    other_country: RecordField  # a text; may be unknown
    start_time: RecordField  # a moment
    answer_time: RecordField  # a moment; may be unknown
    duration_s: RecordField  # a whole number, s
    outcome: RecordField  # answered, busy, dropped, failed, no_answer
    cause_for_term: RecordField  # a whole number; may be unknown
    roaming: RecordField  # a truth value
    visited_plmn: RecordField  # a text; may be unknown
    cell_id: RecordField  # a text; may be unknown
    rating_tag: RecordField  # free, in_bundle, out_of_bundle; may be unknown
    charge_minor: RecordField  # a whole number, minor unit of currency; may be unknown
    currency: RecordField  # a text; may be unknown


class MessageUsage(Columns):
    """Columns of `message_usage` (M)."""

    account_id: RecordField  # a text; may be unknown
    subscription_id: RecordField  # a text
    kind: RecordField  # mms, sms
    direction: RecordField  # mo, mt
    other_party: RecordField  # a text; may be unknown
    other_class: RecordField  # competitor_hotline, emergency, fixed, international, offnet, onnet, own_hotline, premium, …
    other_country: RecordField  # a text; may be unknown
    command: RecordField  # a text; may be unknown
    message_size: RecordField  # a whole number, byte; may be unknown
    result: RecordField  # delivered, expired, failed
    roaming: RecordField  # a truth value
    visited_plmn: RecordField  # a text; may be unknown
    cell_id: RecordField  # a text; may be unknown
    rating_tag: RecordField  # free, in_bundle, out_of_bundle; may be unknown
    charge_minor: RecordField  # a whole number, minor unit of currency; may be unknown
    currency: RecordField  # a text; may be unknown


class DataUsage(Columns):
    """Columns of `data_usage` (D)."""

    account_id: RecordField  # a text; may be unknown
    subscription_id: RecordField  # a text
    session_id: RecordField  # a text
    part: RecordField  # a whole number
    start_time: RecordField  # a moment
    duration_s: RecordField  # a whole number, s
    uplink_bytes: RecordField  # a whole number, byte
    downlink_bytes: RecordField  # a whole number, byte
    total_bytes: RecordField  # a whole number, byte
    rat: RecordField  # 2G, 3G, 4G, 5G, UNKNOWN, WIFI
    dnn: RecordField  # a text; may be unknown
    rating_group: RecordField  # a whole number; may be unknown
    app_category: RecordField  # finance, game, map, music, other, shopping, social, travel, video, work
    app_name: RecordField  # a text; may be unknown
    tethering: RecordField  # a truth value
    close_reason: RecordField  # abnormal, normal, other, time_limit, volume_limit; may be unknown
    avg_kbps: RecordField  # a whole number, kbit/s; may be unknown
    roaming: RecordField  # a truth value
    visited_plmn: RecordField  # a text; may be unknown
    cell_id: RecordField  # a text; may be unknown
    rating_tag: RecordField  # free, in_bundle, out_of_bundle; may be unknown
    charge_minor: RecordField  # a whole number, minor unit of currency; may be unknown
    currency: RecordField  # a text; may be unknown


class VasUsage(Columns):
    """Columns of `vas_usage` (S)."""

    account_id: RecordField  # a text; may be unknown
    subscription_id: RecordField  # a text
    service_code: RecordField  # a text
    service_category: RecordField  # cloud, game, music, other, payment, reading, ringback, video
    provider_id: RecordField  # a text; may be unknown
    offering_id: RecordField  # a text; may be unknown
    quantity: RecordField  # a whole number
    charge_minor: RecordField  # a whole number, minor unit of currency
    currency: RecordField  # a text


class BalanceChange(Columns):
    """Columns of `balance_change` (B)."""

    account_id: RecordField  # a text
    subscription_id: RecordField  # a text; may be unknown
    bucket_id: RecordField  # a text
    bucket_kind: RecordField  # credit, data, money, points, sms, voice
    main: RecordField  # a truth value
    unit: RecordField  # byte, message, minor, point, second
    currency: RecordField  # a text; may be unknown
    operation: RecordField  # adjust_credit, adjust_debit, charge, expire, grant, topup, transfer_in, transfer_out
    delta: RecordField  # a whole number, `unit`
    balance_after: RecordField  # a whole number, `unit`
    bucket_initial: RecordField  # a whole number, `unit`; may be unknown
    valid_from: RecordField  # a moment; may be unknown
    valid_until: RecordField  # a moment; may be unknown
    offering_id: RecordField  # a text; may be unknown
    shared: RecordField  # a truth value
    charge_reason: RecordField  # data, other, purchase, recurring, sms, vas, voice; may be unknown
    channel: RecordField  # agent_dealer, app, call_agent, chat, email, ivr, kiosk, mini_program, outbound_call, …; may be unknown
    auto: RecordField  # a truth value
    counterpart: RecordField  # a text; may be unknown


class BillIssued(Columns):
    """Columns of `bill_issued` (I)."""

    account_id: RecordField  # a text
    subscription_id: RecordField  # a text; may be unknown
    bill_id: RecordField  # a text
    bill_no: RecordField  # a text; may be unknown
    category: RecordField  # credit_note, duplicate, interim, last, normal
    run_type: RecordField  # offCycle, onCycle
    bill_date: RecordField  # a civil date
    period_start: RecordField  # a civil date
    period_end: RecordField  # a civil date
    due_date: RecordField  # a civil date
    amount_due_minor: RecordField  # a whole number, minor unit of currency
    remaining_minor: RecordField  # a whole number, minor unit of currency; may be unknown
    currency: RecordField  # a text
    lines: RecordField  # a map of texts to numbers; may be unknown


class Payment(Columns):
    """Columns of `payment` (P)."""

    account_id: RecordField  # a text
    subscription_id: RecordField  # a text; may be unknown
    payment_id: RecordField  # a text
    kind: RecordField  # payment, refund
    status: RecordField  # canceled, denied, done, failed
    amount_minor: RecordField  # a whole number, minor unit of currency
    currency: RecordField  # a text
    purpose: RecordField  # bill, purchase, topup
    method: RecordField  # bank_card, bank_debit, cash, other, voucher, wallet
    channel: RecordField  # agent_dealer, app, call_agent, chat, email, ivr, kiosk, mini_program, outbound_call, …
    auto: RecordField  # a truth value
    bill_id: RecordField  # a text; may be unknown
    failure_reason: RecordField  # a text; may be unknown


class ProductOrder(Columns):
    """Columns of `product_order` (O)."""

    account_id: RecordField  # a text; may be unknown
    subscription_id: RecordField  # a text; may be unknown
    order_id: RecordField  # a text
    item_id: RecordField  # a text
    order_state: RecordField  # acknowledged, cancelled, completed, failed, held, inProgress, partial, pending, rejected
    item_action: RecordField  # add, delete, modify
    offering_id: RecordField  # a text
    offering_kind: RecordField  # addon, broadband, data_pack, device, family, other, plan, roaming_pack, vas
    previous_offering_id: RecordField  # a text; may be unknown
    price_minor: RecordField  # a whole number, minor unit of currency; may be unknown
    currency: RecordField  # a text; may be unknown
    price_recurring: RecordField  # a truth value
    term_start: RecordField  # a moment; may be unknown
    term_end: RecordField  # a moment; may be unknown
    channel: RecordField  # agent_dealer, app, call_agent, chat, email, ivr, kiosk, mini_program, outbound_call, …
    reason: RecordField  # a text; may be unknown


class StateChange(Columns):
    """Columns of `state_change` (L)."""

    account_id: RecordField  # a text; may be unknown
    subscription_id: RecordField  # a text; may be unknown
    entity: RecordField  # agreement, customer, line
    entity_id: RecordField  # a text
    attribute: RecordField  # agreement.end_date, agreement.status, customer.birth_date, customer.city, customer.email, …
    old_value: RecordField  # a text; may be unknown
    new_value: RecordField  # a text
    reason: RecordField  # a text; may be unknown
    channel: RecordField  # agent_dealer, app, call_agent, chat, email, ivr, kiosk, mini_program, outbound_call, …; may be unknown
    valid_until: RecordField  # a civil date; may be unknown


class Interaction(Columns):
    """Columns of `interaction` (C)."""

    account_id: RecordField  # a text; may be unknown
    subscription_id: RecordField  # a text; may be unknown
    interaction_id: RecordField  # a text
    direction: RecordField  # inbound, outbound
    channel: RecordField  # agent_dealer, app, call_agent, chat, email, ivr, kiosk, mini_program, outbound_call, …
    status: RecordField  # completed, inProgress, opened
    reason: RecordField  # balance_query, billing, cancel, complaint, device, network, offer, other, port_out, …
    start_time: RecordField  # a moment
    duration_s: RecordField  # a whole number, s; may be unknown
    wait_s: RecordField  # a whole number, s; may be unknown
    resolution: RecordField  # abandoned, accepted, declined, no_response, resolved, unresolved; may be unknown
    csat: RecordField  # a whole number; may be unknown
    offering_id: RecordField  # a text; may be unknown
    city_code: RecordField  # a text; may be unknown


class TroubleTicket(Columns):
    """Columns of `trouble_ticket` (T)."""

    account_id: RecordField  # a text; may be unknown
    subscription_id: RecordField  # a text; may be unknown
    ticket_id: RecordField  # a text
    ticket_type: RecordField  # complaint, incident, request
    status: RecordField  # acknowledged, cancelled, closed, held, inProgress, pending, rejected, resolved
    category: RecordField  # billing, device, network, other, product, service
    severity: RecordField  # critical, major, minor
    channel: RecordField  # agent_dealer, app, call_agent, chat, email, ivr, kiosk, mini_program, outbound_call, …; may be unknown
    creation_date: RecordField  # a moment
    expected_resolution_date: RecordField  # a moment; may be unknown
    cell_id: RecordField  # a text; may be unknown


class PageView(Columns):
    """Columns of `page_view` (W)."""

    account_id: RecordField  # a text; may be unknown
    subscription_id: RecordField  # a text; may be unknown
    view_id: RecordField  # a text; may be unknown
    platform: RecordField  # app, mini_program, web
    visitor_id: RecordField  # a text; may be unknown
    page: RecordField  # a text
    page_category: RecordField  # account, bill, cancel, cart, checkout, complaint, device_detail, error, help, home, …
    outcome: RecordField  # click, error, submit, view
    offering_id: RecordField  # a text; may be unknown
    dwell_ms: RecordField  # a whole number, ms; may be unknown
    referrer_category: RecordField  # account, bill, cancel, cart, checkout, complaint, device_detail, error, external, help, …; may be unknown


class DeviceChange(Columns):
    """Columns of `device_change` (X)."""

    account_id: RecordField  # a text; may be unknown
    subscription_id: RecordField  # a text
    change_type: RecordField  # device, esim_profile, sim
    old_imei: RecordField  # a text; may be unknown
    new_imei: RecordField  # a text; may be unknown
    old_tac: RecordField  # a text; may be unknown
    new_tac: RecordField  # a text; may be unknown
    old_iccid: RecordField  # a text; may be unknown
    new_iccid: RecordField  # a text; may be unknown
    sim_form: RecordField  # euicc, uicc; may be unknown
    reason: RecordField  # damaged, lost, swap, unknown, upgrade


class LocationUpdate(Columns):
    """Columns of `location_update` (G)."""

    account_id: RecordField  # a text; may be unknown
    subscription_id: RecordField  # a text
    update_type: RecordField  # area_change, attach, detach, handover, paging, periodic
    plmn: RecordField  # a text
    roaming: RecordField  # a truth value
    cell_id: RecordField  # a text; may be unknown
    area_code: RecordField  # a text; may be unknown
    rat: RecordField  # 2G, 3G, 4G, 5G, UNKNOWN, WIFI; may be unknown


class NetworkQuality(Columns):
    """Columns of `network_quality` (Q)."""

    account_id: RecordField  # a text; may be unknown
    subscription_id: RecordField  # a text
    metric: RecordField  # call_setup_failure, data_stall, high_latency, low_throughput, no_coverage
    value: RecordField  # a whole number, by metric: 3GPP cause, ms, kbit/s, ms, s
    duration_s: RecordField  # a whole number, s; may be unknown
    cell_id: RecordField  # a text; may be unknown
    plmn: RecordField  # a text
    rat: RecordField  # 2G, 3G, 4G, 5G, UNKNOWN, WIFI; may be unknown
    app_category: RecordField  # finance, game, map, music, other, shopping, social, travel, video, work; may be unknown
