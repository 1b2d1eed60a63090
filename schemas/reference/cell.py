"""Cells: where an antenna is. No default: a network's cells are its own."""

from __future__ import annotations

from schemas.reference.table import Column, Ints, Table


class Cells(Table):
    """`cells.csv`: cell_id, city_code, lat, lon, poi_tags (airport, rail_station, scenic, campus, …, separated by `;`)."""

    name, file, key = "cell", "cells", "cell_id"
    columns = {
        "cell_id": Column("text", ("cell",)),
        "city_code": Column("text", ("city",)),
        "lat": Column("float", ("latitude",)),
        "lon": Column("float", ("lng", "longitude")),
        "poi_tags": Column("list", ("poi", "tags")),
    }

    def city(self, cells: Ints, times: Ints) -> Ints:
        """The city of each cell; 0 where unknown."""
        return self.get("city_code", cells, times)
