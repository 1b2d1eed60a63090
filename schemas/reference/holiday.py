"""Public holidays: by the `holidays` package (MIT), country by country and year by year as they are asked for, or from a file."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np

from schemas.codes import UNSURE, keep, text_of
from schemas.columns import Ints
from schemas.reference.table import Column, ReferenceTable, Truths
from schemas.reference.values import ALWAYS, COUNTRY, one_of

FIRST = date(1970, 1, 1)


class Holidays(ReferenceTable):
    """The calendar of each country. A year in which it has a row is covered: a day without a row is an ordinary one."""

    name, file, key, unique = "holiday", "holidays", "date", ("date", "country")
    columns = {
        "date": Column("date", required=True, needed=True, about="the day"),
        "name": Column("text", about="what the holiday is called"),
        "kind": Column("text", rule=one_of("holiday", "makeup_workday"), about="none: holiday; makeup_workday: worked, in exchange for another day"),
        "country": Column("text", ("country_code",), rule=COUNTRY, about="none: the operator's own"),
    }

    def __init__(self, rows: Any, faults: Any, country: str, *, default: bool) -> None:
        super().__init__(rows, faults)
        self.default = default
        self.days: dict[tuple[int, int | None], dict[int, list[tuple[int, int]]]] = {}
        """By country and year: by day (days since 1970) what it is called from a moment on; 0 is no holiday."""
        makeup, own = keep("makeup_workday"), keep(country)
        for at in range(self.size):
            of, day = int(self.data["country"][at]) or own, int(self.data["date"][at])
            name = 0 if self.data["kind"][at] == makeup else int(self.data["name"][at]) or keep("holiday")
            self.days.setdefault((of, year_of(day)), {}).setdefault(day, []).append((int(self.valid_from[at]), name))

    def holiday(self, countries: Ints, days: Ints, times: Ints) -> Ints:
        """The name of the holiday that each civil day (days since 1970) is in each country; 0 where it is none, or unknown."""
        asked = zip(countries.tolist(), days.tolist(), times.tolist(), strict=True)
        return np.array([self._name(country, day, time) for country, day, time in asked], np.int64)

    def is_holiday(self, countries: Ints, days: Ints, times: Ints) -> Truths:
        """Whether each civil day is a holiday in each country: 1, 0, or UNSURE in years that the calendar does not cover."""
        asked = zip(countries.tolist(), days.tolist(), times.tolist(), strict=True)
        known = (UNSURE if self._year(country, day) is None else int(self._name(country, day, time) != 0) for country, day, time in asked)
        return np.fromiter(known, np.int8, len(countries))

    def coverage(self, country: str) -> tuple[int, int] | None:
        """The first and last year that the calendar of a country covers; None for a country it does not have."""
        if self.default:
            return packaged_years(country)
        years = [year for of, year in self.days if of == keep(country) and year is not None]
        return (min(years), max(years)) if years else None

    def _name(self, country: int, day: int, time: int) -> int:
        rows = (self._year(country, day) or {}).get(day, ())
        return max(((begin, name) for begin, name in rows if begin <= time), default=(0, 0))[1]

    def _year(self, country: int, day: int) -> dict[int, list[tuple[int, int]]] | None:
        """The holidays of the year of `day`; None for a year that is not covered."""
        year = year_of(day) if country else None
        if year is None:
            return None
        if self.default and (country, year) not in self.days:
            packaged = from_package(text_of(country), year)
            if packaged is None:
                return None
            self.days[country, year] = {of: [(ALWAYS, name)] for of, name in packaged.items()}
        return self.days.get((country, year))


def year_of(day: int) -> int | None:
    """The year of a civil day; None beyond the calendar."""
    try:
        return (FIRST + timedelta(days=day)).year
    except OverflowError:
        return None


def packaged_years(country: str) -> tuple[int, int] | None:
    """The first and last year the `holidays` package has for a country; None for a country it does not have."""
    import holidays

    if country not in holidays.list_supported_countries():
        return None
    calendar = holidays.country_holidays(country)
    return calendar.start_year, calendar.end_year


def from_package(country: str, year: int) -> dict[int, int] | None:
    """The public holidays of a country in a year, by day; None where the package does not cover it."""
    years = packaged_years(country)
    if years is None or not years[0] <= year <= years[1]:
        return None
    import holidays

    return {(day - FIRST).days: keep(name) for day, name in holidays.country_holidays(country, years=year).items()}
