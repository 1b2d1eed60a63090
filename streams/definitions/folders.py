"""Definitions from folders outside any package: however one file imports another, it is one module.

A folder `mine` of family/event.py files is the package `own_definitions_0`; `balance.other`, `mine.balance.other` and relative
imports all give its modules, with any working directory and PYTHONPATH.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

PACKAGE = "own_definitions_"


class SameModule(Loader):
    """Returns the module that is loaded already under another name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def exec_module(self, module: ModuleType) -> None:
        """Put the one module in the place of `module`."""
        assert module.__spec__ is not None  # importlib has set it
        sys.modules[module.__spec__.name] = importlib.import_module(self.name)


class Folders(MetaPathFinder):
    """The folders of definitions that were loaded in this process, and the names that their files go by."""

    def __init__(self) -> None:
        self.roots: list[Path] = []
        self.active: list[int] = []
        """Numbers of the folders of the catalogue that was loaded last: only their files go by short names."""

    def begin(self) -> None:
        """Forget the short names of earlier folders, before a catalogue is loaded."""
        self.active.clear()
        for name, module in list(sys.modules.items()):
            if getattr(module, "__name__", "").startswith(PACKAGE) and name != module.__name__:
                del sys.modules[name]

    def package_of(self, folder: Path) -> str:
        """The package of `folder`, read from its files at the next import."""
        root = folder.resolve()
        if root not in self.roots:
            self.roots.append(root)
        if self not in sys.meta_path:
            sys.meta_path.insert(0, self)
        self.active.append(self.roots.index(root))
        package = f"{PACKAGE}{self.active[-1]}"
        for name, module in list(sys.modules.items()):
            if f"{getattr(module, '__name__', '')}.".startswith(f"{package}."):
                del sys.modules[name]
        importlib.invalidate_caches()
        return package

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None) -> ModuleSpec | None:
        """The spec of a module of a folder, by its own name or by one that definitions may use."""
        del path, target
        head, _, rest = name.partition(".")
        if head.startswith(PACKAGE):
            return spec_of(name, self.roots[int(head.removeprefix(PACKAGE))].joinpath(*filter(None, rest.split("."))))
        known = self.own_name(name)
        return ModuleSpec(name, SameModule(known)) if known else None

    def own_name(self, name: str) -> str | None:
        """The one name of the module that `name` means; None for what is not of a folder."""
        for number, root in ((number, self.roots[number]) for number in self.active):
            parts = name.split(".")
            if parts[0] == root.name:
                del parts[0]
            place = root.joinpath(*parts)
            if (place.is_dir() or place.with_suffix(".py").is_file()) and not self._is_foreign(name.split(".", maxsplit=1)[0], root):
                return ".".join([f"{PACKAGE}{number}", *parts])
        return None

    def _is_foreign(self, top: str, root: Path) -> bool:
        """Whether `top` is a package or module from elsewhere, which goes before a folder's."""
        if top in sys.builtin_module_names:
            return True
        for finder in sys.meta_path:
            spec = finder.find_spec(top, None) if finder is not self and hasattr(finder, "find_spec") else None
            if spec is not None:
                places = [spec.origin] if spec.origin else list(spec.submodule_search_locations or ())
                return not any(Path(place).resolve().is_relative_to(root) for place in places)
        return False


def spec_of(name: str, place: Path) -> ModuleSpec | None:
    """The spec of the module or package at `place`."""
    file = place.with_suffix(".py")
    if file.is_file() and not place.is_dir():
        return importlib.util.spec_from_file_location(name, file)
    if not place.is_dir():
        return None
    if (place / "__init__.py").is_file():
        return importlib.util.spec_from_file_location(name, place / "__init__.py", submodule_search_locations=[str(place)])
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(place)]
    return spec


FOLDERS = Folders()
