"""Values as a mapping writes them."""

from __future__ import annotations

import json
import re
from typing import Any


def toml(value: Any) -> str:
    """A value as TOML.

    >>> toml({"kind": ["a", "b"], "row type": True})
    '{ kind = ["a", "b"], "row type" = true }'
    """
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key if re.fullmatch('[A-Za-z0-9_-]+', key) else toml(key)} = {toml(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(map(toml, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
