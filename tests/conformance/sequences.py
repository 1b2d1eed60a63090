"""One thing after another: steps in order, next to each other, within a time, unless something else came (P5, P6, frames)."""

from __future__ import annotations

from events.words import G, S, W
from streams.define import any_of, once
from tests.conformance.cases import Case, Found, Story, record, use, view
from tests.engine.laboratory.toys import toy

name = W.view_id
views = W.all


def page(kind):
    """Views of one page."""
    return W.where(W.page == kind)


# Three steps

start, middle, end = page("start"), page("middle"), page("end")
begun = start.then(middle)
whole = begun.then(end)
three = toy("three", "customer", whole.where(whole.gap + whole.earlier(begun.gap) < 10_000), start=whole.earlier(begun.earlier(name)), middle=whole.earlier(name), end=name)

paid = S.same(S.currency)
loud = paid.where(S.service_code == "middle", S.charge_minor > 500)
first_two = paid.where(S.service_code == "start").then(loud)
louder = first_two.then(paid.where(S.service_code == "end"))
volume = toy("volume", "line", louder, start=louder.earlier(first_two.earlier(S.provider_id)), middle=louder.earlier(S.provider_id), end=S.provider_id)

# Next to each other

before = views.previous(1)
adjacent = toy("adjacent", "customer", page("b").where(before.latest(W.page) == "a"), a=before.latest(name), b=name)
double = page("a").then(page("a")).where(before.latest(W.page) == "a")
after_c = page("c").then(double)
double_then_b = after_c.then(page("b"))
c_a_a_b = {"c": after_c.earlier(name), "first": double.earlier(name), "second": name}
two_in_a_row = toy("two_in_a_row", "customer", double_then_b, **{of: double_then_b.earlier(value) for of, value in c_a_a_b.items()}, b=name)
two_before = views.previous(2)
directly = page("a").where(before.latest(W.page) == "a", two_before.count() == 2, two_before.first(W.page) == "c").then(page("b"))
two_directly = toy("two_directly", "customer", directly, second=directly.earlier(name), b=name)

# Unless something came between

a_then_c = page("a").then(page("c"), every=True)
no_b = a_then_c.where(page("b").since(a_then_c.earlier(page("a").time)).count() == 0)
then_d = no_b.then(page("d"))
between = toy("between", "customer", then_d, a=then_d.earlier(a_then_c.earlier(name)), c=then_d.earlier(name), d=name)

# Twelve views, one a second, that several cases share

A, B, D = page("A"), page("B"), page("D")
TWELVE = [view(one[0], 1000 * number, one) for number, one in enumerate(["A1", "B1", "C1", "B2", "A2", "D1", "E1", "F1", "D2", "B3", "G1", "D3"], 1)]
BEGUN = view("begun", 0)
opening = page("begun")

first_b = B.where(B.count() == 1)
b1_in_time = toy("b1_in_time", "customer", opening.then(B.where(name == "B1"), within="2001s"), b=name)
b_in_time = toy("b_in_time", "customer", opening.then(B, within="4001s", every=True), b=name)
soon, too_soon, ever = first_b.then(D, within="4001s"), first_b.then(D, within="3999s"), first_b.then(D)
b_then_d = toy("b_then_d", "customer", soon, once, b=soon.earlier(name), d=name)
b_then_d_too_soon = toy("b_then_d_too_soon", "customer", too_soon, once, b=too_soon.earlier(name), d=name)
b_then_d_ever = toy("b_then_d_ever", "customer", ever, once, b=ever.earlier(name), d=name)

either = W.where(W.page.isin("B", "D"))
again = either.where(W.page == "B", either.streak(W.page == "B").length == 1).then(D, within="6001s")
every_b_then_d = toy("every_b_then_d", "customer", again, b=again.earlier(name), d=name)

both = any_of(b=opening.then(B, within="2001s"), d=opening.then(D, within="6001s"))
b_and_d = toy("b_and_d", "customer", both.where(both.within("6001s").distinct(both.name) == 2), once, names=both.within("6001s").list(name))

a_then_b = A.then(B)
a_b_a = a_then_b.then(A)
a_b_a_again = toy("a_b_a", "customer", a_b_a, first=a_b_a.earlier(a_then_b.earlier(name)), b=a_b_a.earlier(name), last=name)
b_until_d = toy("b_until_d", "customer", B.where(D.count() == 0), b=name)
b_unless_a1 = toy("b_unless_a1", "customer", B.where(A.where(name == "A1").count() == 0), once, b=name)
b_waits_then_d = first_b.after("6000s").then(D, within="7d")
later_d = toy("later_d", "customer", b_waits_then_d, once, b=b_waits_then_d.earlier(name), d=name)

# Values of the first in the condition on the second; counts before the second

first_price = paid.where(S.service_code == "S1", S.charge_minor > 2000)
dearer = first_price.then(paid.where(S.service_code == "S2"), within="1s", every=True)
dearer_in_time = toy("dearer", "line", dearer.where(S.charge_minor > dearer.earlier(S.charge_minor)), first=dearer.earlier(S.provider_id), second=S.provider_id)
several = first_price.previous(5)
after_several = toy(
    "after_several",
    "line",
    paid.where(S.service_code == "S2", S.charge_minor > 2000, several.count() >= 2),
    once,
    first=several.first(S.provider_id),
    last=several.latest(S.provider_id),
    then=S.provider_id,
)

# Another place

cells = G.all.moves(G.cell_id)
zone_entered = toy("zone_entered", "line", cells.where(cells.to == "1"), was=cells.was, at=G.area_code)


def seen(zone, at, name, who):
    return record("location_update", at, who, update_type="periodic", plmn="460-00", roaming=False, cell_id=zone, area_code=name)


