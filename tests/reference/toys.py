"""Definitions in the manner of the catalogue's, for the scalar reading alone, and short ways to ask it."""

from __future__ import annotations

from pathlib import Path

from events.stories import contact, moment, record
from schemas.raw import BalanceChange, DataUsage, Interaction, LocationUpdate, MessageUsage, ProductOrder, VoiceUsage
from schemas.reference import Reference
from streams.define import Detail, Event, Param, Place, Records, any_of, cool, day, each, edge, once, once_per, ref, reset
from tests.reference.civil import parsed, shown
from tests.reference.reading import Reading

REFERENCE = Reference.load(Path(__file__).parents[2] / "events" / "reference")
B, C, D, G, M, O, V = map(Records, (BalanceChange, Interaction, DataUsage, LocationUpdate, MessageUsage, ProductOrder, VoiceUsage))

money = B.where(B.bucket_kind == "money").same(B.currency)
main = money.where(B.main)
charged = -B.delta
charges, topups = main.where(B.operation == "charge", B.delta < 0), main.where(B.operation == "topup")
main_balance = main.same(B.bucket_id).level(before=B.balance_after - B.delta, after=B.balance_after)
dropped = V.where(V.outcome == "dropped")
place = Place(G)


class Catalogue(list):
    """A stand-in for the real one."""

    def value(self, event, name):
        return event.parameters[name].value


def named(name):
    """A definition that stands in no file of its own."""

    def name_it(event):
        assert not event.flaws, event.flaws
        event.id = name
        return event

    return name_it


@named("balance.low")
class Low(Event, by="line"):
    low, rearm_at = Param(1000, unit="minor", ge=0, doc="."), Param(2000, unit="minor", ge=0, doc=".")
    when = main_balance.falls_below(low, rearm=rearm_at)
    detail = Detail(balance_after=B.balance_after)


@named("balance.recovered")
class Recovered(Event, by="line"):
    back = Low.same(B.currency, B.bucket_id).then(main.same(B.bucket_id).where(B.balance_after >= Low.rearm_at))
    when = back
    detail = Detail(balance_after=B.balance_after, low_duration_s=back.gap.seconds)


@named("balance.depleted")
class Depleted(Event, by="line"):
    when = main_balance.falls_to(0)
    rearm = cool("1h")


@named("topup.completed")
class Completed(Event, by="line"):
    when = topups


@named("topup.rescued")
class Rescued(Event, by="line"):
    back = main_balance.falls_to(0).then(topups.where(B.balance_after > 0), within="1h")
    when = back
    detail = Detail(amount=B.delta, gap_s=back.gap.seconds)


@named("balance.rapid_drop")
class RapidDrop(Event, by="line"):
    recent = charges.within("60min")
    when = charges.where(recent.sum(charged) >= 3000, recent.count() >= 2)
    rearm = edge, cool("24h")
    detail = Detail(spent=recent.sum(charged), charges=recent.count())


@named("spend.day_step")
class DayStep(Event, by="line"):
    now = charges.today()
    passed = charges.level(before=now.before().sum(charged), after=now.sum(charged)).reaches(3000, 5000, 10000)
    when = passed
    rearm = once_per(day, passed.step)
    detail = Detail(spent=now.sum(charged), step=passed.step)


@named("topup.small_frequent")
class SmallFrequent(Event, by="line"):
    small = topups.where(B.delta <= 2000)
    recent = small.within("7d")
    when = small.where(recent.count() >= 3)
    rearm = reset
    detail = Detail(count=recent.count(), total=recent.sum(B.delta))


@named("net.call_dropped")
class CallDropped(Event, by="line"):
    when = dropped
    rearm = cool("1h")


@named("net.drops_repeated")
class DropsRepeated(Event, by="line"):
    recent = dropped.within("24h")
    when = dropped.where(recent.count() >= 3)
    rearm = edge, cool("72h")
    detail = Detail(drops=recent.count(), cells=recent.distinct(V.cell_id))


@named("care.complaint_filed")
class ComplaintFiled(Event, by="customer"):
    when = C.where(C.reason == "complaint", C.status == "completed")


@named("net.drop_then_complaint")
class DropThenComplaint(Event, by="line"):
    both = dropped.then(ComplaintFiled, within="24h")
    when = both
    detail = Detail(gap_s=both.gap.seconds)


@named("sms.burst")
class SmsBurst(Event, by="line"):
    sent = M.where(M.kind == "sms", M.direction == "mo")
    recent = sent.within("10min")
    when = sent.where(recent.count() >= 30)
    rearm = edge, cool("24h")
    detail = Detail(messages=recent.count())


