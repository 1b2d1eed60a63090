"""Civil time by datetime and zoneinfo; epoch ms elsewhere."""

from __future__ import annotations

from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def local(ms: int, zone: str) -> datetime:
    return (EPOCH + timedelta(milliseconds=ms)).astimezone(ZoneInfo(zone))


def to_ms(moment: datetime) -> int:
    """What is finer than a millisecond is cut off."""
    return (moment.astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)


@lru_cache(maxsize=100_000)
def civil_day(ms: int, zone: str) -> date:
    return local(ms, zone).date()


@lru_cache(maxsize=100_000)
def at(day: date, clock: time, zone: str) -> int:
    return to_ms(datetime.combine(day, clock, ZoneInfo(zone)))


def midnight(day: date, zone: str) -> int:
    return at(day, time(0), zone)


def later(ms: int, days: int, zone: str) -> int:
    """The same civil time some days later: gaps shifted forward, of two the first."""
    moment = local(ms, zone).replace(tzinfo=None, fold=0) + timedelta(days=days)
    return to_ms(moment.replace(tzinfo=ZoneInfo(zone)))


def day_of_month(year: int, month: int, day: int) -> date:
    """That day, or the last one of a shorter month."""
    return date(year, month, min(day, monthrange(year, month)[1]))


def months_later(day: date, months: int) -> date:
    """The same day of the month; the last one of a shorter month."""
    years, month = divmod(day.month - 1 + months, 12)
    return day_of_month(day.year + years, month + 1, day.day)


def next_six(ms: int, zone: str) -> int:
    """The first 06:00 that is not before `ms`."""
    day = civil_day(ms, zone)
    today = at(day, time(6), zone)
    return today if today >= ms else at(day + timedelta(days=1), time(6), zone)


def parsed(text: str) -> int:
    """Epoch ms of an RFC 3339 text; a leap second is the end of the second before."""
    text = text.upper().replace(" ", "T")
    if text[17:19] == "60":
        tail = text[19:].lstrip(".0123456789")
        text = f"{text[:17]}59.999{tail}"
    return to_ms(datetime.fromisoformat(text))


def shown(ms: int) -> str:
    """RFC 3339 in UTC with ms."""
    return (EPOCH + timedelta(milliseconds=ms)).strftime("%Y-%m-%dT%H:%M:%S.") + f"{ms % 1000:03d}Z"
