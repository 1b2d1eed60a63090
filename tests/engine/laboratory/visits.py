"""Sessions (P9): in-session conditions, their ends, sessions as keys, read at members, other records and timers, of moments and of what lasts."""

from __future__ import annotations

from events.words import B, C, D, V, sessions, topups
from streams.define import Param, any_of, cool, day, edge, event_time, once, once_per, reset
from tests.engine.laboratory.matches import low
from tests.engine.laboratory.toys import toy

voice, by_party = V.all, V.same(V.other_party)
gap = Param("1h", doc="so long", name="gap", ge="1min", le="10h")

talk = voice.session(gap="1h")
party_talk = by_party.session(gap="5h")
binge = D.all.session(gap=gap, start=D.start_time)
long_binge = sessions.session(gap="12h", start=D.start_time)
used = any_of(call=voice, data=sessions)
use = used.session(gap="5h")
lows = low.same(B.currency).session(gap="12h")
asked, answered = C.where(C.status == "opened"), C.where(C.status == "completed")
talks_of = voice.same(talk).within("48h")
lost = talk.where(V.outcome == "dropped")
dropped = voice.where(V.outcome == "dropped")
visits, calls_here = voice.within("120h").distinct(talk.id), dropped.same(V.cell_id).within("7d")
unheard = dropped.without(asked, within="5h").latest
idle = voice.same(talk).silent("30min")

EVENTS = [
    # In a session
    toy("talkative", "line", voice.where(talk.count() >= 3), once_per(talk), start=talk.start, end=talk.end, length=talk.length.seconds, n=talk.count()),
    toy("talk_cells", "customer", voice.where(talk.distinct(V.cell_id) >= 2), edge, cells=talk.list(V.cell_id), first=talk.first(V.other_party), last=talk.latest(V.outcome)),
    toy("talk_lost", "account", voice.where(lost.count() >= 2), once_per(talk), n=lost.count(), cells=lost.list(V.cell_id), top=lost.top(V.other_party, by=V.duration_s)),
    toy("talk_lost_sum", "line", voice.where(lost.sum(V.duration_s) >= 60), cool("5h", per=talk), longest=lost.largest(V.duration_s), last=lost.latest(V.cell_id)),
    toy("talk_lost_any", "customer", voice.where(lost.any(V.cell_id == "x")), once_per(talk), mean=lost.mean(V.duration_s), n=lost.before().count()),
    toy("party_talk", "line", by_party.where(party_talk.count() >= 2), once_per(party_talk), party=V.other_party, id=party_talk.id, n=party_talk.before().count()),
    toy("session_emptied", "line", voice.where(talk.count() >= 2), reset, n=talk.count()),
    toy("each_talk", "customer", voice.where(talk.id.known()), id=talk.id, start=talk.start),
    # What lasts
    toy(
        "binge",
        "line",
        D.where(binge.length.hours >= 2),
        once_per(binge),
        parameters=(gap,),
        length=binge.length.seconds,
        total=binge.sum(D.total_bytes),
        top=binge.top(D.app_category, by=D.total_bytes),
    ),
    toy("long_binge", "customer", sessions.where(long_binge.count() >= 2), once_per(long_binge, day), start=long_binge.start, n=long_binge.count()),
    toy("use", "line", used.where(use.distinct(used.name) >= 2), once_per(use), names=use.list(used.name), n=use.count()),
    # Ends
    toy("talked", "line", talk.closed.where(talk.count() >= 2), n=talk.count(), start=talk.start, end=talk.end, id=talk.id, cell=V.cell_id),
    toy("party_talked", "account", party_talk.closed.where(V.other_party == "a"), once_per(party_talk), n=party_talk.count(), any=party_talk.any(V.outcome == "dropped")),
    toy("use_over", "customer", use.closed, cool("1d"), start=use.start, n=use.count(), last=used.name),
    toy("lows_over", "line", lows.closed, n=lows.count(), first=lows.first(B.balance_after)),
    # At other records and timers
    toy("asked_in_talk", "customer", asked.where(talk.id.known()), id=talk.id, n=talk.count(), end=talk.end),
    toy("asked_in_binge", "customer", asked, once_per(long_binge), n=long_binge.count(), total=long_binge.sum(D.total_bytes)),
    toy("unheard_talk", "customer", unheard, once_per(talk), id=talk.id, n=talk.count(), start=talk.start),
    toy("topup_unheard", "line", topups.without(voice, within="1h"), id=talk.id, n=talk.count(), due=event_time),
    # As a key, and as a column of members
    toy("same_talk", "line", voice.same(talk.id).where(talks_of.count() >= 2), cool("10min"), n=talks_of.count(), id=talk.id),
    toy("in_two_talks", "customer", dropped.same(V.cell_id).where(calls_here.distinct(talk.id) >= 2), (reset, cool("1d")), n=calls_here.count(), talks=visits),
    toy("lost_in_talk", "line", dropped.same(talk.id).then(voice.same(talk.id), within="1h"), once_per(talk), party=V.other_party),
    toy("idle_talk", "line", idle, id=talk.id, n=talk.count()),
    toy("first_in_talk", "line", voice.same(talk.id), once, id=talk.id),
    toy("answered_later", "customer", asked.same(talk.id).without(answered.same(talk.id), within="2h"), id=talk.id),
]
