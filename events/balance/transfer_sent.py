"""The customer gave balance to another line: a family or sharing plan may fit."""

from events.stories import balance
from events.words import B, charged, main
from streams.define import Case, Detail, Event


class TransferSent(Event, by="line"):
    # survives: B.counterpart.known() in where → nothing: a transfer always has one; it says that the field is never null
    when = main.where(B.operation == "transfer_out", B.counterpart.known())
    detail = Detail(amount=charged, counterpart=B.counterpart)


CASES = [
    Case("a gift", [balance(5000, 4500, "10:00", "transfer_out", counterpart="t:ab")], [{"amount": 500, "counterpart": "t:ab", "currency": "CNY"}]),
    Case(
        "every one, in any currency",
        [
            balance(5000, 4500, "10:00", "transfer_out", counterpart="t:ab"),
            balance(4500, 3900, "10:00", "transfer_out", counterpart="t:ab"),
            balance(900, 800, "10:01", "transfer_out", counterpart="t:cd", currency="USD"),
        ],
        [
            {"amount": 500, "counterpart": "t:ab", "currency": "CNY"},
            {"amount": 600, "counterpart": "t:ab", "currency": "CNY"},
            {"amount": 100, "counterpart": "t:cd", "currency": "USD"},
        ],
    ),
    Case("a gift received", [balance(4500, 5000, "10:00", "transfer_in", counterpart="t:ab")], []),
    Case("money that is taken away", [balance(5000, 4500, "10:00", "adjust_debit")], []),
    Case("promotional money is none", [balance(5000, 4500, "10:00", "transfer_out", counterpart="t:ab", main=False)], []),
]
