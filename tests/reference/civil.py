"""Civil time by datetime and zoneinfo."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def local(ms: int, zone: str) -> datetime:
    return (EPOCH + timedelta(milliseconds=ms)).astimezone(ZoneInfo(zone))


def to_ms(moment: datetime) -> int:
    return (moment.astimezone(UTC) - EPOCH) // timedelta(milliseconds=1)


def civil_day(ms: int, zone: str) -> date:
    return local(ms, zone).date()


def at(day: date, clock: time, zone: str) -> int:
    return to_ms(datetime.combine(day, clock, ZoneInfo(zone)))


def later(ms: int, days: int, zone: str) -> int:
    moment = local(ms, zone).replace(tzinfo=None, fold=0) + timedelta(days=days)
    return to_ms(moment.replace(tzinfo=ZoneInfo(zone)))
