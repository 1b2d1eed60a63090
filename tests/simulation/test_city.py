"""The simulated city is reproducible, valid, in order, and makes every event happen."""

from __future__ import annotations

from collections import Counter

from schemas.raw import TOPICS
from schemas.reference import Reference
from streams.intake.decode import decode_chunk
from streams.simulation.city import City
from tests.shards import Bench

MIDNIGHT_MS = 1_777_564_800_000


def test_the_same_seed_gives_the_same_records_in_order_of_time():
    first, again = (list(City(5, 20, MIDNIGHT_MS).records(3)) for _ in range(2))
    assert first == again
    assert [r.at for r in first] == sorted(r.at for r in first)
    assert first != list(City(6, 20, MIDNIGHT_MS).records(3))


def test_every_record_is_valid():
    records = list(City(5, 50, MIDNIGHT_MS).records(20))
    for topic in TOPICS:
        own = [r for r in records if r.topic == topic]
        chunk = decode_chunk(topic, 0, range(len(own)), [r.key for r in own], [r.value for r in own], next_offset=len(own), latest_ms=None, max_bytes=10_000)
        assert [r.detail for r in chunk.rejects] == []
    assert {r.topic for r in records} == set(TOPICS)


NOT_LIVED = {
    "balance.expiring",
    "balance.transfer_sent",
    "bill.due_soon",
    "bill.falling",
    "bill.first",
    "bill.issued",
    "bill.overdue",
    "bill.rising",
    "bill.settled",
    "bill.shock",
    "care.complaint_filed",
    "care.complaint_repeat",
    "care.complaint_unresolved",
    "care.contact_abandoned",
    "care.low_csat",
    "care.offer_fatigue",
    "care.store_visit",
    "care.ticket_resolved",
    "care.ticket_sla_missed",
    "care.web_then_call",
    "churn.activity_decay",
    "churn.all_silence_30",
    "churn.cancel_page_then_call",
    "churn.competitor_hotline",
    "churn.multi_signal",
    "churn.port_code_requested",
    "churn.port_out_done",
    "contract.expiring_30",
    "contract.expiring_7",
    "contract.expiring_90",
    "contract.lapsed",
    "contract.renewed",
    "customer.consent_withdrawn",
    "customer.tier_down",
    "customer.tier_up",
    "data.out_of_bundle",
    "data.quota_50",
    "data.quota_80",
    "data.quota_early_burn",
    "data.quota_exhausted",
    "data.weekly_decline",
    "device.upgrade_due",
    "fraud.impossible_travel",
    "fraud.intl_burst",
    "fraud.otp_flood",
    "fraud.short_call_spam",
    "fraud.sim_swap_then_transfer",
    "fraud.wangiri",
    "line.never_used",
    "line.resumed",
    "line.suspended",
    "line.terminated",
    "milestone.pay_on_time_12",
    "milestone.tenure_year",
    "milestone.topup_count",
    "net.drop_then_complaint",
    "net.drop_then_redial",
    "net.offline_then_back",
    "net.setup_failures",
    "net.unreachable",
    "net.video_stalling",
    "order.completed",
    "order.placed",
    "order.stuck",
    "pack.expiring",
    "pack.purchased",
    "pack.third_in_cycle",
    "payment.autopay_failed",
    "payment.failed",
    "payment.received",
    "payment.refunded",
    "plan.downgraded",
    "plan.upgraded",
    "sim.swapped",
    "sms.burst",
    "sms.holiday_greetings",
    "social.birthday",
    "social.family_candidate",
    "spend.out_of_bundle_started",
    "travel.intl_country_changed",
    "vas.first_purchase",
    "vas.repeat_purchase",
    "vas.trial_ending",
    "voice.intl_first_country",
    "voice.intl_frequent",
    "voice.quota_step",
    "voice.silent",
    "voice.weekly_decline",
    "web.cancel_page",
    "web.cart_abandoned",
    "web.checkout_error",
    "web.dormant",
    "web.first_app_login",
    "web.offer_interest",
    "web.plan_comparison",
    "web.roaming_lookup",
}
"""Events whose causes the city does not have yet: bills, payments, orders, tickets, lines that end, messages to many, services. Each has its own cases."""


def test_within_some_weeks_every_other_event_happens(tmp_path):
    import orjson

    city = City(1, 400, MIDNIGHT_MS)
    city.write_reference(tmp_path)
    bench = Bench(reference=Reference.load(tmp_path))
    found: Counter[str] = Counter()
    for number in range(28):
        found.update(d.event for d in bench.feed([orjson.loads(r.value) for r in city.day(number)]))
    assert set(found) == set(bench.catalogue.by_id) - NOT_LIVED
