"""Mistakes in definitions: each is refused at load with its file and line, what was wanted, what came, and how to fix it.

The 57 mistakes that were tried on the first edition are among them (those that its words for payloads and windows allowed cannot be
made any more). What cannot be told from a mistake: a whole number of the right unit that is ten times too large, a condition on the
wrong column of the same kind and unit, and a stream by another key that the records do carry.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from streams.definitions.catalogue import Catalogue, CatalogueFault
from streams.definitions.loading import case_faults
from streams.definitions.rates import WANTED
from streams.definitions.tree import used_by
from streams.engine.expression import Param

HEAD = '''"""A trial."""

from events.balance.depleted import Depleted
from events.balance.low import Low
from events.care.call_started import CallStarted
from events.stories import *
from events.words import *
from streams.define import *


class Trial(Event, by="line"):
'''
TAIL = '\n\nCASES = [Case("some", [charge(900, 0)], [{"n": -900, "currency": "CNY"}]), Case("none", [], [])]\n'
FIRST = HEAD.count("\n") + 1
"""The line of the first line of a body."""


def written(folder, body, *, name="balance/trial.py", head=HEAD, tail=TAIL):
    file = folder / "mine" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(head + "".join(f"    {line}\n" for line in body.splitlines()) + tail)
    return file


def faults(folder):
    with pytest.raises(CatalogueFault) as caught:
        Catalogue.load([str(folder / "mine")])
    return [fault.removeprefix(f"{folder}/mine/") for fault in caught.value.faults]


GOOD = "when = charges\ndetail = Detail(n=B.delta)"
RECENT = "recent = charges.within('1h')\n"
BODIES = {
    # Names
    "an unknown column": ("when = charges.where(B.detla < 0)", 1, "BalanceChange has no column 'detla': did you mean delta"),
    "an unknown column of a reference table": ("when = charges.where(ref.device.brnd(B.bucket_id) == 'x')", 1, "ref.device has no column 'brnd': did you mean brand?"),
    "an unknown reference table": ("when = charges.where(ref.devise.brand(B.bucket_id) == 'x')", 1, "ref has no table 'devise': did you mean device?"),
    "an unknown word of a stream": ("when = charges.wher(B.delta < 0)", 1, "'Stream' object has no attribute 'wher': did you mean where?"),
    "an unknown field of an event's detail": ("when = Low.where(Low.detail.treshold > 5)", 1, "detail has no field 'treshold': there are balance_after, threshold, valid_until"),
    "rearms": ("when = charges\nrearms = cool('1h')", 2, "rearms: wanted `rearm`, the name of the attribute for re-arm words"),
    "rearn": ("when = charges\nrearn = 5", 2, "rearn: no such word: did you mean rearm?"),
    "details": ("when = charges\ndetails = Detail(n=B.delta)", 2, "details: wanted `detail`, the name of the attribute for what the event shows"),
    "an attribute of a reserved name": ("when = charges\nversion = 5", 2, "version: wanted another name, this one is the class's own"),
    "a parameter of a reserved name": ("within = Param(5, unit='minor', doc='x')\nwhen = charges.where(charged > within)", 1, "within: wanted another name"),
    "not Python": ("when = charges where", 1, "SyntaxError: invalid syntax"),
    "a forgotten import": ("when = chargez", 1, "NameError: name 'chargez' is not defined: did you mean charge"),
    # When
    "no when": ("detail = Detail(n=B.delta)", 0, "when: wanted a stream, such as charges.where(…), got no `when`"),
    "a condition alone": ("when = B.delta < 0", 1, "when: wanted a stream with this condition, .where(…), got the condition alone: (delta < 0)"),
    "a frame alone": ("when = charges.within('1h')", 1, "when: wanted a condition on the frame, such as charges.where(recent.count() >= 3), got the frame alone"),
    "a level alone": ("when = main_balance", 1, "when: wanted what the level does, such as .falls_below(…), got the level alone"),
    "a class that is no event": ("when = int", 1, "when: wanted a stream or an event, got <class 'int'>"),
    "a list of streams": ("when = [charges, topups]", 1, "when: wanted a stream or an event, got ["),
    "or between streams": ("when = charges or topups", 1, "a stream has no truth value; use .where(...) for conditions and any_of(...) for several streams"),
    "an any_of without names": ("when = any_of(charges, topups)", 1, "any_of: wanted a name for"),
    "an any_of of one": ("when = any_of(charge=charges)", 1, "any_of: wanted at least two streams, got 1"),
    "a name of a stream that has none": ("when = charges.where(charges.name == 'x')", 1, "wanted a stream made by any_of"),
    # Units
    "a unit": ("low = Param(5, unit='yuan', doc='low')\nwhen = charges.where(B.delta < low)", 1, "low: unit: wanted one of ms, s, civil days, byte, minor"),
    "a bare number as a frame": (
        "recent = charges.within(3600)\nwhen = charges.where(recent.count() >= 2)",
        1,
        "within: wanted a length of time such as '30s', '2h' or '7d', got 3600: a bare number has no unit",
    ),
    "a fraction as a frame": (
        "recent = charges.within('1.5h')\nwhen = charges.where(recent.count() >= 2)",
        1,
        "wanted a whole number with a unit, such as 30s, 90min, 2h, 7d, 24 months or 100 MB, a time of day such as 10:00, or a factor such as 1.5, got '1.5h'",
    ),
    "a size as a frame": (
        "recent = charges.within('5 MB')\nwhen = charges.where(recent.count() >= 2)",
        1,
        "within: wanted a length of time such as '30s', '2h' or '7d', got '5 MB'",
    ),
    "no length": ("recent = charges.within('0h')\nwhen = charges.where(recent.count() > 1)", 1, "within: wanted a length of time such as '30s', '2h' or '7d', got '0h'"),
    "a negative length": ("when = charges\nrearm = cool('-1d')", 2, "wanted a whole number with a unit"),
    "a bare number as a cool-down": ("when = charges\nrearm = cool(3600)", 2, "cool: wanted a length of time"),
    "a bare number as an absence": ("when = Depleted.without(topups, within=3600)", 1, "without: wanted a length of time"),
    "a bare number as a silence": ("when = sessions.silent(7)", 1, "silent: wanted a length of time"),
    "a bare number as a pair's time": ("when = charges.then(topups, within=60)", 1, "then: wanted a length of time"),
    "a parameter in another unit as a frame": (
        "n = Param(5, unit='charges', doc='n')\nrecent = charges.within(n)\nwhen = charges.where(recent.count() >= 2)",
        2,
        "within: wanted a parameter with a length of time, such as Param('2h'), got one in charges",
    ),
    "a bare number as a parameter in ms": (
        "window = Param(3600, unit='ms', doc='long')",
        1,
        "Param(3600, unit='ms'): wanted the unit in the text, such as '90min' or '2h', got a bare number",
    ),
    "a unit beside a text": ("window = Param('2h', unit='ms', doc='long')", 1, "wanted a whole number beside a unit, or the unit in the text alone"),
    "a text without a unit": ("window = Param('100', doc='long')", 1, "wanted a whole number with a unit"),
    "a bare number as a bound": ("window = Param('2h', ge=5, doc='long')", 1, "Param: ge: wanted a bound with a unit, such as '90min' or '2h', got 5"),
    "a bound in another unit": ("window = Param('2h', ge='1d', doc='long')", 1, "Param: ge: wanted a bound in ms, as the value is, got '1d'"),
    "a fraction as a parameter": ("low = Param(1.5, unit='minor', doc='low')\nwhen = charges.where(charged > low)", 1, "low: wanted an integer (minor), got 1.5"),
    "bytes and seconds": (
        "when = D.where(D.total_bytes > D.duration_s)",
        1,
        "wanted one unit on both sides, got total_bytes (a whole number in byte) and duration_s (a whole number in s); convert one of them",
    ),
    "hours of bytes": ("when = D.all\ndetail = Detail(n=D.total_bytes.hours)", 2, "total_bytes.hours: wanted a length of time in ms, got total_bytes"),
    # Conditions
    "a value as a condition": ("when = charges.where(B.delta)", 1, "where: wanted a condition, got delta (a whole number)"),
    "a truth value as a condition": ("when = charges.where(True)", 1, "where: wanted a condition, got True"),
    "a number as a frame's condition": (RECENT + "when = charges.where(recent.count())", 2, "where: wanted a condition, got count (a whole number)"),
    "a place as a condition": ("when = place.moved.where(place.to)", 1, "where: wanted a condition, got place.to (a text)"),
    "a value among conditions": ("when = charges.where(B.main & B.delta)", 1, "main & delta: wanted a condition, got delta"),
    "a text with a number": ("when = B.where(B.operation == 5)", 1, "operation == 5: wanted two values of one kind, got operation (a text) and 5 (a whole number)"),
    "a number with a text": ("when = B.where(-B.delta >= '100')", 1, "wanted two values of one kind"),
    "a value that the column does not have": ("when = B.where(B.operation == 'expired')", 1, "wanted a value of operation, got 'expired'; did you mean 'expire'?"),
    "an order of texts": ("when = B.where(B.operation > 'expire')", 1, "wanted numbers, moments or dates, got a text, which has no order; use ==, != or .isin(...)"),
    "comparisons without parentheses": ("when = charges.where(B.charge_reason == 'data' & B.main == True)", 1, "put each comparison between & and | in parentheses"),
    "and": ("when = charges.where(B.main and B.shared)", 1, "use & | ~ instead of and or not"),
    "not": ("when = charges.where(not B.main)", 1, "use & | ~ instead of and or not"),
    "in": ("when = B.where(B.operation in ('charge', 'topup'))", 1, "use & | ~ instead of and or not, and .isin() instead of in"),
    "a chain": ("when = charges.where(0 < charged < 500)", 1, "use & | ~ instead of and or not"),
    "None": ("when = charges.where(B.charge_reason == None)", 1, "got None; ask with .known() or .is_unknown()"),
    "a condition that never holds": (
        RECENT + "when = charges.where(recent.count() >= 5000)",
        2,
        "when: (count >= 5000): wanted a condition that can be true, got one that never is: a frame of elapsed time holds 4096 members at most",
    ),
    "too large a number": ("when = D.where(D.total_bytes * D.uplink_bytes >= 1)", 1, "wanted a number within 64 bits"),
    # Letters
    "where of another record": (
        "when = charges.where(V.duration_s > 5)",
        1,
        "when: duration_s: wanted a column of BalanceChange, got one of VoiceUsage; to go by a value of both use same(…)",
    ),
    "where of another record in a frame": (
        "recent = calls.where(B.delta > 5).within('1h')\nwhen = calls.where(recent.count() >= 2)",
        1,
        "recent: delta: wanted a column of VoiceUsage, got one of BalanceChange; to go by a value of both use same(…)",
    ),
    "same of another record": (
        "recent = charges.same(V.other_party).within('1h')\nwhen = charges.where(recent.count() >= 2)",
        1,
        "recent: other_party: wanted a column of BalanceChange, got one of VoiceUsage",
    ),
    "once_per of another record": (
        "when = charges\nrearm = once_per(V.outcome)",
        2,
        "rearm: outcome: wanted a column of BalanceChange, got one of VoiceUsage, which is not behind `when`",
    ),
    "cool per another record": ("when = charges\nrearm = cool('1h', per=V.outcome)", 2, "rearm: outcome: wanted a column of BalanceChange"),
    "detail of another record": (
        "when = charges\ndetail = Detail(\n    a=B.channel,\n    n=V.duration_s,\n)",
        4,
        "detail.n: duration_s: wanted a column of BalanceChange, got one of VoiceUsage, which is not behind `when`; a value of another stream is read by a frame of it",
    ),
    "detail of the first of a pair": ("when = contacts.then(topups)\ndetail = Detail(n=C.reason)", 2, "detail.n: reason: wanted a column of BalanceChange, got one of Interaction"),
    "detail of what is waited for": (
        "when = Depleted.without(sessions, within='1h')\ndetail = Detail(n=D.total_bytes)",
        2,
        "detail.n: total_bytes: wanted a column of BalanceChange, got one of DataUsage",
    ),
    "detail of no part of an any_of": (
        "when = any_of(charge=charges, call=calls)\ndetail = Detail(n=D.total_bytes)",
        2,
        "detail.n: total_bytes: wanted a column of BalanceChange or VoiceUsage, got one of DataUsage",
    ),
    "a sum of another record": ("recent = calls.within('1h')\nwhen = calls.where(recent.sum(B.delta) > 2)", 2, "sum(delta): wanted"),
    "a level of another record": (
        "when = main.level(before=V.duration_s, after=B.balance_after).falls_to(0)",
        1,
        "when: duration_s: wanted a column of BalanceChange, got one of VoiceUsage",
    ),
    "a given of another record": ("when = sessions.silent('7d', given=V.duration_s > 5)", 1, "when: duration_s: wanted a column of DataUsage, got one of VoiceUsage"),
    "a move that is not behind": (
        "other = X.all.moves(X.new_tac)\nwhen = X.all\nrearm = once_per(other.was)",
        3,
        "rearm: moves.was: wanted what is known of DeviceChange, got a column of moves",
    ),
    "the gap of another pair": (
        "pair = charges.then(topups)\nwhen = topups\ndetail = Detail(n=pair.gap)",
        3,
        "detail.n: pair.gap: wanted what is known of BalanceChange, got a column of pair",
    ),
    "a move of a place elsewhere": (
        "when = sessions.where(place.to == '310000')",
        1,
        "when: place.to: wanted what is known of a place at any time (here, home, trip.id, trip.length), got a column that only place.moved has",
    ),
    "a frame kept for a value that the trigger lacks": (
        "recent = charges.within('1h')\nwhen = calls.where(recent.count() >= 2)",
        2,
        "count: is kept for each currency of BalanceChange, which VoiceUsage does not have: read it where that is known, or leave same(currency) out",
    ),
    "a frame in a frame": (RECENT + "when = charges.where(charges.within('2h').sum(recent.count()) > 5)", 2, "wanted a column of the members, got count, which is added up itself"),
    "pairs by values of two kinds": ("when = contacts.same(C.reason).then(D.all.same(D.total_bytes))", 1, "same: wanted values of one kind at the same place of both streams"),
    "on a moment": ("when = charges.on(B.valid_until, at='10:00')", 1, "on: wanted a civil date such as I.due_date - '3d', or of a moment its .date, got"),
    "at a date": ("when = I.all.at(I.due_date)", 1, "at: wanted a moment such as T.expected_resolution_date, got"),
    "a date and elapsed time": ("when = I.all.on(I.due_date - '24h')", 1, "wanted civil days such as '3d', got 86400000 in ms"),
    "a moment and civil days": ("when = charges.at(B.valid_until - '1d')", 1, "wanted a length such as '24h', or take the .date first, got 1 in civil days"),
    "a time of day that is none": ("when = I.all.on(I.due_date, at='25:00')", 1, "a time of day such as 10:00, or a factor such as 1.5, got '25:00'"),
    "a length as a time of day": ("when = I.all.on(I.due_date, at='10h')", 1, "on: wanted a time of day such as '10:00', got '10h'"),
    "the date of a number": ("when = charges.on(B.delta.date)", 1, "delta.date: wanted a moment, got a whole number"),
    "after a time of day": ("when = charges.after('10:00')", 1, "after: wanted a length of time such as '30s', '2h' or '7d', got '10:00'"),
    "same of a number": ("when = charges.same(5)", 1, "same: wanted a column such as B.currency, got 5"),
    # Features
    "a sum of texts": (RECENT + "when = charges.where(recent.sum(B.operation) > 5)", 2, "sum(operation): wanted a whole number, got operation (a text)"),
    "a largest text": (
        RECENT + "when = charges.where(recent.largest(B.operation) == 'x')",
        2,
        "largest(operation): wanted a whole number or a moment or a civil date, got operation (a text)",
    ),
    "distinct over a life": (
        "when = calls.where(calls._ever().distinct(V.other_party) >= 5)",
        1,
        "when: distinct(other_party): wanted count, sum, latest, first, got distinct, which is not kept over a life: use a frame such as .within('30d')",
    ),
    # Money
    "money of a record without currency": (
        "least = Param(5, unit='minor', doc='x')\nwhen = contacts\ndetail = Detail(n=least)",
        3,
        "detail.n: wanted a currency beside the amount, got Interaction behind `when`, which has none: show one as currency=…, or leave the amount out",
    ),
    "money of a record that may lack it": (
        "least = Param(5, unit='minor', doc='x')\nwhen = B.where(B.operation == 'expire')\ndetail = Detail(n=least)",
        3,
        'detail.n: wanted a currency beside the amount, but BalanceChange may come without one: add .where(B.bucket_kind == "money")',
    ),
    "a number as the currency": ("when = charges\ndetail = Detail(n=B.delta, currency=B.balance_after)", 2, "detail.currency: wanted a text as the currency, got balance_after"),
    "a sum over two currencies": (
        "recent = all_topups.within('1h')\nwhen = all_topups.where(recent.sum(B.delta) > 5)",
        2,
        "sum(delta): wanted a stream split by currency, got delta of BalanceChange",
    ),
    "a sum of prices": (
        "recent = calls.within('1h')\nwhen = calls.where(recent.sum(V.charge_minor) > 5)",
        2,
        "sum(charge_minor): wanted a stream split by currency, got charge_minor of VoiceUsage",
    ),
    "a running sum over two currencies": ("when = all_topups.today().sum(B.delta).reaches(5)", 1, "sum(delta): wanted a stream split by currency"),
    "a level over two currencies": (
        "when = all_topups.level(before=B.balance_after - B.delta, after=B.balance_after).falls_below(5, rearm=10)",
        1,
        "level: wanted a stream split by currency, got balance_after",
    ),
    "a sum of bytes and minutes": (
        "used = B.where(B.bucket_kind.isin('data', 'voice'), B.operation == 'charge')\nwhen = used.where(used.within('1h').sum(-B.delta) > 5)",
        2,
        "sum(-delta): wanted buckets of one kind, got delta of BalanceChange",
    ),
    # Re-arm
    "no re-arm word": ("when = charges\nrearm = '1h'", 2, "rearm: wanted edge, reset, cool(…), once, once_per(…) or each, got '1h'"),
    "a word without its brackets": ("when = charges\nrearm = once_per", 2, "rearm: wanted edge, reset, cool(…), once, once_per(…) or each, got once_per: it needs its brackets"),
    "once_per nothing": ("when = charges\nrearm = once_per()", 2, "once_per: wanted values such as day or I.bill_id, got none"),
    "once_per a text": ("when = charges\nrearm = once_per('day')", 2, "once_per: wanted values such as day or I.bill_id, got 'day'"),
    "edge without a frame": ("when = charges\nrearm = edge", 2, "rearm: edge: wanted a condition on a frame of the trigger's own stream"),
    "edge on a frame of others": (
        "when = topups.where(charges.within('1h').count() >= 2)\nrearm = edge",
        2,
        "rearm: edge: wanted a condition on a frame of the trigger's own stream",
    ),
    "reset without a frame": ("when = charges\nrearm = reset", 2, "rearm: reset: wanted a condition on a frame"),
    "once as another's stand-in": ("when = place.moved\nrearm = once_per(place.trip.id).or_if_unknown(once)", 2, "or_if_unknown: wanted cool(...) or each, got once"),
    "a stand-in for what is known": (
        "when = charges\nrearm = once_per(day).or_if_unknown(each)",
        2,
        "rearm: or_if_unknown: wanted values that may be unknown, got day, known at every event: leave it out",
    ),
    "each beside others": ("when = charges\nrearm = each, cool('1h')", 2, "rearm: each: wanted it alone, got other words beside it, which decide already"),
    "a word twice": ("when = charges\nrearm = cool('1h'), cool('1h')", 2, "rearm: wanted each word once, got `cool 1h` twice"),
    # Detail
    "a detail that is a stream": ("when = charges\ndetail = Detail(n=charges)", 2, "detail: n: wanted an expression, a whole number, a text or a truth value, got"),
    "a detail that is a frame": (RECENT + "when = charges.where(recent.count() > 1)\ndetail = Detail(n=recent)", 3, "detail: n: wanted an expression"),
    "a detail that is a fraction": ("when = charges\ndetail = Detail(n=0.5)", 2, "detail: n: wanted an expression, a whole number, a text or a truth value, got 0.5"),
    "a detail that is None": ("when = charges\ndetail = Detail(n=None)", 2, "detail: n: wanted an expression, a whole number, a text or a truth value, got None"),
    "a detail that is no Detail": ("when = charges\ndetail = {'n': B.delta}", 2, "detail: wanted Detail(name=value, …), got {'n':"),
    "a whole quotient of a fraction": ("when = charges\ndetail = Detail(n=B.delta / 2 // 3)", 2, "wanted whole numbers, got a fraction; use /"),
    # Without effect
    "a value that nothing shows": (
        "when = charges\nforfeited = -B.delta",
        2,
        "forfeited: nothing uses it: wanted it in `when`, `rearm` or `detail`, such as Detail(forfeited=…), or no such line",
    ),
    "a value with a type that nothing shows": ("when = charges\nforfeited: int = -B.delta", 2, "forfeited: nothing uses it"),
    "a name without a value": ("when = charges\nforfeited: int", 2, "forfeited: wanted a value, got none"),
    "an unused stream": ("when = charges\nothers = topups.where(B.delta > 5)", 2, "others: nothing uses it"),
    "an unused whole stream": ("when = charges\nothers = V.all", 2, "others: nothing uses it"),
    "an unused frame": ("when = charges\nrecent = charges.within('1h')", 2, "recent: nothing uses it"),
    "an unused parameter": (GOOD + "\nlow = Param(5, unit='minor', doc='low')", 3, "low: nothing uses this parameter"),
    "a parameter without a name": (
        "when = charges.where(charged > Param(5, unit='minor', doc='x'))",
        1,
        "when: Param(5): wanted a parameter as an attribute of the class, such as least = Param(…)",
    ),
    "another event's parameter as one's own": (
        "low = Low.low\nwhen = charges.where(charged > low)",
        1,
        "low: wanted a parameter of its own, got one of Low: read it in the rule as Low.low",
    ),
    "one parameter under two names": (
        "low = Param(5, unit='minor', doc='low')\nlower = low\nwhen = charges.where(charged > low)",
        1,
        "low: wanted a name of its own, got 'low' as another parameter has",
    ),
    "two parameters of one name": (
        "low = Param(5, unit='minor', doc='x')\nhigh = Param(9, unit='minor', name='low', doc='x')\nwhen = charges.where(charged > low, charged < high)",
        1,
        "low: wanted a name of its own, got 'low' as another parameter has",
    ),
    # Bounds
    "a default out of bounds": ("low = Param(-5, unit='minor', ge=0, doc='low')\nwhen = charges.where(B.delta < low)", 1, "low: wanted >= 0 minor, got -5 minor"),
    "a default beyond another's": (
        "low = Param(3000, unit='minor', doc='low')\nhigh = Param(2000, unit='minor', ge=low, doc='high')\nwhen = main_balance.falls_below(low, rearm=high)",
        2,
        "high: wanted >= 3000 minor, the value of low, got 2000 minor",
    ),
    # Other events
    "an event by another key": ("when = CallStarted", 1, "when: wanted events by line, as this one is, got care.call_started, which is by customer"),
    "an event by another key in a frame": (
        "recent = CallStarted.within('1h')\nwhen = charges.where(recent.count() >= 1)",
        1,
        "recent: wanted events by line, as this one is, got care.call_started",
    ),
}


@pytest.mark.parametrize("mistake", BODIES)
def test_a_mistake_is_refused_with_its_line(tmp_path, mistake):
    body, line, says = BODIES[mistake]
    written(tmp_path, body)
    found = faults(tmp_path)
    assert any(fault.startswith(f"balance/trial.py:{FIRST - 1 + line}: ") and says in fault for fault in found), found


@pytest.mark.parametrize(
    ("brackets", "says"),
    [
        ("Event", 'by: wanted one of line, account, customer, got none: class Trial(Event, by="line")'),
        ('Event, by="lines"', "by: wanted one of line, account, customer, got 'lines'"),
        ('Event, by="line", number=5', "number: wanted by, version, valid_for or expect in the class's brackets, got 'number'"),
        ('Event, by="line", valid_for=5', "valid_for: wanted a length of time such as '24h', got 5"),
        ('Event, by="line", expect="often"', f"expect: wanted {WANTED}, got 'often'"),
        ('Event, by="line", expect=5', f"expect: wanted {WANTED}, got 5"),
        ('Event, by="line", expect="0 per customer a day"', "expect: wanted more than 0 events, got '0 per customer a day': leave out what promises nothing"),
        ('Event, by="line", expect="5-2 per customer a day"', "expect: wanted the lower number first, got '5-2 per customer a day'"),
    ],
)
def test_a_mistake_in_the_brackets_is_reported_with_its_line(tmp_path, brackets, says):
    written(tmp_path, GOOD, head=HEAD.replace('Event, by="line"', brackets))
    assert faults(tmp_path) == [f"balance/trial.py:{FIRST - 1}: {says}"]


@pytest.mark.parametrize(
    ("cases", "says"),
    [
        ("", "CASES: wanted at least one case that fires and one that does not, got none"),
        ("CASES = []", "CASES: wanted at least one case that fires and one that does not, got none"),
        ('CASES = [Case("some", [], [{"n": 1}])]', "CASES: wanted a case that does not fire"),
        ('CASES = [Case("none", [], [])]', "CASES: wanted a case that fires"),
        ("CASES = [5]", "CASES: wanted a list of Case(…)"),
    ],
)
def test_cases_of_both_kinds_are_required(tmp_path, cases, says):
    written(tmp_path, GOOD, tail=f"\n\n{cases}\n")
    catalogue = Catalogue.load([str(tmp_path / "mine")])
    (found,) = case_faults(catalogue.sources["balance.trial"], catalogue.by_id["balance.trial"])
    assert says in found
    assert re.match(r".*balance/trial\.py:[0-9]+: ", found)


def test_all_faults_of_all_files_are_reported_at_once(tmp_path):
    written(tmp_path, "when = charges where", name="balance/syntax.py")
    written(tmp_path, "when = charges\nrearm = edge\ndetail = Detail(n=V.duration_s)", name="balance/two.py")
    (tmp_path / "mine" / "balance" / "empty.py").write_text('"""Nothing."""\n')
    assert [fault.split(":")[0] for fault in faults(tmp_path)] == ["balance/empty.py", "balance/syntax.py", "balance/two.py", "balance/two.py"]


# Where files lie


def test_names_and_places_of_files(tmp_path):
    for name in ("balance/for-feited.py", "balance/Forfeited.py", "balance/2go.py", "forfeited.py", "balance/deep/forfeited.py", "Ba-lance/low.py"):
        written(tmp_path, GOOD, name=name)
    found = faults(tmp_path)
    assert len(found) == 6
    for name, got in (("balance/for-feited.py", "for-feited"), ("balance/Forfeited.py", "Forfeited"), ("balance/2go.py", "2go"), ("Ba-lance/low.py", "Ba-lance")):
        assert f"{name}: wanted a name of small letters, digits and _ that begins with a letter, got {got!r}: it becomes the event's id" in found
    assert any(fault.startswith("forfeited.py: wanted a file in a family folder, such as ") and "mine/balance/forfeited.py" in fault for fault in found)
    assert any(fault.startswith("balance/deep/forfeited.py: wanted a file in a family folder") for fault in found)


def test_helpers_beside_definitions_are_no_definitions(tmp_path):
    written(
        tmp_path,
        "when = mine_charges\ndetail = Detail(n=B.delta)",
        head=HEAD.replace("from streams.define", "from helpers import mine_charges\nfrom balance._more import MORE\nfrom streams.define"),
    )
    (tmp_path / "mine" / "helpers.py").write_text("from events.words import charges as mine_charges\n")
    (tmp_path / "mine" / "balance" / "_more.py").write_text("MORE = 1\n")
    assert "balance.trial" in Catalogue.load([str(tmp_path / "mine")]).by_id


def test_two_events_and_none_in_a_file(tmp_path):
    written(tmp_path, GOOD, tail=f'\n\nclass Second(Event, by="line"):\n    when = charges\n{TAIL}')
    (found,) = faults(tmp_path)
    assert found == "balance/trial.py: wanted one Event class, got Trial, Second"


def test_an_id_that_is_taken_names_both_files(tmp_path):
    written(tmp_path, GOOD, name="balance/low.py")
    (found,) = faults(tmp_path)
    assert found == "balance/low.py: the id balance.low is taken by events/balance/low.py: wanted another family or file name"


@pytest.mark.parametrize(
    "line",
    [
        "from balance.other import Trial as Other",
        "from mine.balance.other import Trial as Other",
        "from .other import Trial as Other",
        "from ..balance.other import Trial as Other",
    ],
)
@pytest.mark.parametrize("where", ["beside", "above", "inside"])
def test_an_own_event_depends_on_another_for_any_import_and_working_directory(tmp_path, line, where):
    written(tmp_path, GOOD, name="balance/other.py")
    body = "when = Other.without(topups, within='1h')"
    written(tmp_path, body, name="balance/after.py", head=HEAD.replace("from streams.define", f"{line}\nfrom streams.define"))
    script = (
        "from streams.definitions.catalogue import Catalogue\n"
        f"c = Catalogue.load([{str(tmp_path / 'mine')!r}]); print(c.needs(c.by_id['balance.after']))\n"
        "assert c.by_id['balance.after'].when.source.first.source.event is c.by_id['balance.other']"
    )
    cwd = {"beside": tmp_path, "above": tmp_path.parent, "inside": tmp_path / "mine"}[where]
    root = Path(__file__).parent.parent.parent
    paths = os.pathsep.join([str(cwd), str(root)])
    done = subprocess.run([sys.executable, "-c", script], cwd=cwd, env={**os.environ, "PYTHONPATH": paths, "PYTHONDONTWRITEBYTECODE": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "['balance.other']"


def test_events_that_depend_on_each_other(tmp_path):
    waits = "when = {0}.without(topups, within='1h')"
    for name, other in (("a", "b"), ("b", "c"), ("c", "a")):
        written(tmp_path, waits.format("Trial"), name=f"balance/{name}.py", head=HEAD.replace("from streams.define", f"from balance.{other} import Trial\nfrom streams.define"))
    assert faults(tmp_path) == ["balance/a.py: balance.a waits for balance.b waits for balance.c waits for balance.a: wanted events that do not start from each other"]


def test_a_file_that_needs_a_faulty_one_says_so(tmp_path):
    written(tmp_path, "when = chargez", name="balance/a.py")
    written(tmp_path, GOOD, name="balance/b.py", head=HEAD.replace("from streams.define", "from balance.a import Trial as Other\nfrom streams.define"))
    found = faults(tmp_path)
    assert found[0].startswith(f"balance/a.py:{FIRST}: NameError: name 'chargez' is not defined: did you mean charge")
    assert found[1].startswith("balance/b.py:8: wanted ")
    assert found[1].endswith("mine/balance/a.py without faults: it is needed here")


@pytest.mark.parametrize("place", ["nowhere", "./nowhere", "/nowhere", "json.decoder", ""])
def test_a_name_of_no_folder_and_no_package_is_refused_in_one_line(place):
    with pytest.raises(CatalogueFault) as caught:
        Catalogue.load([place])
    (fault,) = caught.value.faults
    assert fault.startswith(f"{place}: wanted a folder or an importable package of definitions, got none")


def test_a_folder_without_definitions_is_refused(tmp_path):
    with pytest.raises(CatalogueFault) as caught:
        Catalogue.load([str(tmp_path)])
    assert caught.value.faults == (f"{tmp_path}: wanted files FAMILY/EVENT.py in it, got none",)


def test_a_package_of_definitions_is_loaded_by_name(tmp_path, monkeypatch):
    written(tmp_path, GOOD, name="acme/balance/trial.py")
    for folder in ("mine/acme", "mine/acme/balance"):
        (tmp_path / folder / "__init__.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path / "mine"))
    catalogue = Catalogue.load(["acme"])
    assert catalogue.at(catalogue.by_id["balance.trial"]).endswith("acme/balance/trial.py")


def test_correct_definitions_are_accepted(tmp_path):
    body = """least = Param("2h", ge="5min", doc="how long")
