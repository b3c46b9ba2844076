"""What others have published for and against the claims: `data/literature.toml`."""

import tomllib
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path

from endomtor import paths
from endomtor.claims import catalogue
from endomtor.errors import ClaimsError

STANCES = ("for", "against", "mixed", "bounds")
KINDS = ("age", "drug", "genetics", "transplant", "patients", "method")
DIRECTIONS = ("up", "down", "none", "mixed")


@dataclass(frozen=True)
class Finding:
    """One row: what one work found, and where it was read.

    Attributes
    ----------
    study : str
        As it is printed.
    claim, stance, kind, direction : str
        The claim that it bears on, and of `STANCES`, `KINDS`, `DIRECTIONS` (of the read-out).
    system, cells, age : str
        Species and strain; cell or tissue; age of the animals, as far as read.
    readout, finding, numbers : str
        What was measured; one sentence; numbers and n.
    place, source : str
        Part of the work that was read, and its address.
    looked_up, query : str
        Date, and the words that found it.
    """

    study: str
    claim: str
    stance: str
    kind: str
    system: str
    cells: str
    age: str
    readout: str
    direction: str
    finding: str
    numbers: str
    place: str
    source: str
    looked_up: str
    query: str


@dataclass(frozen=True)
class Literature:
    """The content of the file.

    Attributes
    ----------
    findings : tuple of Finding
    settles : dict[str, str]
        For each claim, the measurement that would change the verdict on it.
    """

    findings: tuple[Finding, ...]
    settles: dict[str, str]

    def of(self, *claims: str) -> list[Finding]:
        """Return the findings on some claims."""
        return [one for one in self.findings if one.claim in claims]


def load(path: Path | None = None) -> Literature:
    """Read and check the file.

    Raises
    ------
    ClaimsError
        One sentence with file, row, key, value and what was expected.
    """
    return _read(path or paths.data() / "literature.toml")


@cache
def _read(path: Path) -> Literature:
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ClaimsError(f"{path}: cannot be read as TOML ({error}).") from error
    claims = [claim.id for claim in catalogue.load().claims]
    names = {field.name for field in fields(Finding)}
    found = []
    for place, row in enumerate(content.get("findings", []), start=1):
        where = f"{path.name}, finding {place}"
        if set(row) != names or not all(isinstance(value, str) for value in row.values()):
            odd = sorted(set(row) ^ names) or "a value"
            raise ClaimsError(f"{where}: {odd}, expected exactly {', '.join(sorted(names))}, each a text.")
        allowed = {"claim": claims, "stance": STANCES, "kind": KINDS, "direction": DIRECTIONS}
        for key, known in allowed.items():
            if row[key] not in known:
                raise ClaimsError(f"{where}: {key} is {row[key]!r}, expected one of {', '.join(known)}.")
        for key in ("study", "finding", "place", "source", "looked_up", "query"):
            if not row[key].strip():
                raise ClaimsError(f"{where}: {key} is empty, expected where and how it was read.")
        found.append(Finding(**row))
    return Literature(tuple(found), dict(content.get("settles", {})))
