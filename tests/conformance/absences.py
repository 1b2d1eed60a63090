"""What did not come: nothing within a time, a sequence that was not finished, what came until a moment (P7, P8)."""

from __future__ import annotations

from events.words import S
from tests.conformance.cases import Case, Clock, Found, Story, use, view
from tests.conformance.sequences import name, page, steps
from tests.engine.laboratory.toys import toy

# A sequence that was not finished

start, middle, end = page("start"), page("middle"), page("end")
unfinished = toy("unfinished", "customer", start.without(start.then(middle).then(end), within="10s"), start=name)

no_b_behind = toy("no_b_behind", "customer", page("a").without(page("b"), within="3s"), a=name)

# A timer's event may come when its answer was released already: a pair waits for it `within` a time only

# Prices: an answer is dearer than what it answers

paid = S.same(S.currency)
item = S.provider_id


def service(kind, above):
    """Services of one kind, dearer than so many hundredths."""
    return paid.where(S.service_code == kind, S.charge_minor > above)


asked = service("S1", 2000)
answers = asked.then(paid.where(S.service_code == "S2"), every=True)
dearer = answers.where(S.charge_minor > answers.earlier(S.charge_minor))
unanswered = toy("unanswered", "line", asked.without(dearer, within="1s"), item=item)

begun = paid.where(S.service_code == "begun")
quiet_start = begun.without(asked, within="1s").then(service("S2", 3000), within="7d")
then_s2 = toy("then_s2", "line", quiet_start, item=item)

s1, s2, s3 = service("S1", 1000), service("S2", 2000), service("S3", 3000)
two = s1.then(s2)
not_third = toy("not_third", "line", two.without(s3, within="1s"), first=two.earlier(item), second=item)
quiet_between = s1.without(s2, within="1s").then(s3, within="7d")
third = toy("third", "line", quiet_between, first=quiet_between.earlier(item), third=item)

BEGUN = use("begun", 0)
S1 = use("S1", 0, "e1", 5560)
A, B, C = use("S1", 0, "a", 1560), use("S2", 100, "b", 2870), use("S3", 200, "c", 5570)

# What came until a moment

opened = page("A")
collected = page("B").since(opened.time)
interval = toy("interval", "customer", opened.after("10000s"), a=name, others=collected.list(name))


def collects(at, a, *others):
    """The interval that began with `a` is over."""
    return Found(at, {"a": a, "others": list(others)})


CASES = [
    Case("flink-timeout-by-watermark-only", unfinished, Story([view("start", 3, "s"), Clock(5), Clock(13)], [Found(13, {"start": "s"})])),
    Case(
        "flink-not-followed-by-at-end-within",
        no_b_behind,
        Story(steps("a@1:a1", "b@2:b1", "a@4:a2", "c@5", "b@10:b2", "a@11:a3", "b@13:b3"), [Found(7, {"a": "a2"})]),
    ),
    Case("siddhi-absent-1", unanswered, Story([S1, Clock(2000)], [Found(1000, {"item": "e1"})]), unit_ms=1),
    Case(
        "siddhi-absent-3",
        unanswered,
        Story([S1, use("S2", 100, "x", 5870), Clock(2000)], []),
        Story([S1, use("S2", 1001, "x", 5870), Clock(2000)], [Found(1000, {"item": "e1"})]),
        unit_ms=1,
    ),
    Case("siddhi-absent-4", unanswered, Story([S1, use("S2", 100, "x", 5070), Clock(2000)], [Found(1000, {"item": "e1"})]), unit_ms=1),
    Case("siddhi-absent-5", then_s2, Story([BEGUN, use("S2", 1100, "y", 5870), Clock(1100)], [Found(1100, {"item": "y"})]), unit_ms=1),
    Case(
        "siddhi-absent-8",
        then_s2,
        Story([BEGUN, use("S1", 0, "x", 5560), use("S2", 100, "y", 5870), Clock(1000)], []),
        Story([BEGUN, use("S1", 0, "x", 2000), use("S2", 1001, "y", 5870), Clock(1001)], [Found(1001, {"item": "y"})]),
        unit_ms=1,
    ),
    Case(
        "siddhi-absent-9",
        not_third,
        Story([A, B, C, Clock(2000)], []),
        Story([A, B, use("S3", 200, "c", 3000), Clock(2000)], [Found(1100, {"first": "a", "second": "b"})]),
        unit_ms=1,
    ),
    Case("siddhi-absent-11", not_third, Story([A, B, Clock(2000)], [Found(1100, {"first": "a", "second": "b"})]), unit_ms=1),
    Case("siddhi-absent-12", third, Story([A, use("S3", 1100, "c", 5570), Clock(1100)], [Found(1100, {"first": "a", "third": "c"})]), unit_ms=1),
    Case(
        "siddhi-absent-14",
        third,
        Story([A, B, C, Clock(1000)], []),
        Story([A, use("S2", 100, "b", 2000), use("S3", 1001, "c", 5570), Clock(1001)], [Found(1001, {"first": "a", "third": "c"})]),
        unit_ms=1,
    ),
    Case(
        "esper-rowrecog-interval",
        interval,
        Story(
            [
                *(Clock(1000), view("A", 1000, "A1"), Clock(10999), Clock(11000)),
                *(Clock(13000), view("A", 13000, "A2"), Clock(15000), view("B", 15000, "B1"), Clock(22999), Clock(23000)),
                *(Clock(25000), view("A", 25000, "A3"), Clock(26000), view("B", 26000, "B2"), Clock(29000), view("B", 29000, "B3")),
                *(Clock(34999), view("B", 34999, "B4"), Clock(35000)),
            ],
            [collects(11000, "A1"), collects(23000, "A2", "B1"), collects(35000, "A3", "B2", "B3", "B4")],
        ),
    ),
]