def steps(*parts):
    """Views, from texts such as `a@3:a1`."""
    made = []
    for part in parts:
        kind, _, rest = part.partition("@")
        at, _, own = rest.partition(":")
        made.append(view(kind, int(at), own or None))
    return made


CASES = [
    Case(
        "flink-within-first-last",
        three,
        Story(steps("start@1:1", "start@2:2", "middle@3:3", "foobar@4:4", "end@11:5", "end@13:6"), [Found(11, {"start": "2", "middle": "3", "end": "5"})]),
        Story(steps("start@1:1", "middle@3:3", "end@11:5", "start@12:1b", "middle@13:3b", "end@21:5b"), [Found(21, {"start": "1b", "middle": "3b", "end": "5b"})]),
    ),
    Case(
        "flink-simple-sequence",
        volume,
        Story(
            [use("start", 1, "s1"), use("foobar", 2, "x1"), use("middle", 3, "m1", 500), use("middle", 3, "m2", 1000), use("start", 4, "s2"), use("end", 5, "e1")],
            [Found(5, {"start": "s1", "middle": "m2", "end": "e1"})],
        ),
    ),
    Case(
        "flink-strict-adjacent-nomatch",
        adjacent,
        Story(steps("a@3:a1", "c@4:c1", "b@5:b1"), []),
        Story(steps("a@3:a1", "b@5:b1"), [Found(5, {"a": "a1", "b": "b1"})]),
    ),
    Case(
        "flink-not-followed-by",
        between,
        Story(steps("a@1:a1", "c@2:c1", "b@3:b1", "c@4:c2", "d@5"), [Found(5, {"a": "a1", "c": "c1", "d": "d"})]),
    ),
    Case(
        "flink-two-consecutive-after-start",
        two_in_a_row,
        Story(steps("c@1", "f@2:f1", "a@3:a1", "f@4:f2", "a@5:a2", "a@6:a3", "b@7"), [Found(7, {"c": "c", "first": "a2", "second": "a3", "b": "b"})]),
    ),
    Case(
        "flink-consecutive-none",
        two_directly,
        Story(steps("c@1", "a@2:a1", "f@3", "a@4:a2", "a@6:a3", "b@7"), []),
        Story(steps("c@1", "a@2:a1", "a@4:a2", "f@5", "b@7"), [Found(7, {"second": "a2", "b": "b"})]),
    ),
    Case("esper-within-2001", b1_in_time, Story([BEGUN, *TWELVE], [Found(2000, {"b": "B1"})])),
    Case("esper-every-within-4001", b_in_time, Story([BEGUN, *TWELVE], [Found(2000, {"b": "B1"}), Found(4000, {"b": "B2"})])),
    Case("esper-b-then-d-4001", b_then_d, Story(TWELVE, [Found(6000, {"b": "B1", "d": "D1"})])),
    Case("esper-b-then-d-3999", b_then_d_too_soon, Story(TWELVE, []), Story(steps("B@2000:B1", "D@5999:D1"), [Found(5999, {"b": "B1", "d": "D1"})])),
    Case("esper-every-seq-6001", every_b_then_d, Story(TWELVE, [Found(6000, {"b": "B1", "d": "D1"}), Found(12000, {"b": "B3", "d": "D3"})])),
    Case("esper-both-within", b_and_d, Story([BEGUN, *TWELVE], [Found(6000, {"names": ["B1", "D1"]})])),
    Case("esper-followedby-once", b_then_d_ever, Story(TWELVE, [Found(6000, {"b": "B1", "d": "D1"})])),
    Case("esper-restart-a-b-a", a_b_a_again, Story(TWELVE, [Found(5000, {"first": "A1", "b": "B1", "last": "A2"})])),
    Case("esper-every-b-unless-d", b_until_d, Story(TWELVE, [Found(2000, {"b": "B1"}), Found(4000, {"b": "B2"})])),
    Case("esper-b-unless-earlier-a1", b_unless_a1, Story(TWELVE, []), Story(TWELVE[1:], [Found(2000, {"b": "B1"})])),
    Case("esper-b-delay-d", later_d, Story(TWELVE, [Found(9000, {"b": "B1", "d": "D2"})])),
    Case(
        "esper-zone-enter",
        zone_entered,
        Story(
            [seen("2", 1, "p1", "a"), seen("1", 2, "p2", "a"), seen("2", 3, "p3", "b"), seen("2", 4, "p4", "b"), seen("1", 5, "p5", "b")],
            [Found(2, {"was": "2", "at": "p2"}, "a"), Found(5, {"was": "2", "at": "p5"}, "b")],
        ),
    ),
    Case(
        "siddhi-within-1",
        dearer_in_time,
        Story([use("S1", 0, "WSO2", 5560), use("S1", 1500, "GOOG", 5400), use("S2", 2000, "IBM", 5570)], [Found(2000, {"first": "GOOG", "second": "IBM"})]),
        unit_ms=1,
    ),
    Case(
        "siddhi-count-2to5-notenough",
        after_several,
        Story([use("S1", 0, "p", 2560), use("S2", 100, "q", 4570)], []),
        Story([use("S1", 0, "p", 2560), use("S1", 50, "p2", 2560), use("S2", 100, "q", 4570)], [Found(100, {"first": "p", "last": "p2", "then": "q"})]),
        unit_ms=1,
    ),
    Case(
        "siddhi-count-2to5-c",
        after_several,
        Story(
            [use("S1", 0, "p25.6", 2560), use("S2", 100, "q45.7", 4570), use("S1", 200, "p47.8", 4780), use("S2", 300, "q55.7", 5570)],
            [Found(300, {"first": "p25.6", "last": "p47.8", "then": "q55.7"})],
        ),
        unit_ms=1,
    ),
]
