"""The extensible lists of markers, populations and injected cell types: `data/vocabulary.toml`."""

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from endomtor import paths
from endomtor.errors import EndomtorError

PATHWAYS = ("mTORC1", "mTORC2", "other")
DIRECTIONS = ("up", "down", "undeclared")


@dataclass(frozen=True)
class Vocabulary:
    """Known names.

    Attributes
    ----------
    markers : dict[str, str]
        Phospho-protein -> mTORC1, mTORC2 or other.
    populations : dict[str, str]
        Marrow population -> what it is.
    cell_types : dict[str, str]
        Injected cells -> how the frequency that limiting dilution reads moves with age: up, down or undeclared.
    """

    markers: dict[str, str]
    populations: dict[str, str]
    cell_types: dict[str, str]


def vocabulary() -> Vocabulary:
    """Return the names of `data/vocabulary.toml`.

    `EndomtorError`: the file is missing or a marker or cell type is mapped to an unknown word.
    """
    return _load(paths.data() / "vocabulary.toml")


@cache
def _load(path: Path) -> Vocabulary:
    try:
        with open(path, "rb") as stream:
            content = tomllib.load(stream)
    # tomllib recurses into nested brackets.
    except (OSError, ValueError, RecursionError) as fault:
        raise EndomtorError(
            f"{path}: expected a TOML file of markers, populations and cell_types ({fault})."
        ) from fault
    for section, names in content.items():
        if not isinstance(names, dict):
            raise EndomtorError(f"{path.name}: found {section} = {names!r}, expected a section [{section}].")
    for section, allowed in (("markers", PATHWAYS), ("cell_types", DIRECTIONS)):
        for name, word in content.get(section, {}).items():
            if word not in allowed:
                raise EndomtorError(f"{path.name}, [{section}] {name}: found {word!r}, expected {', '.join(allowed)}.")
    return Vocabulary(*(dict(content.get(section, {})) for section in ("markers", "populations", "cell_types")))