@named("order.completed")
class OrderCompleted(Event, by="customer"):
    when = O.where(O.order_state == "completed")


@named("order.stuck")
class OrderStuck(Event, by="customer"):
    order = O.same(O.order_id)
    when = order.where(O.order_state == "acknowledged").without(order.where(O.order_state == "completed"), within="48h")
    detail = Detail(order_id=O.order_id)


@named("data.silent")
class DataSilent(Event, by="line"):
    lively = D.all.within("14d")
    quiet = D.all.silent("7d", given=lively.count() >= 1)
    when = quiet
    detail = Detail(since=D.all.time, due=quiet.time)


@named("travel.city_changed")
class CityChanged(Event, by="line"):
    when = place.moved.where(place.domestic)
    detail = Detail(from_=place.was, to=place.to, since=place.since)


@named("travel.trip_started")
class TripStarted(Event, by="line"):
    when = place.moved.where(place.left_home)
    detail = Detail(trip_id=place.trip.id, to=place.to)


@named("travel.tourist_city")
class TouristCity(Event, by="line"):
    when = place.moved.where(place.home.is_unknown() | (place.to != place.home), ref.city.tourist(place.to))
    rearm = once_per(place.trip.id, place.to).or_if_unknown(cool("30d", per=place.to))
    detail = Detail(city=place.to)


@named("travel.returned_home")
class ReturnedHome(Event, by="line"):
    when = place.moved.where(place.came_home, place.trip.length >= 6 * 3_600_000)
    detail = Detail(cities=place.trip.cities, hours=place.trip.length.hours, tourist=place.trip.tourist)


@named("travel.intl_arrival")
class IntlArrival(Event, by="line"):
    country = ref.plmn.country(G.plmn)
    when = G.all.moves(country, initially=ref.plmn.home_country()).where(country != ref.plmn.home_country())
    rearm = cool("24h", per=country)
    detail = Detail(country=country)


@named("test.sightings")
class Sightings(Event, by="line"):
    when = G.all


@named("test.missing")
class Missing(Event, by="line"):
    empty = main_balance.falls_to(0)
    when = empty.without(main.where(B.balance_after > 0), within="24h")
    detail = Detail(depleted_at=empty.time, after=B.balance_after)


@named("test.signals")
class Signals(Event, by="line"):
    signs = any_of(Depleted, Low, TripStarted, call=dropped)
    recent = signs.within("1d")
    when = signs.where(recent.distinct(signs.name) >= 2)
    rearm = edge
    detail = Detail(names=recent.list(signs.name), last=signs.name, first_at=recent.first(signs.time))


@named("test.lives")
class Lives(Event, by="line"):
    when = topups.where(topups.count() == 2)
    rearm = once


@named("test.network")
class Network(Event, by="line"):
    moved = G.all.moves(G.plmn)
    when = moved
    rearm = each
    detail = Detail(was=moved.was, to=moved.to)


@named("test.eventually")
class Eventually(Event, by="line"):
    when = dropped.where(dropped.within("30d").count() >= 3)


def read(*records, events, until=None, zone="Asia/Shanghai"):
    reading = Reading(Catalogue(events), REFERENCE, zone)
    for one in records:
        reading.take(one)
    if until is not None:
        reading.advance(parsed(moment(until)))
    return reading


def published(*records, events, until=None, zone="Asia/Shanghai"):
    """The events: id, local clock with the day, detail."""
    return [(one.event, clock(one.time), one.detail) for one in read(*records, events=events, until=until, zone=zone).found]


def clock(ms):
    text = shown(ms + 8 * 3_600_000)
    return f"{int(text[8:10])} {text[11:23]}".removesuffix(".000")


def names(*records, events, until=None):
    return [(name, at) for name, at, _ in published(*records, events=events, until=until)]


def sms(at):
    return record("message_usage", at, kind="sms", direction="mo", other_class="onnet", result="delivered", roaming=False)


def complaint(at, **more):
    return contact(at, "completed", reason="complaint", **more)


def order(state, at, **more):
    return record("product_order", at, **{"order_id": "o", "order_state": state, "item_action": "add", "offering_id": "f", "offering_kind": "addon", "channel": "app", **more})


def status(new, at):
    return record("state_change", at, entity="line", entity_id="S1", attribute="line.status", old_value=None, new_value=new)


def owner(new, at):
    return record("state_change", at, entity="line", entity_id="S1", attribute="line.owner", old_value=None, new_value=new)