high = Param(2000, unit="minor", doc="high")
low = Param(1000, unit="minor", le=high, doc="low")
recent = charges.within(least)
spent = recent.sum(charged)
when = charges.where(spent >= low, recent.before().count() < high)
rearm = edge, cool("7d")
detail = Detail(n=spent, currency=B.currency)"""
    written(tmp_path, body)
    catalogue = Catalogue.load([str(tmp_path / "mine")], {"balance.trial": {"least": "90min", "low": 500}})
    event = catalogue.by_id["balance.trial"]
    assert catalogue.value(event, "least") == 5_400_000
    assert catalogue.value_of()(event.parameters["low"]) == 500


def test_a_parameter_of_another_event_has_that_event_s_value(tmp_path):
    written(tmp_path, "when = charges.where(B.balance_after < Low.low)\ndetail = Detail(n=B.delta)")
    catalogue = Catalogue.load([str(tmp_path / "mine")], {"balance.low": {"low": 500}}, only=["balance.trial"])
    assert list(catalogue.by_id) == ["balance.trial"]
    (low,) = [part for part in used_by(catalogue.by_id["balance.trial"]).values() if isinstance(part, Param)]
    assert catalogue.value_of()(low) == 500


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"balance.low": {"low": 3000}}, "balance.low.rearm: wanted >= 3000 minor, the value of low, got 2000 minor"),
        ({"balance.rapid_drop": {"window": "2 hours"}}, "balance.rapid_drop.window: wanted a length of time such as 90min or 2h (or a number of ms), got '2 hours'"),
        ({"balance.rapid_drop": {"window": "7d"}}, "balance.rapid_drop.window: wanted a length of time such as 90min or 2h"),
        ({"data.silent": {"T": "2h"}}, "data.silent.T: wanted a number of days such as 7d, got '2h'"),
        ({"voice": {"long_call": 5}}, "voice.long_call: wanted EVENT.PARAMETER=VALUE, got no parameter; there are min"),
    ],
)
def test_values_that_do_not_fit_are_refused(overrides, says):
    with pytest.raises(CatalogueFault) as caught:
        Catalogue.load(overrides=overrides)
    assert says in str(caught.value)


def test_lengths_and_sizes_are_taken_as_texts():
    catalogue = Catalogue.load(
        overrides={"balance.rapid_drop": {"window": "2h"}, "data.heavy_day": {"bytes": "100 MB"}, "data.silent": {"T": "9d"}, "balance.low": {"low": 3000, "rearm": "4000"}}
    )
    assert catalogue.value(catalogue.by_id["balance.rapid_drop"], "window") == 7_200_000
    assert catalogue.value(catalogue.by_id["data.heavy_day"], "bytes") == 100_000_000
    assert catalogue.value(catalogue.by_id["data.silent"], "T") == 9
    assert catalogue.value(catalogue.by_id["balance.low"], "rearm") == 4000


def test_a_window_by_account_over_records_without_one_gives_a_warning(tmp_path):
    body = "recent = contacts.within('7d')\nwhen = contacts.where(recent.count() >= 2)\ndetail = Detail(n=recent.count())"
    written(tmp_path, body, head=HEAD.replace('by="line"', 'by="account"'))
    (notice,) = Catalogue.load([str(tmp_path / "mine")]).notices
    assert 'by: Interaction may come without account_id; by="account" leaves such records out, by="customer" counts them all' in notice


def test_a_record_without_a_line_is_no_surprise_in_a_rule_of_lines(tmp_path):
    written(tmp_path, "recent = contacts.within('7d')\nwhen = contacts.where(recent.count() >= 2)\ndetail = Detail(n=recent.count())")
    assert Catalogue.load([str(tmp_path / "mine")]).notices == []
