"""`data/calibration.toml`: scenarios, seeds and nominal levels, fixed before a run."""

import datetime
from dataclasses import dataclass, fields
from functools import cache, cached_property
from pathlib import Path

from endomtor import paths, worlds
from endomtor.errors import WorldError
from endomtor.worlds.parameters import read_toml

PARTS = ("tables", "courses", "expression")
"""tables: every decision rule but those of gene expression; courses: the mixed models over days and weeks, which are
secondary and decide nothing; expression: the HSPC transcriptome."""


@dataclass(frozen=True)
class Scenario:
    """One way of drawing cohorts.

    Attributes
    ----------
    world : str
        A world of `data/worlds/`.
    parts : tuple[str, ...]
        Of `PARTS`.
    changes : dict
        Laid over the world, as `endomtor.worlds.load` takes them.
    keep : dict[str, float]
        Share of the units of a group that are kept (unequal n).
    without : tuple[str, ...]
        Groups that the experiment lacks.
    mistakes : tuple[str, ...]
        Beginnings of the names of the wrong analyses (`wrong`) for which nothing is to be found here.
    cohorts : dict[str, int]
        By part, where the frozen run draws another number than the plan says for all.
    biased : str
        Why this scenario is expected to miss its levels (a sentence); its rows are shown and have no nominal level.
    """

    name: str
    title: str
    world: str
    parts: tuple[str, ...]
    changes: dict
    keep: dict[str, float]
    without: tuple[str, ...]
    mistakes: tuple[str, ...]
    cohorts: dict[str, int]
    biased: str

    def drawn_from(self) -> worlds.World:
        """Return the world with the scenario's changes."""
        return self._drawn_from

    @cached_property
    def _drawn_from(self) -> worlds.World:
        return worlds.load(self.world, self.changes)


@dataclass(frozen=True)
class Plan:
    """What a calibration does.

    Attributes
    ----------
    seed : int
        Cohort i of a scenario has the seed `seed + i`; far from the seeds of the book, which its author looked at.
    cohorts : dict[str, int]
        Cohorts per scenario of the frozen run, by part, where a scenario says nothing else.
    joint : float
        Probability that no row lies beyond its limit where all nominal levels are kept (Bonferroni over rows).
    false_support, false_contradiction, coverage : float
        Nominal levels, one-sided where the rule declares a direction.
    """

    version: int
    date: datetime.date
    seed: int
    cohorts: dict[str, int]
    joint: float
    false_support: float
    false_contradiction: float
    coverage: float
    scenarios: tuple[Scenario, ...]

    def count(self, scenario: Scenario, part: str) -> int:
        """Return how many cohorts of a scenario the frozen run draws."""
        return scenario.cohorts.get(part, self.cohorts[part])

    def scenario(self, name: str) -> Scenario:
        """Return a scenario by name; `WorldError` where there is none."""
        for one in self.scenarios:
            if one.name == name:
                return one
        known = ", ".join(one.name for one in self.scenarios)
        raise WorldError(f"There is no scenario {name!r} in calibration.toml, expected one of {known}.")


def load() -> Plan:
    """Return the plan of the book at hand, read once per state of its file."""
    path = paths.data() / "calibration.toml"
    return _load(path, path.stat().st_mtime_ns)


@cache
def _load(path: Path, stamp: int) -> Plan:
    return read(path)


def read(path: Path) -> Plan:
    """Read a plan.

    `WorldError`: the file is not TOML, a key is missing or unknown, a part is unknown, or a scenario occurs twice.
    """
    content = read_toml(path)
    _expect(content, {field.name for field in fields(Plan)}, path.name)
    scenarios = tuple(_scenario(entry, path.name) for entry in content["scenarios"])
    names = [one.name for one in scenarios]
    for doubled in sorted({name for name in names if names.count(name) > 1}):
        raise WorldError(f"{path.name}: scenario {doubled!r} occurs twice, expected once.")
    return Plan(**{**content, "scenarios": scenarios})


def _scenario(entry: dict, where: str) -> Scenario:
    defaults = {"parts": ["tables"], "changes": {}, "keep": {}, "without": [], "mistakes": [], "cohorts": {}}
    defaults["biased"] = ""
    entry = defaults | entry
    _expect(entry, {field.name for field in fields(Scenario)}, f"{where}: scenario {entry.get('name', '(no name)')}")
    for part in entry["parts"]:
        if part not in PARTS:
            raise WorldError(f"{where}: scenario {entry['name']!r} has the part {part!r}, expected {', '.join(PARTS)}.")
    return Scenario(**{**entry, **{key: tuple(entry[key]) for key in ("parts", "without", "mistakes")}})


def _expect(entry: dict, expected: set[str], where: str) -> None:
    for key in sorted(set(entry) - expected):
        raise WorldError(f"{where}: unknown key {key!r}, expected {', '.join(sorted(expected))}.")
    for key in sorted(expected - set(entry)):
        raise WorldError(f"{where}: key {key!r} is missing.")
