"""Devices by TAC. No default: the allocation list is GSMA's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from schemas.reference.table import Column, Ints, Table


class Devices(Table):
    """`devices.csv`: tac (8 digits), brand, model, is_5g, esim, release_date, os."""

    name, file, key = "device", "devices", "tac"
    columns = {
        "tac": Column("text"),
        "brand": Column("text", ("manufacturer",)),
        "model": Column("text"),
        "is_5g": Column("bool", ("5g",)),
        "esim": Column("bool"),
        "release_date": Column("date"),
        "os": Column("text"),
    }

    def brand(self, tacs: Ints, times: Ints) -> Ints:
        """The brand of each device."""
        return self.get("brand", tacs, times)

    def model(self, tacs: Ints, times: Ints) -> Ints:
        """The model of each device."""
        return self.get("model", tacs, times)

    def is_5g(self, tacs: Ints, times: Ints) -> npt.NDArray[np.bool_]:
        """Whether each device knows 5G; false where unknown."""
        return self.get("is_5g", tacs, times)
