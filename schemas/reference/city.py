"""Cities: names, countries, coordinates, and which of them people visit. The default is our own small table."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.codes import NULL
from schemas.reference.table import Column, Ints, Row, Table

EARTH_KM = 6371.0


class Cities(Table):
    """`cities.csv`: city_code (GB/T 2260 or UN/LOCODE), name, province, country, tourist, tz, lat, lon."""

    name, file, key = "city", "cities", "city_code"
    columns = {
        "city_code": Column("text", ("city", "code")),
        "name": Column("text", ("city_name",)),
        "province": Column("text"),
        "country": Column("text", ("country_code",)),
        "tourist": Column("bool", ("is_tourist",)),
        "tz": Column("text", ("timezone", "zone")),
        "lat": Column("float", ("latitude",)),
        "lon": Column("float", ("lng", "longitude")),
    }

    def __init__(self, rows: Any, faults: list[str]) -> None:
        super().__init__(rows, faults)
        self.visited = np.unique(self.data["country"][:-1][self.data["tourist"][:-1]])

    def names(self, cities: Ints, times: Ints) -> Ints:
        """The name of each city."""
        return self.get("name", cities, times)

    def country(self, cities: Ints, times: Ints) -> Ints:
        """The country of each city, alpha-2."""
        return self.get("country", cities, times)

    def tourist(self, cities: Ints, times: Ints) -> npt.NDArray[np.bool_]:
        """Whether each city is one that people visit."""
        return self.get("tourist", cities, times)

    def has_tourist_city(self, countries: Ints, times: Ints) -> npt.NDArray[np.bool_]:
        """Whether some city of each country is a tourist city."""
        del times
        return np.isin(countries, self.visited) & (countries != 0)

    def distance_km(self, a: Ints, b: Ints, times: Ints) -> Ints:
        """Great-circle distance by the haversine formula with R = 6371 km, rounded half up; NULL where a place is unknown."""
        one, other = self.find(a, times), self.find(b, times)
        lat1, lon1 = np.radians(self.data["lat"][one]), np.radians(self.data["lon"][one])
        lat2, lon2 = np.radians(self.data["lat"][other]), np.radians(self.data["lon"][other])
        h = np.sin((lat2 - lat1) / 2) ** 2 + np.cos(lat1) * np.cos(lat2) * np.sin((lon2 - lon1) / 2) ** 2
        km = 2 * EARTH_KM * np.arcsin(np.sqrt(np.clip(h, 0, 1)))
        return np.where(np.isnan(km), NULL, np.floor(np.nan_to_num(km) + 0.5).astype(np.int64))


__all__ = ["Cities", "Row"]
