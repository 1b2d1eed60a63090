"""Cases on which Kairos goes another way than the engine they come from: what it does (`docs/conformance.md` says why)."""

from __future__ import annotations

from events.words import V, W
from streams.define import any_of, once
from tests.conformance.cases import DAY, Case, Clock, Found, Story, record, use, view
from tests.conformance.sequences import BEGUN, TWELVE, B, D, begun, either, end, middle, name, opening, page, start, steps, views
from tests.conformance.sessions import closed, events, session
from tests.conformance.windows import summed, total, values
from tests.engine.laboratory.toys import toy

# Sequences

two = start.then(middle, within="8s")
each_soon = two.then(end, within="8s")
steps_soon = toy("steps_soon", "customer", each_soon, start=each_soon.earlier(two.earlier(name)), middle=each_soon.earlier(name), end=name)
whole = begun.then(end)
in_time = whole.where(whole.gap + whole.earlier(begun.gap) < 10_000)
unfinished = toy("unfinished", "customer", start.without(in_time, within="10s"), start=name)
finished = toy("finished", "customer", in_time, start=whole.earlier(begun.earlier(name)), middle=whole.earlier(name), end=name)
START_MIDDLE_END = steps("start@1:1", "start@2:2", "middle@3:3", "foobar@4:4", "end@11:5", "end@13:6")

a_then_c = page("a").then(page("c"), every=True)
next_is = views.since(a_then_c.earlier(page("a").time)).first(W.page)
not_next = a_then_c.where(next_is != "b").then(page("d"))
not_next_b = toy("not_next_b", "customer", not_next, a=not_next.earlier(a_then_c.earlier(name)), c=not_next.earlier(name), d=name)

no_b = page("a").without(page("b"), within="5s")
cs = page("c").since(page("a").time)
several_and_no_b = toy("several_and_no_b", "customer", no_b.where(cs.count() >= 1), names=page("a").within("6s").list(name), c=cs.first(name))

double = page("a").then(page("a")).where(views.previous(1).latest(W.page) == "a")
double_then_b = double.then(page("b"))
two_then_b = toy("two_then_b", "customer", double_then_b, first=double_then_b.earlier(double.earlier(name)), second=double_then_b.earlier(name), b=name)

both = any_of(b=opening.then(B, within="2001s"), d=opening.then(D, within="6000s"))
b_and_d = toy("b_and_d", "customer", both.where(both.within("6000s").distinct(both.name) == 2), once, names=both.within("6001s").list(name))
waited = either.where(W.page == "B", either.streak(W.page == "B").length == 1).after("2000s").then(D, within="7d")
later_d = toy("later_d", "customer", waited, b=waited.earlier(name), d=name)
in_a_day = toy("in_a_day", "customer", opening.then(page("e"), within="93784005ms", every=True), e=name)

# Overlapping calls: one event a call

others = V.all.since(V.start_time).before()
overlapping = toy("overlapping", "line", V.where(others.count() >= 1), source=V.other_party, others=others.list(V.other_party))


def call(begin, over, source):
    return record(
        "voice_usage", over, "1", direction="mt", other_party=source, other_class="onnet", roaming=False, start_time=begin, answer_time=begin, duration_s=41, outcome="answered"
    )


