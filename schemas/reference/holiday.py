"""Public holidays: by the `holidays` package (MIT), country by country as they are asked for, or from a file."""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.codes import keep, text_of
from schemas.reference.table import Column, Ints, Row, Table

YEARS = range(2010, 2037)


class Holidays(Table):
    """`holidays.csv`: date, name, kind (holiday, makeup_workday), country."""

    name, file, key = "holiday", "holidays", "date"
    columns = {
        "date": Column("date", required=True),
        "name": Column("text"),
        "kind": Column("text"),
        "country": Column("text", ("country_code",)),
    }

    def __init__(self, rows: Any, faults: list[str], country: str, *, default: bool) -> None:
        super().__init__(rows, faults)
        self.default = default
        self.days: dict[int, dict[int, int]] = {}
        kinds, own = (keep("holiday"), 0), keep(country)
        for at in range(self.size):
            if self.data["kind"][at] in kinds:
                of = int(self.data["country"][at]) or own
                self.days.setdefault(of, {})[int(self.data["date"][at])] = int(self.data["name"][at]) or keep("holiday")

    def holiday(self, countries: Ints, days: Ints, times: Ints) -> Ints:
        """The name of the holiday that each civil day (days since 1970) is in each country; 0 where it is none."""
        del times
        return np.array([self._of(country).get(day, 0) for country, day in zip(countries.tolist(), days.tolist(), strict=True)], np.int64)

    def _of(self, country: int) -> dict[int, int]:
        if self.default and country and country not in self.days:
            self.days[country] = from_package(text_of(country))
        return self.days.get(country, {})


def from_package(country: str) -> dict[int, int]:
    """The public holidays of a country, by day; none for a country the package does not know."""
    from datetime import date

    import holidays

    if country not in holidays.list_supported_countries():
        return {}
    return {(day - date(1970, 1, 1)).days: keep(name) for day, name in holidays.country_holidays(country, years=YEARS).items()}


__all__ = ["Holidays", "Row"]
