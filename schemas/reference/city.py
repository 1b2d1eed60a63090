"""Cities: names, countries, coordinates, and which of them people visit. The default is our own small table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from schemas.codes import NULL, UNSURE
from schemas.columns import Bools, Ints
from schemas.reference.fault import Fault
from schemas.reference.table import Column, ReferenceTable, Truths
from schemas.reference.values import COUNTRY, ZONE, between

if TYPE_CHECKING:
    from schemas.reference.reading import Row

EARTH_KM = 6371.0


class Cities(ReferenceTable):
    """What each city is called, where it is, and whether people visit it."""

    name, file, key = "city", "cities", "city_code"
    columns = {
        "city_code": Column("text", ("city", "code"), needed=True, about="GB/T 2260 or UN/LOCODE"),
        "name": Column("text", ("city_name",), about="name"),
        "province": Column("text", about="province or state"),
        "country": Column("text", ("country_code",), rule=COUNTRY, about="country, alpha-2"),
        "tourist": Column("bool", ("is_tourist",), about="whether people visit it"),
        "tz": Column("text", ("timezone", "zone"), rule=ZONE, about="zone of the IANA"),
        "lat": Column("float", ("latitude",), rule=between(-90, 90), about="degrees north"),
        "lon": Column("float", ("lng", "longitude"), rule=between(-180, 180), about="degrees east"),
    }

    def check(self, row: Row, values: dict[str, Any], faults: list[Fault]) -> None:
        """A place has both coordinates or none."""
        if (values["lat"] is None) != (values["lon"] is None):
            faults.append(Fault(row.file, row.place, "lat", "wanted lat and lon, both or neither", "one of them"))

    def names(self, cities: Ints, times: Ints) -> Ints:
        """The name of each city; 0 where unknown."""
        return self.get("name", cities, times)

    def country(self, cities: Ints, times: Ints) -> Ints:
        """The country of each city, alpha-2; 0 where unknown."""
        return self.get("country", cities, times)

    def tourist(self, cities: Ints, times: Ints) -> Truths:
        """Whether each city is one that people visit: 1, 0, or UNSURE."""
        return self.get("tourist", cities, times)

    def has_tourist_city(self, countries: Ints, times: Ints) -> Truths:
        """Whether some city of each country is a tourist city: 1, 0, or UNSURE.

        Known of countries with a tourist city, and of those whose cities in the table are all known to be none.
        """
        tourist = self.data["tourist"][:-1]
        some, doubtful, any_city = (self._some(picked, countries, times) for picked in (tourist == 1, tourist == UNSURE, np.ones(self.size, bool)))
        return np.where(some, 1, np.where(any_city & ~doubtful, 0, UNSURE)).astype(np.int8)

    def _some(self, picked: Bools, countries: Ints, times: Ints) -> Bools:
        """Whether some picked row of each country is valid at its time."""
        found = np.zeros(len(countries), bool)
        ends = self.versions.ends()
        for country in np.unique(countries[countries != 0]).tolist():
            rows = np.flatnonzero(picked & (self.data["country"][:-1] == country))
            asked = np.flatnonzero(countries == country)
            begins, until = np.sort(self.valid_from[rows]), np.sort(ends[rows])
            found[asked] = np.searchsorted(begins, times[asked], "right") > np.searchsorted(until, times[asked], "right")
        return found

    def distance_km(self, a: Ints, b: Ints, times: Ints) -> Ints:
        """Great-circle distance by the haversine formula with R = 6371 km, rounded half up; NULL where a place is unknown."""
        one, other = self.find(a, times), self.find(b, times)
        lat1, lon1 = np.radians(self.data["lat"][one]), np.radians(self.data["lon"][one])
        lat2, lon2 = np.radians(self.data["lat"][other]), np.radians(self.data["lon"][other])
        h = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
        km = 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(h, 0, 1)))
        return np.where(np.isnan(km), NULL, np.floor(np.nan_to_num(km) + 0.5).astype(np.int64))
