"""Networks: which country a PLMN is in, and which are home. The default is our own table of mobile country codes."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from schemas.codes import keep, text_of
from schemas.reference.table import Column, Ints, Row, Table


class Plmns(Table):
    """`plmn.csv`: plmn (MCC-MNC, or an MCC alone for the whole country), country, operator, home, roam_zone."""

    name, file, key = "plmn", "plmn", "plmn"
    columns = {
        "plmn": Column("text", ("mcc_mnc", "mccmnc", "mcc-mnc")),
        "country": Column("text", ("country_code", "iso")),
        "operator": Column("text", ("network",)),
        "home": Column("bool", ("is_home",)),
        "roam_zone": Column("text", ("zone",)),
    }

    def __init__(self, rows: Any, faults: list[str], country: str, *, default: bool) -> None:
        super().__init__([self._joined(row) for row in rows], faults)
        if default:
            self.data["home"][:-1] = self.data["country"][:-1] == keep(country)
        homes = np.unique(self.data["country"][:-1][self.data["home"][:-1]])
        self.home_code = int(homes[0]) if len(homes) == 1 else keep(country)
        self.of_mcc = self._countries_of_mcc()
        self._mcc_of: dict[int, int] = {}

    @staticmethod
    def _joined(row: Row) -> Row:
        names = {str(name).strip().lower(): name for name in row.values}
        if "mcc" in names and "mnc" in names and not {"plmn", "mcc_mnc", "mccmnc", "mcc-mnc"} & set(names):
            return Row(row.where, {**row.values, "plmn": f"{row.values[names['mcc']]}-{row.values[names['mnc']]}"})
        return row

    def _countries_of_mcc(self) -> dict[str, int]:
        """The country of each MCC that is in one country only."""
        countries: dict[str, set[int]] = {}
        for plmn, country in zip(self.keys.tolist(), self.data["country"].tolist(), strict=False):
            countries.setdefault(text_of(plmn)[:3], set()).add(country)
        return {mcc: next(iter(found)) for mcc, found in countries.items() if len(found) == 1}

    def country(self, plmns: Ints, times: Ints) -> Ints:
        """The country of each network, alpha-2; by its MCC where only that is known."""
        found: Ints = self.get("country", plmns, times).copy()
        for at in np.flatnonzero((found == 0) & (plmns != 0)).tolist():
            found[at] = self._by_mcc(int(plmns[at]))
        return found

    def _by_mcc(self, plmn: int) -> int:
        if plmn not in self._mcc_of:
            self._mcc_of[plmn] = self.of_mcc.get(text_of(plmn)[:3], 0)
        return self._mcc_of[plmn]

    def home(self, plmns: Ints, times: Ints) -> npt.NDArray[np.bool_]:
        """Whether each network is the operator's own."""
        return self.get("home", plmns, times)

    def home_country(self, times: Ints) -> Ints:
        """The operator's country, once for each time."""
        return np.full(len(times), self.home_code)
