"""Names of genes: older mouse symbols and today's."""

import csv
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from endomtor import paths
from endomtor.errors import EndomtorError

FILE = "renamed_symbols.csv"


def renamed() -> dict[str, str]:
    """Return older symbols and today's, as `data/genesets/renamed_symbols.csv` pairs them, each with its source.

    They are the genes of the aging signature and of the mTOR sets that counts with older symbols would seem to lack,
    no more.

    Raises
    ------
    EndomtorError
        The file cannot be read.
    """
    return dict(_pairs(paths.data() / "genesets" / FILE))


@cache
def _pairs(path: Path) -> tuple[tuple[str, str], ...]:
    try:
        with open(path, encoding="utf-8", newline="") as stream:
            return tuple((row["old"], row["new"]) for row in csv.DictReader(stream))
    except (OSError, UnicodeDecodeError, KeyError, csv.Error) as fault:
        raise EndomtorError(f"{path}: expected a table with the columns old, new and source ({fault}).") from fault


def outdated(genes: Iterable[str]) -> dict[str, str]:
    """Return the pairs of `renamed` whose older symbol is among `genes` and whose newer one is not.

    Where both are there they are two rows of the user's, and neither is touched.
    """
    known = set(genes)
    return {old: new for old, new in renamed().items() if old in known and new not in known}
