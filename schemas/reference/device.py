"""Devices by TAC. No default: the allocation list is GSMA's."""

from __future__ import annotations

from schemas.columns import Ints
from schemas.reference.table import Column, ReferenceTable, Truths
from schemas.reference.values import TAC


class Devices(ReferenceTable):
    """What each type of device is, by type allocation code."""

    name, file, key = "device", "devices", "tac"
    columns = {
        "tac": Column("text", needed=True, rule=TAC, about="type allocation code, 8 digits", ids=True),
        "brand": Column("text", ("manufacturer",), about="brand"),
        "model": Column("text", about="model"),
        "is_5g": Column("bool", ("5g",), about="whether it knows 5G"),
        "esim": Column("bool", about="whether it takes an eSIM"),
        "release_date": Column("date", about="first day of sale"),
        "os": Column("text", about="operating system"),
    }

    def brand(self, tacs: Ints, times: Ints) -> Ints:
        """The brand of each device; 0 where unknown."""
        return self.get("brand", tacs, times)

    def model(self, tacs: Ints, times: Ints) -> Ints:
        """The model of each device; 0 where unknown."""
        return self.get("model", tacs, times)

    def is_5g(self, tacs: Ints, times: Ints) -> Truths:
        """Whether each device knows 5G: 1, 0, or UNSURE."""
        return self.get("is_5g", tacs, times)
