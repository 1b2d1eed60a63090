"""Networks: which country a PLMN is in, and which are home. The default is our own table of mobile country and network codes."""

from __future__ import annotations

from typing import Any

import numpy as np

from schemas.codes import code, keep, text_of
from schemas.columns import Ints
from schemas.reference.table import Column, ReferenceTable, Truths
from schemas.reference.values import COUNTRY, PLMN

SHARED = frozenset({"234", "310", "311", "313", "338", "340", "362", "425", "505", "647"})
"""Mobile country codes (ITU E.212) of several countries: of an unlisted network such a code says nothing."""


class Plmns(ReferenceTable):
    """The country of each network, by MCC-MNC, or by an MCC alone for all other networks of that code."""

    name, file, key = "plmn", "plmn", "plmn"
    joined = ("plmn", "mcc", "mnc")
    columns = {
        "plmn": Column("text", ("mcc_mnc", "mccmnc", "mcc-mnc"), needed=True, rule=PLMN, about="MCC-MNC such as 460-00, or an MCC alone; or columns mcc and mnc"),
        "country": Column("text", ("country_code", "iso"), required=True, needed=True, rule=COUNTRY, about="country, alpha-2"),
        "operator": Column("text", ("network",), about="who runs it"),
        "home": Column("bool", ("is_home",), about="whether it is the operator's own"),
        "roam_zone": Column("text", ("zone",), about="roaming zone, as `zone` of offerings.csv"),
    }

    def __init__(self, rows: Any, faults: Any, country: str, *, default: bool) -> None:
        super().__init__(rows, faults)
        self.default = default
        if default:
            self.data["home"][:-1] = self.data["country"][:-1] == keep(country)
        homes = np.unique(self.data["country"][:-1][self.data["home"][:-1] == 1])
        self.home_code = int(homes[0]) if len(homes) == 1 else keep(country)
        self._alike = self._countries_of_mcc()
        self._mcc: dict[int, int] = {}

    def _countries_of_mcc(self) -> dict[str, int]:
        """The country of each MCC whose networks are all in one, for codes that are no other country's."""
        countries: dict[str, set[int]] = {}
        for plmn, country in zip(self.keys.tolist(), self.data["country"].tolist(), strict=False):
            countries.setdefault(text_of(plmn)[:3], set()).add(country)
        return {mcc: next(iter(found)) for mcc, found in countries.items() if len(found) == 1 and mcc not in SHARED}

    def country(self, plmns: Ints, times: Ints) -> Ints:
        """The country of each network, alpha-2; by its MCC where the MCC has one country; 0 where unknown."""
        row = self._row(plmns, times)
        found: Ints = self.data["country"][row].copy()
        for at in np.flatnonzero((row < 0) & (plmns != 0)).tolist():
            found[at] = self._alike.get(text_of(int(plmns[at]))[:3], 0)
        return found

    def _row(self, plmns: Ints, times: Ints) -> Ints:
        """The row of each network, else that of its MCC alone; -1 where there is neither."""
        row = self.find(plmns, times)
        unlisted = np.flatnonzero((row < 0) & (plmns != 0))
        if len(unlisted):
            row[unlisted] = self.find(np.array([self._mcc_of(plmn) for plmn in plmns[unlisted].tolist()], np.int64), times[unlisted])
        return row

    def _mcc_of(self, plmn: int) -> int:
        if plmn not in self._mcc:
            self._mcc[plmn] = code(text_of(plmn)[:3])
        return self._mcc[plmn]

    def home(self, plmns: Ints, times: Ints) -> Truths:
        """Whether each network is the operator's own: 1, 0, or UNSURE."""
        return self.data["home"][self._row(plmns, times)]

    def roam_zone(self, plmns: Ints, times: Ints) -> Ints:
        """The roaming zone of each network; 0 where unknown."""
        return self.data["roam_zone"][self._row(plmns, times)]

    def home_country(self, times: Ints) -> Ints:
        """The operator's country, once for each time."""
        return np.full(len(times), self.home_code)
