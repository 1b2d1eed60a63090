"""A mapping proposed for a sample: what names and values suggest, and what a person has to say."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from schemas.raw import type_name
from streams.sources.checks import own_unit, required, wanted_of
from streams.sources.mapping import NAMES, Field, FieldSpec, Place, fields_in
from streams.sources.sample import CLOCKS, file_words, words_in
from streams.sources.toml import toml

if TYPE_CHECKING:
    from schemas.raw import Envelope, FieldInfo
    from streams.sources.sample import Column, Sample

HINTS: dict[str, str] = {
    "voice_usage": "call calls cdr voice anruf gespraech llamada appel callee caller called calling dst dialled disposition billsec ring answer",
    "message_usage": "sms mms message messages text texts nachricht mensaje",
    "data_usage": "data session sessions mb kb bytes byte volume uplink downlink upload download octets internet traffic apn",
    "vas_usage": "vas content service subscription ringtone",
    "balance_change": "recharge recharges topup topups voucher refill balance momo transfer wallet aufladung guthaben recarga saldo",
    "bill_issued": "bill bills invoice invoices due",
    "payment": "payment payments paid payer pay method",
    "product_order": "order orders offer offering product",
    "interaction": "contact contacts interaction agent csat",
    "trouble_ticket": "ticket tickets complaint complaints trouble incident severity",
    "page_view": "page url view click browser",
    "device_change": "imei tac device handset iccid",
    "location_update": "location cell lac tac antenna attach handover",
    "network_quality": "quality latency stall throughput kpi",
}
"""Words in names of files and columns that speak for a record type."""
SYNONYMS: dict[str, str] = {
    "customer_id": "customer customerid custid kunde kundennr cliente client caller callerid payer userid user subscriber subscriberid msisdn src calling phonenumber anumber owner",
    "subscription_id": "subscription subscriptionid vertrag contrato contrat subscriber line caller callerid msisdn src calling phonenumber userid anumber",
    "account_id": "account accountid billingaccount caller callerid payer msisdn subscriber userid",
    "msisdn": "msisdn phonenumber aparty anumber rufnummer telefono numero",
    "event_time": "end endtime enddate eventtime timestamp time datetime date created createdat when occurred calldate zeitpunkt datum zeit fecha fechahora",
    "start_time": "start starttime startdate begin seizure calldate timestamp time datetime date beginn inicio debut",
    "answer_time": "answer answertime answered",
    "duration_s": "billsec talk talktime duration callduration seconds length dauer duracion duree",
    "other_party": "dst destination dest called callee recipient other correspondent bparty bnumber destphonenumber destphone gegenstelle zielrufnummer destino",
    "outcome": "disposition outcome result status ergebnis resultado",
    "direction": "direction richtung direccion sentido",
    "cell_id": "cell cellid antenna antennaid funkzelle celda",
    "delta": "amount value recharge sum delta betrag importe monto montant",
    "amount_minor": "amount value total sum totalamount betrag importe monto montant",
    "balance_after": "balanceafter newbalance balance remaining guthaben saldo solde",
    "currency": "currency waehrung moneda devise unit",
    "total_bytes": "total volume bytes mb mbused kb octets used volumen volume",
    "uplink_bytes": "up uplink upload",
    "downlink_bytes": "down downlink download",
    "session_id": "session sessionid charging chargingid id",
    "payment_id": "paymentid payment id transaction transactionid",
    "bill_id": "billid bill invoiceid invoice",
    "ticket_id": "ticketid ticket id",
    "order_id": "orderid order id",
    "interaction_id": "interactionid interaction contactid id",
    "creation_date": "creationdate created date opened datemonthyear time",
    "status": "status state result",
    "channel": "channel via receivedvia",
    "method": "method paymentmethod type",
    "operation": "operation type txntype",
    "charge_minor": "cost charge price fee",
    "plmn": "plmn network operator",
    "update_type": "updatetype type event",
}
"""By field, names of columns that mean it, the likeliest first, in small letters without signs."""
USUAL: dict[str, Any] = {
    "bucket_id": "main",
    "bucket_kind": "money",
    "unit": "minor",
    "operation": "topup",
    "currency": "CNY",
    "kind": "payment",
    "purpose": "topup",
    "channel": "app",
    "direction": "mo",
    "other_class": "unknown",
    "outcome": "answered",
    "roaming": False,
    "rat": "UNKNOWN",
    "duration_s": 0,
    "uplink_bytes": 0,
    "result": "delivered",
    "ticket_type": "complaint",
    "category": "other",
    "status": "acknowledged",
    "update_type": "periodic",
    "plmn": "460-00",
    "method": "other",
    "severity": "minor",
}
"""Constants that many files need, as examples of what may be meant."""
IDENTITIES = re.compile(r"(?i)(^|[._ ])(unique_?id|id|.*[a-z]Id|.*_id|.*callid|event_?id|ticket #|ref|reference|receipt|serial|uuid|lfd\W*nr|beleg(nr)?|folio|recibo)$")
KINDS: dict[str, tuple[str, ...]] = {
    "time": ("time",),
    "date": ("time",),
    "int": ("number", "amount"),
    "bool": ("words",),
    "text": ("text", "words", "phone", "number"),
    "map": (),
}
FIRST_UNIT = {"minor": "major", "byte": "byte", "s": "s", "ms": "ms", "kbit/s": "kbit/s"}


class Proposal(NamedTuple):
    """A mapping as TOML, and what a person has to say before it can be used."""

    text: str
    open: list[str]


def propose(sample: Sample, name: str, zone: str, record: str | None = None) -> Proposal:
    """A mapping for a sample; `zone`: the operator's; `record`: the type where a person has said it."""
    writer = Writer(sample, NAMES[record or record_for(sample)], guessed=record is None)
    return writer.write(name, zone)


