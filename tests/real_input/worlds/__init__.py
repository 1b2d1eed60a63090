"""Public tables as the raw records and reference tables of five operators, for the counts in `plain`.

What a table does not have and no counted rule decides by is a constant; what a rule decides by comes from the table. Four things are ours: wallets hold
at least 70.00, so that they run empty (`togo`); a call without length is a missed one that came in, all others go out (`america`); home is where most of
a person's records are, and which cities people visit (`boston`). Ids of customer, account and line are one. Amounts become minor units by two decimals.
"""

from tests.real_input.worlds.america import america
from tests.real_input.worlds.boston import boston
from tests.real_input.worlds.complaints import complaints
from tests.real_input.worlds.london import by_hour, london
from tests.real_input.worlds.togo import by_day, togo

WORLDS = {"togo": togo, "by_day": by_day, "london": london, "by_hour": by_hour, "america": america, "boston": boston, "complaints": complaints}
