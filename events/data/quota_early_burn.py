"""At this pace the data allowance runs out well before its term: a bigger plan fits."""

from events.stories import allowance, moment
from events.words import B, data_allowance, data_begun, used
from streams.define import Case, Detail, Event, Param, event_time, once_per


class QuotaEarlyBurn(Event, by="line"):
    early = Param("0.10", name="min_e", ge=0, doc="before this share of the term it is too early to tell")
    k = Param("1.5", ge="1.0", doc="so many times faster than the term passes")

    passed = event_time - B.valid_from
    elapsed, share = passed / (B.valid_until - B.valid_from), used / B.bucket_initial
    length = passed / share
    # a late record says nothing of how the allowance stands now, and a grant that begins it again nothing of its pace
    newest = data_allowance.where(data_allowance.latest(B.event_time) == B.event_time, data_begun == data_begun.before(), B.operation != "expire")
    # survives: length.known() in where → nothing: of what is used it is known; it says that the field is never null
    when = newest.where(elapsed >= early, share >= k * elapsed, 100 * share >= 40, length.known())
    rearm = once_per(B.valid_until, data_begun)
    detail = Detail(used_pct=100 * share, elapsed_pct=100 * elapsed, projected_end=B.valid_from + length)


FOURTH = "4 00:00"
BOUND = {"used_pct": "40.00", "elapsed_pct": "10.00", "projected_end": "2026-05-08T04:00:00.000Z"}
CASES = [
    Case("a tenth of the term and four tenths of the data", [allowance(6100, 6000, FOURTH)], [BOUND]),
    Case("a millisecond earlier", [allowance(6100, 6000, "3 23:59:59.999")], []),
    Case("a byte less", [allowance(6100, 6001, FOURTH)], []),
    Case(
        "as fast as one and a half times, and a byte slower",
        [allowance(4100, 4001, "13 00:00"), allowance(4001, 4000, "13 00:00")],
        [{"used_pct": "60.00", "elapsed_pct": "40.00", "projected_end": "2026-05-20T16:00:00.000Z"}],
    ),
    Case("once in its term", [allowance(6100, 6000, FOURTH), allowance(6000, 100, "5 00:00")], [BOUND]),
    Case("another one", [allowance(6100, 6000, FOURTH), allowance(6100, 6000, FOURTH, bucket_id="other")], [BOUND, BOUND]),
    Case(
        "a grant of another size begins it again, but is none itself",
        [allowance(6100, 6000, FOURTH), allowance(6000, 10000, FOURTH, "grant", bucket_initial=20000), allowance(10000, 9000, FOURTH, bucket_initial=20000)],
        [BOUND, {"used_pct": "55.00", "elapsed_pct": "10.00", "projected_end": "2026-05-06T02:54:32.727Z"}],
    ),
    Case("before its term", [allowance(6100, 6000, "1 00:00", valid_from="2026-05-02T00:00:00+08:00")], []),
    Case("a term without a known begin, or end", [allowance(6100, 6000, FOURTH, valid_from=None), allowance(6000, 5900, FOURTH, valid_until=None)], []),
    Case("a shared one", [allowance(6100, 6000, FOURTH, shared=True)], []),
    Case("what expires is not used", [allowance(6100, 0, FOURTH, "expire")], []),
    Case("not the first that is known of it", [allowance(9000, 8900, "3 00:00"), allowance(6100, 6000, FOURTH)], [BOUND]),
    Case("a record that comes late", [allowance(9000, 8900, "5 00:00"), allowance(6100, 6000, FOURTH)], []),
    Case(
        "in its next term",
        [allowance(6100, 6000, FOURTH), allowance(6100, 6000, "34 00:00", valid_from=moment("31 00:00"), valid_until=moment("61 00:00"))],
        [BOUND, {**BOUND, "projected_end": "2026-06-07T04:00:00.000Z"}],
    ),
]