WAYS = [
    Case("flink-within-consecutive-gap", steps_soon, Story(START_MIDDLE_END, [Found(11, {"start": "2", "middle": "3", "end": "5"})])),
    Case(
        "flink-timeout-partials-first-last",
        [unfinished, finished],
        Story([*START_MIDDLE_END, Clock(20)], [Found(11, {"start": "2", "middle": "3", "end": "5"})]),
        Story([*START_MIDDLE_END[:3], Clock(20)], [Found(11, {"start": "1"})]),
    ),
    Case("flink-not-next", not_next_b, Story(steps("a@1:a1", "c@2:c1", "b@3:b1", "c@4:c2", "d@5"), [Found(5, {"a": "a1", "c": "c2", "d": "d"})])),
    Case(
        "flink-count-plus-absence-window",
        several_and_no_b,
        Story([*steps("a@1:a1", "a@2:a2", "a@3:a3", "c@4:c1", "c@10:c2"), Clock(10)], [Found(6, {"names": ["a1", "a2", "a3"], "c": "c1"})]),
    ),
    Case("flink-two-consecutive-overlapping", two_then_b, Story(steps("a@2:a1", "a@3:a2", "a@4:a3", "b@6"), [Found(6, {"first": "a2", "second": "a3", "b": "b"})])),
    Case("esper-both-within-fail", b_and_d, Story([BEGUN, *TWELVE], [Found(6000, {"names": ["B1", "D1"]})])),
    Case("esper-every-b-delay-d-2000", later_d, Story(TWELVE, [Found(6000, {"b": "B1", "d": "D1"})])),
    Case(
        "esper-within-1d2h3m4s5ms",
        in_a_day,
        Story(
            [view("begun", 0), view("e", 0, "e1"), view("e", 93_784_004, "e2"), view("e", 93_784_005, "e3"), view("e", 93_784_006, "e4")],
            [Found(0, {"e": "e1"}), Found(93_784_004, {"e": "e2"}), Found(93_784_005, {"e": "e3"})],
        ),
        unit_ms=1,
    ),
    Case(
        "esper-telecom-overlapping-calls",
        overlapping,
        Story(
            [call(0, 41_200, "18"), call(24_100, 65_400, "20"), call(38_100, 78_900, "22")],
            [Found(65_400, {"source": "20", "others": ["18"]}), Found(78_900, {"source": "22", "others": ["18", "20"]})],
        ),
        unit_ms=1,
    ),
    # 2 s are a day
    Case(
        "flink-tumbling-late-side-output",
        total,
        Story([*values(1000), Clock(1985), *values(1980), Clock(2000), *values(1998, 2001), Clock(4000)], [summed(2000, 2), summed(4000, 1)]),
        unit_ms=DAY // 2000,
    ),
    Case(
        "flink-tumbling-allowed-lateness-500",
        total,
        Story([*values(500), Clock(1500), *values(1300), Clock(2300), *values(1997), Clock(6000), *values(1998), Clock(7000)], [summed(2000, 2)]),
        unit_ms=DAY // 2000,
    ),
    Case(
        "beam-fixed-late-accumulating",
        total,
        Story(
            [*(use("u", at, quantity=at) for at in (1, 2, 3, 10, 11, 25)), Clock(100), use("u", 7, quantity=7)],
            [summed(10, 3, total=6, last=3), summed(20, 2, total=21, first=10, last=11), summed(30, 1, total=25, first=25, last=25)],
        ),
        unit_ms=DAY // 10,
    ),
    Case(
        "siddhi-session-ooo-dropped",
        session("2s"),
        Story([*events(10_000, 10_010, 7500), Clock(20_000)], [closed(10_000, 10_010, ["v"] * 2, gap=2000)]),
        unit_ms=1,
    ),
    Case(
        "kafka-final-session",
        session("5min"),
        Story(
            [*events(0, 5, 1), *events(11, who="2"), *events(5, 30)],
            [
                *(closed(0, 5, ["v"] * 3, gap=5, unit_ms=60_000), closed(11, 11, ["v"], gap=5, unit_ms=60_000, who="2")),
                closed(5, 5, ["v"], gap=5, unit_ms=60_000),
            ],
        ),
        unit_ms=60_000,
    ),
    Case(
        "bytewax-session-bridge",
        session("10s"),
        Story([*events(0, 20, 10), Clock(30)], [closed(0, 0, ["v"], gap=10, unit_ms=1000), closed(10, 20, ["v"] * 2, gap=10, unit_ms=1000)]),
    ),
]
