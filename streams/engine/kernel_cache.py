"""Where compiled kernels are kept, so that only the first start compiles them (about a minute).

Numba finds a compiled kernel by the content of its own file alone. A kernel also holds the code of the kernels it calls and the numbers
it reads from other files, so each file has a folder of its own that is named by these too: after an upgrade nothing old runs.

The folders are in `__pycache__` beside this file, or in NUMBA_CACHE_DIR; where that cannot be written, as in a read-only
container, in the folder for temporary files. What was compiled when Kairos was installed is copied from there.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numba import config

INSTALLED = Path(__file__).parent / "__pycache__" / "kernels"
DIGESTS: dict[str, str] = {}
"""By module, the digest of what its kernels are made of."""


@cache
def home() -> Path:
    """The folder of this process; it can be written."""
    if named := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(named)
    place = INSTALLED if INSTALLED.is_dir() else INSTALLED.parent.parent
    return INSTALLED if os.access(place, os.W_OK) else Path(tempfile.gettempdir()) / f"kairos-kernels-{os.getuid()}"


def digest(function: Callable[..., Any]) -> str:
    """Digest of the file of `function` and of all that its module has imported from others: kernels, by their files' digests, and numbers."""
    module = function.__module__
    if module not in DIGESTS:
        parts = [Path(function.__code__.co_filename).read_bytes()]
        for name, value in sorted(function.__globals__.items()):
            origin = getattr(value, "__module__", None)
            if isinstance(value, bool | int | float | tuple | np.generic):
                parts.append(f"{name}={value!r}".encode())
            elif origin in DIGESTS and origin != module:
                parts.append(f"{name}={DIGESTS[origin]}".encode())
        DIGESTS[module] = hashlib.blake2b(b"\0".join(parts), digest_size=8).hexdigest()
    return DIGESTS[module]


def keep_compiled(function: Callable[..., Any]) -> None:
    """Have numba keep the next kernel, `function`, in the folder of its file."""
    if config.DISABLE_JIT:  # type: ignore[attr-defined]  # set when the module is loaded
        return
    checked = "-checked" if config.BOUNDSCHECK else ""  # type: ignore[attr-defined]  # numba's index does not distinguish these
    name = f"{function.__module__.rpartition('.')[2]}-{digest(function)}{checked}"
    folder = home() / name
    if not folder.is_dir() and home() != INSTALLED and (INSTALLED / name).is_dir():
        home().mkdir(parents=True, exist_ok=True)
        fresh = Path(tempfile.mkdtemp(dir=home()))
        shutil.copytree(INSTALLED / name, fresh, dirs_exist_ok=True)
        try:
            fresh.rename(folder)
        except OSError:  # another process was first
            shutil.rmtree(fresh)
    config.CACHE_DIR = str(folder)  # type: ignore[attr-defined]


__all__ = ["keep_compiled"]
