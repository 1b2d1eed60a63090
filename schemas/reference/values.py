"""The cells of a reference file as values: kinds, and the rules for records, which cells must satisfy too."""

from __future__ import annotations

import json
import re
from datetime import UTC, date, datetime, timedelta
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from schemas.codes import NULL, UNSURE, keep
from schemas.iso import COUNTRIES, CURRENCIES

if TYPE_CHECKING:
    from collections.abc import Callable

ColumnKind = Literal["text", "int", "float", "bool", "date", "list"]
ALWAYS = -(2**62)
TRUE, FALSE = {"true", "1", "yes", "y", "t"}, {"false", "0", "no", "n", "f"}
UNKNOWN: dict[ColumnKind, Any] = {"text": 0, "int": NULL, "float": float("nan"), "bool": UNSURE, "date": NULL, "list": ()}
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})")
WHOLE = re.compile(r"[+-]?[0-9]{1,16}(\.0*)?")
NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")
MOST = 2**53
COMMON_COUNTRIES = {
    "UK": "GB",
    "EN": "GB",
    "CHINA": "CN",
    "GERMANY": "DE",
    "FRANCE": "FR",
    "JAPAN": "JP",
    "USA": "US",
    "UNITED STATES": "US",
    "UNITED KINGDOM": "GB",
    "CHN": "CN",
    "DEU": "DE",
    "GBR": "GB",
}


class CellFault(ValueError):
    """A cell cannot be used: what was wanted, and a hint at the likely cause for this text."""

    def __init__(self, wanted: str, hint: str = "") -> None:
        super().__init__(wanted)
        self.wanted, self.hint = wanted, hint


class Rule(NamedTuple):
    """What the values of a column must be besides their kind: as a phrase, as a test, and the likely cause of a failure."""

    wanted: str
    fits: Callable[[Any], bool]
    hint: Callable[[str], str] | None = None


def _plmn_hint(text: str) -> str:
    lost = re.fullmatch(r"([0-9]{1,3})-([0-9])", text) or re.fullmatch(r"([0-9]{1,2})-([0-9]{2,3})", text)
    if lost:
        return f"a spreadsheet has dropped leading zeros: {int(lost[1]):03d}-{lost[2].zfill(2)}?"
    if re.fullmatch(r"[0-9]{5,6}", text):
        return f"write {text[:3]}-{text[3:]}"
    if re.fullmatch(r"[0-9]{1,2}|[0-9]{4}", text):
        return "a spreadsheet has dropped leading zeros?"
    return ""


def _tac_hint(text: str) -> str:
    if re.fullmatch(r"[0-9]{6,7}", text):
        return f"a spreadsheet has dropped a leading zero: {text.zfill(8)}?"
    return "a spreadsheet has made a number of it: format the column as text" if NUMBER.fullmatch(text) and not text.isdigit() else ""


def _country_hint(text: str) -> str:
    near = text.upper() if text.upper() in COUNTRIES else COMMON_COUNTRIES.get(text.upper())
    return f"did you mean {near}?" if near else ""


def _zone_hint(text: str) -> str:
    folded = text.casefold().replace(" ", "_")
    near = next((zone for zone in zones() if folded in (zone.casefold(), zone.casefold().rpartition("/")[2])), None)
    return f"did you mean {near}?" if near else ""


@cache
def zones() -> frozenset[str]:
    """The names of the packaged tz data."""
    return frozenset((resources.files("tzdata") / "zones").read_text("utf-8").split())


def one_of(*allowed: str) -> Rule:
    """Texts of a list."""
    return Rule(f"one of {', '.join(allowed)}", lambda text: text in allowed, lambda text: f"did you mean {text.lower()}?" if text.lower() in allowed else "")


def between(low: int, high: int) -> Rule:
    """Numbers of a range, both ends included."""
    return Rule(f"a number from {low} to {high}", lambda number: low <= number <= high)


PLMN = Rule("MCC-MNC such as 460-00, or an MCC alone", lambda text: bool(re.fullmatch(r"[0-9]{3}(-[0-9]{2,3})?", text, re.ASCII)), _plmn_hint)
TAC = Rule("8 digits", lambda text: bool(re.fullmatch(r"[0-9]{8}", text, re.ASCII)), _tac_hint)
COUNTRY = Rule("a country by ISO 3166-1 alpha-2 such as CN or DE", COUNTRIES.__contains__, _country_hint)
CURRENCY = Rule("a currency by ISO 4217 such as CNY", CURRENCIES.__contains__, lambda text: f"did you mean {text.upper()}?" if text.upper() in CURRENCIES else "")
ZONE = Rule("a zone by the IANA such as Asia/Shanghai", lambda text: text in zones(), _zone_hint)