def record_for(sample: Sample) -> str:
    """The record type whose words names of the file and of columns have most."""
    weights: dict[str, int] = {}
    for word in file_words(sample.path):
        weights[word] = weights.get(word, 0) + 3
    for word in {word for column in sample.columns for word in words_in(column.name)}:
        weights[word] = weights.get(word, 0) + 1
    return max(HINTS, key=lambda kind: sum(weights.get(word, 0) for word in HINTS[kind].split()))


class Writer:
    """Writes a proposal line by line."""

    def __init__(self, sample: Sample, record: type[Envelope], *, guessed: bool) -> None:
        self.sample, self.record, self.guessed = sample, record, guessed
        self.open: list[str] = []
        self.used: set[str] = set()

    def write(self, name: str, zone: str) -> Proposal:
        """The proposal."""
        rows = f"{self.sample.rows:,} rows"
        lines = [f"# Proposed by `kairos map` from {rows} of {self.sample.path.rpartition('/')[2]}. What begins with #? is yours to say.", f"[sources.{name}]"]
        lines.append(f"format = {toml(self.sample.format)}")
        lines += [f"{key} = {toml(value)}" for key, value in self.sample.keys.items()]
        lines.append(f"record = {toml(type_name(self.record))}" + ("  # guessed by names: is it? 'kairos records' lists the others" if self.guessed else ""))
        if self.sample.kind is not None:
            lines += self.several(self.sample.kind)
        lines += self.identity()
        fields = [line for name_, info in self.fields().items() for line in self.field(name_, info)]
        if any(column.kind == "time" for column in self.sample.columns):
            lines.append(f"zone = {toml(zone)}  # the setting zone: of times without an offset of their own; is it this file's?")
        lines += ["", f"[sources.{name}.fields]", *fields]
        unused = [column for column in self.sample.columns if column.name not in self.used]
        if unused:
            lines += ["", "# Columns that nothing reads:", *(f"#   {column.name}: {column.kind}, such as {column.example[:40]!r}" for column in unused)]
        return Proposal("\n".join(lines) + "\n", self.open)

    def several(self, kind: str) -> list[str]:
        """What to do where a column says what a row is: each kind with how many rows of the sample are of it, and the condition that takes it."""
        counted = [(word, f"{count:,} rows") for word, count in self.sample.kinds.most_common()]
        self.open.append(f"record: {kind} seems to say what a row is ({', '.join(f'{word}: {rows}' for word, rows in counted)}): one record type for each, or its rows are skipped")
        return [
            f"#? {kind} seems to say what a row is: a table [[sources.NAME.records]] for each kind, with its record, when and fields (docs/sources.md); rows that none takes are skipped:",
            *(f"#?   when = {toml({kind: word})}  # {rows}" for word, rows in counted),
        ]

    def identity(self) -> list[str]:
        """The line of `id`."""
        likely = [column for column in self.sample.columns if column.distinct and column.empty == 0]
        found = next((column for column in likely if IDENTITIES.search(column.name)), None)
        if found is not None:
            return [f"id = {toml([found.name])}  # no two different rows of the sample have the same; is it so in all files?"]
        self.open.append("id: which columns make a row the same when it is delivered twice")
        return [f"id = {toml([column.name for column in self.sample.columns][:8])}  #? no column has each value once: are two rows that are alike in these the same fact?"]

    def fields(self) -> dict[str, FieldInfo]:
        """The fields to fill: required ones, and others that a column is named like."""
        needed = required(self.record)
        infos = fields_in(self.record)
        wanted = {name: infos[name] for name in needed}
        for name, info in infos.items():
            if (
                name not in wanted
                and name in SYNONYMS
                and (column := self.column_for(name, info)) is not None
                and column.name not in {c.name for n in needed if (c := self.column_for(n, infos[n]))}
            ):
                wanted[name] = info
        if self.record.__name__ == "BalanceChange":
            wanted = {"subscription_id": infos["subscription_id"], **wanted, "currency": infos["currency"]}
        return wanted

    def column_for(self, name: str, info: FieldInfo) -> Column | None:
        """The column that a field is named after and can be read from."""
        kinds = ("words",) if info.domain is not None else KINDS[info.kind]
        names = [name.replace("_", ""), *SYNONYMS.get(name, "").split()]
        clocks = {column.name for column in self.sample.columns if column.kind == "time" and set(column.formats) <= CLOCKS}
        fitting = [column for column in self.sample.columns if (name == "duration_s" and column.name in clocks) or (column.kind in kinds and column.name not in clocks)]
        for wanted in names:
            for column in fitting:
                if wanted in tails(column.name):
                    return column
        for wanted in names:
            for column in fitting:
                if len(wanted) > 3 and any(wanted in tail and len(tail) <= len(wanted) + 4 for tail in tails(column.name)):
                    return column
        if info.kind == "time" and name == "event_time":
            return next((column for column in fitting if column.kind == "time"), None)
        return None

    def field(self, name: str, info: FieldInfo) -> list[str]:
        """The line of a field, or what is to be said of it."""
        column = self.column_for(name, info)
        if column is None:
            self.open.append(f"{name}: wanted {wanted_of(info)}{self.about(name)}")
            usual = f"{{ value = {toml(USUAL[name])} }}" if name in USUAL else '"COLUMN"'
            return [f"#? {name} = {usual}  # a column, or {{ value = … }}: wanted {wanted_of(info)}{self.about(name)}"]
        self.used.add(column.name)
        if info.kind in ("time", "date"):
            return [self.time_line(name, column)]
        unit = own_unit(Field(name, Place("", ""), FieldSpec(), info, private=False), {"unit": "minor"})
        if unit is not None:
            guess = next((one for one in ("kB", "MB", "GB", "KiB", "MiB", "GiB") if one.lower() in words_in(column.name)), FIRST_UNIT[unit])
            guess = "h:m:s" if column.kind == "time" else guess if unit == "byte" else FIRST_UNIT[unit]
            return [f"{name} = {{ from = {toml(column.name)}, unit = {toml(guess)} }}  # such as {column.example!r}: is the unit right?"]
        if info.domain is not None:
            same = set(column.words) <= set(info.domain)
            if same:
                return [f'{name} = {{ from = {toml(column.name)}, map = "same" }}']
            pairs = {word: nearest(word, info.domain) for word in column.words}
            missing = [word for word, own in pairs.items() if own is None]
            if missing:
                self.open.append(f"{name}: what {', '.join(map(repr, missing))} of {column.name} mean")
            entries = ", ".join(f"{toml(word)} = {toml(own if own is not None else '?')}" for word, own in pairs.items())
            comment = f"  #? each is one of {', '.join(info.domain)}" if missing else "  # is it so?"
            return [f"{'#? ' if missing else ''}{name} = {{ from = {toml(column.name)}, map = {{ {entries} }} }}{comment}"]
        return [f"{name} = {toml(column.name)}" + (f"  # such as {column.example[:40]!r}" if name == "customer_id" else "")]

    def about(self, name: str) -> str:
        """What a field means, in short."""
        return {"customer_id": ": who it is, and the Kafka key; a lookup finds it by the number (docs/sources.md)"}.get(name, "")

    def time_line(self, name: str, column: Column) -> str:
        """The line of a time."""
        form = next(one for one in column.formats if one not in CLOCKS)
        others = [one for one in column.formats if one != form and one not in CLOCKS and "%d" in one and "%d" in form and sorted(one) == sorted(form)]
        clocks = [one for one in self.sample.columns if one.kind == "time" and set(one.formats) <= CLOCKS]
        clock = (
            max(clocks, key=lambda one: len(set(words_in(one.name)) & set(words_in(column.name))), default=None)
            if "%H" not in form and "%I" not in form and form not in ("iso", "epoch s", "epoch ms")
            else None
        )
        doubt = f"  # or {others[0]!r}: the sample fits both" if others else ""
        if clock is not None:
            self.used.add(clock.name)
            return f"{name} = {{ from = {toml([column.name, clock.name])}, time = {toml(f'{form} {clock.formats[0]}')} }}{doubt}"
        return f"{name} = {{ from = {toml(column.name)}, time = {toml(form)} }}{doubt}"


