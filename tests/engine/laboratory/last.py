"""The last members before one (P4), and members in a row (P12): by time and as released, every function, split, read elsewhere and at timers."""

from __future__ import annotations

from events.words import B, C, V, charged, charges, topups
from streams.define import Param, any_of, cool, edge, once_per
from tests.engine.laboratory.toys import toy

voice, asked = V.all, C.where(C.status == "opened")
by_party, priced = V.same(V.other_party), V.same(V.currency)
n = Param(3, unit="calls", doc="so many", name="n", ge=1, le=6)
three, as_released, one = voice.previous(3), voice.previous(3, order="release"), voice.previous(1)
set_by_author, of_party, paid, contacts = voice.previous(n), by_party.previous(2), priced.previous(4, order="release"), asked.previous(2)
spent, many = charges.previous(5), voice.previous(32)

longer = voice.streak(V.duration_s >= voice.previous(1, order="release").latest(V.duration_s))
unlike = by_party.streak(V.outcome != by_party.previous(1).latest(V.outcome))
dear = voice.streak(V.charge_minor >= 50)
short, either = voice.streak(V.duration_s < 61), any_of(call=voice, contact=asked)
calm = either.streak(either.name == "call")
answered = voice.streak(V.outcome == "answered")
met = voice.then(asked, within="2d")
in_row, known, often = voice.where(short.length >= 2), voice.where(three.count() >= 2), voice.where(voice.within("24h").count() >= 2)

EVENTS = [
    # The last ones by time
    toy(
        "last_three",
        "line",
        voice.where(three.count() >= 2),
        n=three.count(),
        total=three.sum(V.duration_s),
        causes=three.sum(V.cause_for_term),
        least=three.smallest(V.cause_for_term),
        most=three.largest(V.duration_s),
        cell=three.latest(V.cell_id),
        first_cell=three.first(V.cell_id),
        party=three.latest(V.other_party),
        since=three.first(voice.time),
        roamed=three.latest(V.roaming),
        mean=three.mean(V.duration_s),
    ),
    toy("above_last", "account", voice.where(V.duration_s > set_by_author.mean(V.duration_s)), cool("1h"), parameters=(n,), mean=set_by_author.mean(V.duration_s)),
    toy("of_party", "line", by_party.where(of_party.count() >= 1, V.duration_s != of_party.latest(V.duration_s)), edge, was=of_party.latest(V.duration_s)),
    toy("of_many", "customer", voice.where(many.count() >= 3), n=many.count(), since=many.first(voice.time), cause=many.smallest(V.cause_for_term)),
    toy("last_at_contact", "customer", asked, n=three.count(), cell=three.latest(V.cell_id), total=three.sum(V.duration_s), first=one.first(V.other_party)),
    toy("last_after_rest", "line", voice.after("5h"), n=three.count(), last=three.latest(voice.time), was=as_released.latest(voice.time)),
    toy("contacts_before", "customer", voice.where(contacts.count() >= 2), once_per(V.other_party), reason=contacts.first(C.reason), channel=contacts.latest(C.channel)),
    toy("spent_before", "customer", charges.where(charged >= spent.mean(charged)), mean=spent.mean(charged), least=spent.smallest(charged)),
    toy("topup_after_charges", "line", topups.where(charges.same(B.bucket_id).previous(2).count() >= 1), charge=charges.same(B.bucket_id).previous(2).latest(charged)),
    toy(
        "last_gaps",
        "customer",
        V.where(V.outcome == "dropped"),
        n=met.previous(3).count(),
        gaps=met.previous(3).sum(met.gap),
        all=met.sum(met.gap),
        met=met.streak(met.gap > 0).length,
    ),
    # As released
    toy(
        "last_released",
        "line",
        voice.where(as_released.count() >= 3),
        total=as_released.sum(V.duration_s),
        causes=as_released.largest(V.cause_for_term),
        least=as_released.smallest(voice.time),
        cell=as_released.latest(V.cell_id),
        first_cell=as_released.first(V.cell_id),
        longer=as_released.latest(V.duration_s >= 60),
    ),
    toy("paid", "account", priced.where(paid.count() >= 2, V.charge_minor.known()), cool("5h"), total=paid.sum(V.charge_minor), first=paid.first(V.charge_minor)),
    # In a row
    toy("longer", "line", voice.where(longer.length >= 2), n=longer.length, before=longer.before().length),
    toy("longer_edge", "account", voice.where(longer.length >= 2), edge, n=longer.length),
    toy("unlike", "line", by_party.where(unlike.length >= 1), n=unlike.length, was=of_party.latest(V.outcome)),
    toy("dear_in_a_row", "customer", voice.where(dear.length.isin(1, 3)), cool("1d"), n=dear.length),
    toy("calm", "customer", asked.where(calm.before().length >= 2), n=calm.before().length, after=calm.length),
    toy("dropped_after", "line", V.where(V.outcome == "dropped", answered.before().length >= 1), n=answered.before().length, now=answered.length),
    toy("in_row_silent", "line", in_row.silent("12h"), n=short.length),
    toy("in_row_then", "customer", in_row.then(asked, within="1d"), n=short.length),
    # Streams of which late ones are no happenings
    toy("known_then", "customer", known.then(asked, within="1d")),
    toy("often_then", "customer", often.then(asked, within="1d")),
    toy("known_silent", "account", known.silent("12h"), last=three.latest(V.cell_id)),
]
