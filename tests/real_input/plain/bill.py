"""bill.*: bills as they come, against the ones before."""

from tests.real_input.plain.data import half_up


def issued(data):
    for who, mine in data.bills():
        for r in mine:
            yield who, r["event_time"], {"bill_id": r["bill_id"], "amount_due": r["amount_due_minor"], "due_date": r["due_date"]}


def first(data):
    for who, mine in data.bills():
        yield who, mine[0]["event_time"], {"bill_id": mine[0]["bill_id"], "amount_due": mine[0]["amount_due_minor"]}


def shock(data):
    k = int(float(data.set("bill.shock", "k", "1.5")) * 10)
    for who, mine in data.bills():
        for place in range(3, len(mine)):
            r, before = mine[place], sum(b["amount_due_minor"] for b in mine[place - 3 : place])
            due = r["amount_due_minor"]
            if 30 * due >= k * before and 3 * due - before >= 3 * 3000 and due > 0:
                top = min(r["lines"], key=lambda line: (-r["lines"][line], line))
                yield who, r["event_time"], {"bill_id": r["bill_id"], "amount_due": due, "usual_mean": half_up(before, 3), "top_line": top}


def moving(data, event, sign):
    k = data.set(event, "k", 3)
    for who, mine in data.bills():
        streak, amounts = 0, [r["amount_due_minor"] for r in mine]
        for place in range(1, len(mine)):
            streak = streak + 1 if sign * (amounts[place] - amounts[place - 1]) >= 500 else 0
            if streak == k:
                yield who, mine[place]["event_time"], {"streak": k, "first": amounts[place - k], "last": amounts[place]}


COUNTS = {
    "bill.issued": issued,
    "bill.first": first,
    "bill.shock": shock,
    "bill.rising": lambda data: moving(data, "bill.rising", 1),
    "bill.falling": lambda data: moving(data, "bill.falling", -1),
}