def tails(name: str) -> list[str]:
    """The names that a path may go by, in small letters without signs: `a.payer.id` is apayerid, payerid and id."""
    parts = name.lower().split(".")
    return [re.sub("[^a-z0-9]", "", "".join(parts[at:])) for at in dict.fromkeys((0, max(0, len(parts) - 2), len(parts) - 1))]


ALIKE = {
    "answered": "answered", "no answer": "no_answer", "busy": "busy", "failed": "failed", "congestion": "failed", "dropped": "dropped",
    "in": "mt", "out": "mo", "incoming": "mt", "outgoing": "mo", "mo": "mo", "mt": "mt", "inbound": "inbound", "outbound": "outbound",
    "success": "done", "completed": "completed", "ok": "done", "open": "acknowledged", "closed": "closed", "solved": "resolved", "pending": "pending",
    "bankcard": "bank_card", "card": "bank_card", "creditcard": "bank_card", "cash": "cash", "wallet": "wallet", "digitalwallet": "wallet", "voucher": "voucher",
}  # fmt: skip
"""Words of files in small letters, and ours."""


def nearest(word: str, domain: tuple[str, ...]) -> str | None:
    """Our word for one of a file, None where none is plain."""
    flat = word.lower().strip()
    for own in domain:
        if re.sub("[^a-z0-9]", "", own.lower()) == re.sub("[^a-z0-9]", "", flat):
            return own
    found = ALIKE.get(flat.replace("_", " ")) or ALIKE.get(re.sub("[^a-z]", "", flat))
    return found if found in domain else None
