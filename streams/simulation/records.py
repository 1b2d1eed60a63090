"""Builders of raw records: each gives a whole valid record of one simulated customer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from streams.simulation.offerings import CURRENCY
from streams.simulation.places import ABROAD, CITIES, HOME_PLMN, TACS, cell
from streams.simulation.times import HOUR, MINUTE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from random import Random

    from streams.simulation.offerings import Pack

Record = dict[str, Any]
APPS = ("video", "music", "game", "social", "map", "travel", "shopping", "other")


class Records:
    """A customer with one line, by number, and where they are; all chance comes from `chance`."""

    def __init__(self, number: int, chance: Random) -> None:
        self.id, self.account, self.line, self.msisdn = f"C{number}", f"A{number}", f"S{number}", f"+86138{number:08d}"
        self.chance = chance
        self.home = CITIES[0] if chance.random() < 0.7 else chance.choice(CITIES)  # most live in the first city
        self.city, self.abroad = self.home, ""
        self.tac, self.imei = chance.randrange(len(TACS)), 0
        self.count = 0

    def record(self, record_type: str, source: str, at: int, **fields: Any) -> Record:
        """A raw record of this customer with the envelope."""
        self.count += 1
        return {
            "record_id": f"{self.line}-{self.count}",
            "record_type": record_type,
            "schema_version": 1,
            "source_system": source,
            "event_time": at,
            "customer_id": self.id,
            "account_id": self.account,
            "subscription_id": self.line,
            "msisdn": self.msisdn,
            **fields,
        }

    def at(self, midnight: int, begin: float = 7, end: float = 23.5) -> int:
        """A random moment between two hours of the day."""
        return midnight + int(self.chance.uniform(begin, end) * HOUR)

    def token(self, kind: str) -> str:
        """An id that no other record has: of an order, a ticket and so on."""
        return f"{kind}-{self.line}-{self.count}"

    def party(self) -> str:
        """One of the people that the city's customers call and write to."""
        return f"t:{self.chance.randrange(400):04x}"

    # Network

    def where(self) -> Record:
        """The fields that tell where a line is used."""
        if self.abroad:
            return {"roaming": True, "visited_plmn": self.abroad}
        return {"roaming": False, "cell_id": cell(self.city, self.chance.randrange(40))}

    def seen(self, at: int, update_type: str = "area_change", city: str | None = None) -> Record:
        """The network sees the line, in `city` where it is given."""
        if self.abroad and city is None:
            kind = "periodic" if update_type == "area_change" else update_type
            return self.record("location_update", "mme-1", at, update_type=kind, plmn=self.abroad, roaming=True, rat="4G")
        here = cell(city or self.city, self.chance.randrange(40))
        return self.record("location_update", "mme-1", at, update_type=update_type, plmn=HOME_PLMN, roaming=False, cell_id=here, rat="5G")

    def quality(self, at: int, metric: str, value: int, **more: Any) -> Record:
        """A probe sees a bad experience."""
        place = {"plmn": self.abroad} if self.abroad else {"plmn": HOME_PLMN, "cell_id": cell(self.city, self.chance.randrange(4))}
        return self.record("network_quality", "probe-1", at, metric=metric, value=value, rat="4G", **place, **more)

    # Use

    def session(self, at: int, seconds: int, down: int) -> Record:
        """A data session that ends at `at`."""
        return self.record(
            "data_usage", "chf-1", at, session_id=f"{self.line}-{at}", start_time=at - seconds * 1000, duration_s=seconds, uplink_bytes=down // 9, downlink_bytes=down,
            total_bytes=down + down // 9, rat="5G" if TACS[self.tac][3] and self.chance.random() < 0.6 else "4G", app_category=self.chance.choice(APPS),
            rating_tag="in_bundle", **self.where(),
        )  # fmt: skip

    def call(self, at: int, direction: str = "mo", outcome: str = "answered", seconds: int | None = None, **more: Any) -> Record:
        """A call that ends at `at`; without `seconds` as long as calls are."""
        if outcome not in ("answered", "dropped"):
            seconds = 0
        elif seconds is None:
            seconds = min(7200, int(self.chance.lognormvariate(4.6, 1.3))) + 5
        start = at - seconds * 1000 - 8000
        answer = {"answer_time": start + 8000} if seconds else {}
        fields = {"other_party": self.party(), "other_class": self.chance.choice(("onnet", "offnet")), **self.where(), **more}
        return self.record("voice_usage", "msc-1", at, direction=direction, bearer="volte", start_time=start, duration_s=seconds, outcome=outcome, **answer, **fields)

    def text(self, at: int, direction: str = "mo", **more: Any) -> Record:
        """A short message."""
        fields = {"other_party": self.party(), "other_class": "onnet", "message_size": self.chance.randrange(8, 140), **self.where(), **more}
        return self.record("message_usage", "smsc-1", at, kind="sms", direction=direction, result="delivered", **fields)

    def content(self, at: int, service: str, category: str, price: int) -> Record:
        """A value-added service is used, for `price` minor units."""
        return self.record("vas_usage", "vas-1", at, service_code=service, service_category=category, quantity=1, charge_minor=price, currency=CURRENCY)

    # Service

    def view(self, at: int, category: str, **more: Any) -> Record:
        """A page is seen in the app."""
        return self.record("page_view", "web-1", at, **{"platform": "app", "page": f"/{category}", "page_category": category, "dwell_ms": 8000, **more})

    def contact(self, at: int, channel: str, reason: str, resolution: str = "unresolved", seconds: int = 300, **more: Any) -> Iterator[Record]:
        """A contact that is opened at `at`, and completed; `more` is what is known at its end."""
        base = {"interaction_id": f"IN-{self.line}-{at}", "direction": "inbound", "channel": channel, "reason": reason, "start_time": at}
        base |= {name: more.pop(name) for name in ("direction", "offering_id", "city_code") if name in more}
        yield self.record("interaction", "cc-1", at, status="opened", **base)
        yield self.record("interaction", "cc-1", at + seconds * 1000, status="completed", duration_s=seconds, resolution=resolution, **base, **more)

    def state(self, at: int, attribute: str, new: str, old: str | None = None, **more: Any) -> Record:
        """An attribute of the line, or of the customer, changes."""
        entity = attribute.partition(".")[0]
        fields = {"entity": entity, "entity_id": self.id if entity == "customer" else self.line, "attribute": attribute, "old_value": old, "new_value": new}
        return self.record("state_change", "crm-1", at, **{**fields, **more})

    def order(self, at: int, pack: Pack, minutes: int | None, **more: Any) -> Iterator[Record]:
        """An order is taken at `at`, and completed so many minutes later; None: it is not completed."""
        base = {"order_id": self.token("OR"), "item_action": "add", "offering_id": pack.id, "offering_kind": pack.kind, "price_minor": pack.price, "currency": CURRENCY}
        base |= {"channel": self.chance.choice(("app", "web", "store")), **more}
        yield self.record("product_order", "om-1", at, order_state="acknowledged", **base)
        if minutes is not None:
            done = at + minutes * MINUTE
            yield self.record("product_order", "om-1", done, order_state="completed", **{"term_start": done, "term_end": done + pack.days * 24 * HOUR, **base})

    def phone(self, at: int, reason: str = "upgrade") -> Record:
        """Another phone is used from now on."""
        old, self.tac = self.tac, (self.tac + self.chance.randrange(1, len(TACS))) % len(TACS)
        before, self.imei = self.imei, self.imei + 1
        return self.record(
            "device_change", "eir-1", at, change_type="device", old_imei=f"t:{self.line}-{before}", new_imei=f"t:{self.line}-{self.imei}",
            old_tac=TACS[old][0], new_tac=TACS[self.tac][0], reason=reason,
        )  # fmt: skip

    def sim(self, at: int, reason: str) -> Record:
        """Another SIM is used from now on."""
        return self.record("device_change", "eir-1", at, change_type="sim", new_iccid=f"t:{self.token('SIM')}", sim_form=self.chance.choice(("uicc", "euicc")), reason=reason)

    # Money

    @property
    def purse(self) -> str:
        """The id of the main balance."""
        return f"bk-{self.line}"

    def money(self, at: int, operation: str, delta: int, **more: Any) -> Record:
        """The main balance changes by `delta`, minor units; `balance_after` is set once the records are in order of time."""
        fields = {"bucket_id": self.purse, "bucket_kind": "money", "unit": "minor", "currency": CURRENCY, "operation": operation, "delta": delta, "balance_after": 0}
        return self.record("balance_change", "ocs-1", at, **{**fields, **more})


def elsewhere(chance: Random, country: str) -> str:
    """The network of another country than that of network `country`."""
    return chance.choice([plmn for plmn, _, _ in ABROAD if plmn != country])
