"""Each nullable operand of each condition of each event is met by a case from its unknown side."""

from __future__ import annotations

import pytest

from streams.definitions.catalogue import Catalogue
from streams.definitions.tree import reads_of
from streams.engine.expression import Expr, Join, Reading, RecordField
from streams.engine.flow import Flow
from tests.shards import CATALOGUE, Bench, epoch_ms

EVENTS = list(CATALOGUE)
ALWAYS_GIVEN = {
    "device.changed": {"new_tac"},
    "device.upgrade_due": {"new_imei"},
    "device.upgraded_to_5g": {"new_tac"},
    "balance.expiring": {"latest(balance_after)"},
    "bill.settled": {"bill_id", "latest(Payment.time)"},
    "contract.expiring_7": {"largest(date in new_value)"},
    "contract.expiring_30": {"largest(date in new_value)"},
    "contract.expiring_90": {"largest(date in new_value)"},
    "contract.lapsed": {"largest(date in new_value)"},
    "data.quota_50": {"bucket_initial"},
    "data.quota_80": {"bucket_initial"},
    "data.quota_early_burn": {"bucket_initial", "latest(event_time)"},
    "data.quota_exhausted": {"bucket_initial"},
    "fraud.impossible_travel": {"moves.gap", "ref.city.distance_km(moves.was, ref.cell.city(cell_id))"},
    "milestone.day_7": {"latest(new_value)", "subscription_id"},
    "milestone.tenure_year": {"subscription_id"},
    "pack.expiring": {"first(ProductOrder.time)", "latest(ProductOrder.time)"},
    "pack.purchased": {"subscription_id"},
    "plan.downgraded": {"subscription_id"},
    "plan.upgraded": {"subscription_id"},
    "social.family_candidate": {"account_id"},
    "topup.failed_repeatedly": {"first(Payment.time)"},
    "travel.frequent_traveller": {"place.home"},
    "travel.intl_country_changed": {"ref.plmn.country(moves.was)"},
    "travel.intl_return": {"first(LocationUpdate.time)"},
    "travel.roaming_silent": {"latest(plmn)", "ref.plmn.country(latest(plmn))"},
    "vas.trial_ending": {"first(ProductOrder.time)"},
    "voice.quota_step": {"bucket_initial"},
    "web.plan_comparison": {"session.id"},
    "data.video_binge": {"session.id"},
}
"""What `docs/records.md` lets be absent, but not in the records that the event looks at: such a record is refused, who left home has one, what is added up over a session or
is the first or last of those at hand is of one, the record that names a date has a balance, and a line that was activated has a status."""


def conditions_of(event) -> list[Expr]:
    """Everything that decides whether the event happens: conditions, what levels and moves compare, the values of re-arm words."""
    return [read.node for read in reads_of(event) if read.word not in ("detail", "same") and not read.word.endswith(")")]


def nullable_leaves(condition: Expr) -> list[Expr]:
    """The record fields, reference columns and readings in `condition` that may be unknown."""
    return [node for node in condition.walk() if isinstance(node, RecordField | Join | Reading) and node.nullable]


def watch(monkeypatch, event) -> set[object]:
    """The keys of the leaves that were unknown for some happening at which a condition of `event` was evaluated."""
    leaves = {condition.key(): nullable_leaves(condition) for condition in conditions_of(event)}
    met: set[object] = set()
    column = Flow.column

    def watched(flow, node):
        for part in node.walk():  # a filter evaluates several conditions as one
            for leaf in leaves.get(part.key(), ()):
                known = column(flow, leaf).known
                if known is not None and not known.all():
                    met.add(leaf.key())
        return column(flow, node)

    monkeypatch.setattr(Flow, "column", watched)
    return met


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.id)
def test_a_case_meets_each_nullable_operand_from_its_unknown_side(monkeypatch, event):
    catalogue = Catalogue.load(only=[event.id])
    met = watch(monkeypatch, event)
    for case in event.cases:
        bench = Bench(catalogue=catalogue, history_from=case.history_day)
        bench.feed(case.records)
        if case.until:
            bench.advance(epoch_ms(case.until))
    wanted = {leaf.key(): str(leaf) for condition in conditions_of(event) for leaf in nullable_leaves(condition)}
    missing = sorted(words for key, words in wanted.items() if key not in met and words not in ALWAYS_GIVEN.get(event.id, ()))
    assert not missing, f"{event.id}: wanted a case in which each of these is unknown when the condition is evaluated, got none: {', '.join(missing)}"


def test_the_law_finds_operands_at_all():
    assert sum(bool(nullable_leaves(condition)) for event in EVENTS for condition in conditions_of(event)) > len(EVENTS) // 10
