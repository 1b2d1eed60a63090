"""Where the simulated customers are, cities with cells and networks abroad, and what they have: phones."""

from __future__ import annotations

CITIES = ("310000", "110000", "330100", "440100", "320500", "530100", "610100", "510100", "460200", "420100")
"""GB/T 2260 codes; the first is where most live."""
CELLS = 40
"""Cells of each city."""
ABROAD = (("208-01", "FR", "europe"), ("440-10", "JP", "asia"), ("234-15", "GB", "europe"), ("520-01", "TH", "asia"))
"""PLMN, country, roaming zone."""
HOME_PLMN = "460-00"
TACS = (("35331109", "Aurora", "A4", False), ("35407115", "Aurora", "A5 5G", True), ("86012305", "Borealis", "B2", False), ("86455204", "Borealis", "B7 5G", True))
"""Invented devices: TAC, brand, model, 5G."""


def cell(city: str, number: int) -> str:
    """The id of a cell."""
    return f"{HOME_PLMN}-{city}-{number % CELLS:02d}"