def text_in(raw: Any) -> str:
    """A cell of a file as text without the blanks around it; "" for none. Raises CellFault."""
    if raw is None:
        return ""
    if isinstance(raw, str):
        return raw.strip()
    if isinstance(raw, bool):
        return "true" if raw else "false"
    if isinstance(raw, (list, dict)):
        raise CellFault("wanted a text or a number")
    return str(raw).strip()


def value_of(kind: ColumnKind, raw: Any, rule: Rule | None = None) -> Any:
    """A cell of a file as a value: text codes, ms, days; the unknown value for an empty cell. Raises CellFault."""
    if kind == "list":
        return tuple(keep(item) for item in items_of(raw))
    text = text_in(raw)
    if not text:
        return UNKNOWN[kind]
    value = READERS[kind](text)
    if rule is not None and not rule.fits(value):
        raise CellFault(f"wanted {rule.wanted}", rule.hint(text) if rule.hint else "")
    return keep(value) if kind == "text" else value


def items_of(raw: Any) -> list[str]:
    """The texts of a list cell: a JSON list, or texts separated by `;` or `|`. Raises CellFault."""
    if isinstance(raw, str) and raw.strip().startswith("["):
        try:
            raw = json.loads(raw)
        except ValueError as error:
            raise CellFault("wanted texts separated by ; or a JSON list") from error
    parts = [text_in(item) for item in raw] if isinstance(raw, list) else text_in(raw).replace("|", ";").split(";")
    return [part.strip() for part in parts if part.strip()]


def whole(text: str) -> int:
    """A whole number below 2^53; `500.0` is one. Raises CellFault."""
    if not WHOLE.fullmatch(text) or abs(value := int(text.partition(".")[0])) >= MOST:
        raise CellFault("wanted a whole number")
    return value


def number(text: str) -> float:
    """A finite number. Raises CellFault."""
    if not NUMBER.fullmatch(text) or abs(value := float(text)) >= MOST:
        raise CellFault("wanted a number", "write the decimal sign as a point" if "," in text else "")
    return value


def truth(text: str) -> bool:
    """A boolean. Raises CellFault."""
    if text.lower() not in TRUE | FALSE:
        raise CellFault("wanted true or false")
    return text.lower() in TRUE


def civil_day(text: str) -> int:
    """Days since 1970 of a date; of an RFC 3339 time the day written in it. Raises CellFault."""
    if not DATE.fullmatch(text) and not TIME.fullmatch(text):
        raise CellFault("wanted a date YYYY-MM-DD", _date_hint(text))
    try:
        return (date.fromisoformat(text[:10]) - EPOCH.date()).days
    except ValueError as error:
        raise CellFault("wanted a date YYYY-MM-DD", "there is no such day") from error


def moment(raw: Any) -> int:
    """Epoch ms of an RFC 3339 time (cut off to the ms) or of a date (its midnight UTC); no value is always. Raises CellFault."""
    text = text_in(raw)
    if not text:
        return ALWAYS
    wanted = "wanted an RFC 3339 time or a date YYYY-MM-DD"
    if not DATE.fullmatch(text) and not TIME.fullmatch(text):
        raise CellFault(wanted, _date_hint(text))
    try:
        parsed = datetime.fromisoformat(text.upper())
    except ValueError as error:
        raise CellFault(wanted, "there is no such day or time") from error
    return (parsed.replace(tzinfo=parsed.tzinfo or UTC) - EPOCH) // timedelta(milliseconds=1)


def _date_hint(text: str) -> str:
    if re.fullmatch(r"[0-9]{8}", text):
        return f"write {text[:4]}-{text[4:6]}-{text[6:]}"
    if re.fullmatch(r"-?[0-9]+", text):
        return "epoch seconds, milliseconds and a spreadsheet's day numbers are not read"
    if re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9:.]+", text):
        return "it lacks an offset or its seconds: 2026-05-01T00:00:00Z or 2026-05-01T00:00:00+08:00"
    return ""


READERS: dict[ColumnKind, Callable[[str], Any]] = {"text": str, "int": whole, "float": number, "bool": truth, "date": civil_day}
