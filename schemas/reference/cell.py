"""Cells: where an antenna is. No default: a network's cells are its own."""

from __future__ import annotations

from schemas.columns import Ints
from schemas.reference.table import Column, ReferenceTable
from schemas.reference.values import between


class Cells(ReferenceTable):
    """Which city each cell is in."""

    name, file, key = "cell", "cells", "cell_id"
    columns = {
        "cell_id": Column("text", ("cell",), needed=True, about="as in the records", ids=True),
        "city_code": Column("text", ("city",), needed=True, about="the city, as in cities.csv"),
        "lat": Column("float", ("latitude",), rule=between(-90, 90), about="degrees north"),
        "lon": Column("float", ("lng", "longitude"), rule=between(-180, 180), about="degrees east"),
        "poi_tags": Column("list", ("poi", "tags"), about="airport, rail_station, scenic, campus, …, separated by `;`"),
    }

    def city(self, cells: Ints, times: Ints) -> Ints:
        """The city of each cell; 0 where unknown."""
        return self.get("city_code", cells, times)
