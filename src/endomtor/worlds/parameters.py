"""Reading and checking world files: `data/worlds/NAME.toml` over `data/worlds/common/endpoints.toml`."""

import difflib
import math
import tomllib
import types
import typing
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields, is_dataclass
from pathlib import Path

import numpy as np
from scipy.special import ndtr, stdtrit

from endomtor.errors import WorldError
from endomtor.files import refuse_special

Numbers = tuple[float, ...]
Counts = tuple[int, ...]
ORIGIN = ("source", "assumption")
# Fields by their range, whatever the table.
SHARES = {
    *("correlation", "deaths", "weight", "BMEC", "other_EC", "stroma", "HSPC", "background"),
    *("nuisance_genes", "toxic_genes", "arteriolar_share", "subtype_genes"),
}
POSITIVE = {
    *("days_to_act", "foci_dispersion", "scale_days", "shape", "dispersion_floor", "dispersion_ceiling", "doses"),
    *("cell_total", "gene_dispersion", "Xist", "Ddx3y", "Eif2s3y", "Kdm5d", "Uty", "leak", "aged_sd"),
    "rapamycin_hazard_ratio",
}


@dataclass(frozen=True)
class Endpoint:
    """One endpoint on the scale in which it is analysed: baseline in the young, sd between animals, effect of aging.

    `rapamycin` is the change after long dosing where the drug does its full harm; `aged_sd` how many times as far as
    others aged animals lie apart, on top of `Spread.aged_sd`; `sex` is males - females, on top of `Spread.sex`.
    """

    baseline: float
    sd: float
    aging: float = 0.0
    rapamycin: float = 0.0
    aged_sd: float = 1.0
    sex: float = 0.0


@dataclass(frozen=True)
class Marker:
    """A signalling marker (log2 MFI); `responds` is the share of log2(bmec_mtor) that it shows."""

    baseline: float
    sd: float
    responds: float


@dataclass(frozen=True)
class Background:
    """The background tube (log2 MFI)."""

    baseline: float
    sd: float


@dataclass(frozen=True)
class Dilution:
    """Natural log of the frequency of repopulating cells, its sd between donors, and the doses injected."""

    baseline: float
    sd: float
    aging: float
    doses: Numbers


@dataclass(frozen=True)
class Engraftment:
    """A read-out of transplants: spread between units (sd), recipients of a unit, and weeks of a recipient."""

    baseline: float
    sd: float
    aging: float
    recipient_sd: float
    week_sd: float
    per_week: float


@dataclass(frozen=True)
class Graft(Engraftment):
    """A read-out of serial transplants: spread of the pools of donors, and the share of the effect in each passage."""

    donor_sd: float
    step: float
    by_passage: Numbers


@dataclass(frozen=True)
class Design:
    """How many animals, cells, donors, recipients, days and weeks."""

    signaling_animals: int
    blood_animals: int
    marrow_animals: int
    cells_animals: int
    cells_per_animal: int
    rapamycin_animals: int
    rapamycin_days: Counts
    dilution_donors: int
    dilution_recipients: int
    competitive_donors: int
    competitive_recipients: Counts
    competitive_weeks: Counts
    competitive_cells: int
    transplant_exposed: int
    transplant_recipients: Counts
    transplant_pools: int
    transplant_passages: int
    transplant_weeks: Counts
    transcriptome_animals: int
    bmec_animals: int
    bmec_cells_per_animal: int
    verification_animals: int
    challenge_animals: int

    def recipients_of_donors(self) -> Counts:
        """Return the recipients at one dose for each donor of a group: 20 among 3 donors are 7, 7 and 6."""
        each, left = divmod(self.dilution_recipients, self.dilution_donors)
        return tuple(each + (donor < left) for donor in range(self.dilution_donors))


@dataclass(frozen=True)
class Spread:
    """How animals of one group differ.

    Attributes
    ----------
    batch, sex : float
        In units of an endpoint's sd.
    correlation : float
        Between the endpoints of one animal in one table.
    aged_sd : float
        How many times larger the sd between aged animals is (and between animals exposed to an aged niche).
    tails : float
        0: deviations between units are normal; else the degrees of freedom of a t distribution of variance 1.
    """

    batch: float
    sex: float
    correlation: float
    aged_sd: float
    tails: float

    def between(
        self, normal: np.ndarray, aged: np.ndarray | bool = False, aged_sd: np.ndarray | float = 1.0
    ) -> np.ndarray:
        """Return deviations between units in units of sd, made from standard normal numbers of the same shape.

        A normal number becomes the t of the same rank, so that worlds with other tails use the same random numbers.
        `aged` (broadcast over `normal`) says which of them belong to aged animals, and `aged_sd` how many times as far
        those of an endpoint lie apart, on top of what holds for all endpoints.
        """
        if self.tails:
            # By symmetry from the lower tail, where the normal probability loses no digits.
            t = np.sign(normal) * -stdtrit(self.tails, ndtr(-np.abs(normal)))
            normal = t * np.sqrt(1 - 2 / self.tails)
        return normal * np.where(aged, self.aged_sd * aged_sd, 1.0)


@dataclass(frozen=True)
class Drug:
    """Time course and age dependence of rapamycin; `day_sd` is the sd between days of one animal, in units of sd."""

    days_to_act: float
    aged_ratio: float
    day_sd: float

    def reached(self, days: Counts) -> np.ndarray:
        """Return the share of the full effect that is reached on each day after the first dose."""
        return 1 - np.exp(-np.maximum(days, 0) / self.days_to_act)


@dataclass(frozen=True)
class CellsWithin:
    """Negative binomial dispersion of foci between the cells of one animal."""

    foci_dispersion: float


@dataclass(frozen=True)
class Deaths:
    """Probability that a recipient dies before the last read-out: `deaths`, and what a poor graft adds."""

    deaths: float
    weight: float
    threshold: float
    steepness: float


@dataclass(frozen=True)
class Hazard:
    """Weibull survival after a challenge, in days; `aging` is a log hazard ratio."""

    scale_days: float
    shape: float
    aging: float
    rapamycin_hazard_ratio: float
    last_day: int


@dataclass(frozen=True)
class Verification:
    """Share of alleles recombined in ECKO, by cell type, and the spread of the assays."""

    BMEC: float
    other_EC: float
    stroma: float
    HSPC: float
    background: float
    logit_sd: float
    measure_sd: float


@dataclass(frozen=True)
class Transcriptome:
    """Sizes that the public count table cannot give (see the comments of `endpoints.toml`)."""

    shrinkage: float
    dispersion_floor: float
    dispersion_ceiling: float
    depth_sd: float
    batch_sd: float
    nuisance_genes: float
    nuisance_loading: float
    nuisance_along: float
    toxic_genes: float


@dataclass(frozen=True)
class SexGenes:
    """Mean count of each gene in the sex that expresses it, and in the other (`leak`)."""

    Xist: float
    Ddx3y: float
    Eif2s3y: float
    Kdm5d: float
    Uty: float
    leak: float


@dataclass(frozen=True)
class BmecCells:
    """Single BMECs: depth, overdispersion, spread between animals, subtypes."""

    cell_total: float
    cell_total_sd: float
    gene_dispersion: float
    animal_sd: float
    hallmark_responds: float
    hallmark_sd: float
    arteriolar_share: float
    subtype_genes: float
    subtype_sd: float


@dataclass(frozen=True)
class Endpoints:
    """Everything in `endpoints.toml`, after a world's own values."""

    design: Design
    spread: Spread
    signaling: dict[str, Marker]
    background: Background
    blood: dict[str, Endpoint]
    marrow: dict[str, Endpoint]
    drug: Drug
    cells: dict[str, Endpoint]
    cells_within: CellsWithin
    limiting_dilution: dict[str, Dilution]
    competitive: dict[str, Engraftment]
    transplant: dict[str, Graft]
    recipient_deaths: Deaths
    challenge: dict[str, Hazard]
    verification: Verification
    vessels: dict[str, Endpoint]
    transcriptome: Transcriptome
    sex_genes: SexGenes
    bmec_cells: BmecCells

    def names(self) -> tuple[str, ...]:
        """Return the ids under which a world may set phi or a toxic shift, such as `marrow.HSC`."""
        found = ["transcriptome"]
        for section in ("blood", "marrow", "cells", "limiting_dilution", "competitive", "transplant", "challenge"):
            found += [f"{section}.{name}" for name in getattr(self, section)]
        return tuple(found)


@dataclass(frozen=True)
class Confounding:
    """What aging, the knock-out and the drug are completely aligned with: "batch" or "sex"."""

    aging: str
    ecko: str
    treatment: str


@dataclass(frozen=True)
class WorldFile:
    """The keys of one world file."""

    name: str
    title: str
    story: str
    phenocopy: float
    rapamycin: float
    bmec_mtor: float
    aging: bool = True
    niche_aging: bool = True
    inflammation: float = 0.0
    phenocopy_by_endpoint: dict[str, float] | None = None
    toxicity: dict[str, float] | None = None
    confounding: Confounding | None = None


def nearest(word: str, known: typing.Iterable[str]) -> str:
    """Return " (did you mean 'x'?)" for the nearest known word, or nothing."""
    found = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f" (did you mean {found[0]!r}?)" if found else ""


def read_toml(path: Path) -> dict:
    """Return the content of a TOML file; `WorldError` when it cannot be read."""
    try:
        refuse_special(path)
        return tomllib.loads(path.read_text(encoding="utf-8"))
    # tomllib recurses into nested brackets.
    except (OSError, ValueError, RecursionError) as error:
        raise WorldError(f"{path.name}: cannot be read as TOML ({error}).") from error


def read(path: Path, common: Path, changes: Mapping | None = None) -> tuple[WorldFile, Endpoints]:
    """Return the keys of one world file and the endpoints with the world's own values laid over the common ones.

    `changes`, in the shape of a world file, are laid over both; no origin is asked of them.

    `WorldError`: not TOML, a key that is missing or unknown (with the nearest known one), a wrong type, a number
    without `source` or `assumption = true`, a number out of range.
    """
    shared, own = read_toml(common), read_toml(path)
    require_origin(shared, common.name)
    require_origin(own, path.name)
    overrides = own.pop("endpoints", {})
    if not isinstance(overrides, dict):
        raise WorldError(f"{path.name}: endpoints is {overrides!r}, expected tables [endpoints.…].")
    shared = _laid_over(shared, overrides, f"{path.name}: endpoints")
    where, below = path.name, f"{common.name} under {path.name}"
    if changes:
        where = below = f"{path.name} with changes"
        own, shared = _changed(own, shared, changes, where)
    endpoints = build(Endpoints, shared, below)
    world = build(WorldFile, own, where)
    if world.name != path.stem:
        raise WorldError(f"{where}: name is {world.name!r}, expected {path.stem!r}.")
    _check_world(world, endpoints, where)
    return world, endpoints


def _changed(own: dict, endpoints: dict, changes: Mapping, where: str) -> tuple[dict, dict]:
    """Return the keys of a world file and its endpoints with `changes` laid over them."""
    if not isinstance(changes, Mapping):
        raise WorldError(f"{where}: changes are {changes!r}, expected a mapping in the shape of a world file.")
    keys = dict(changes)
    overrides = keys.pop("endpoints", {})
    if not isinstance(overrides, dict):
        raise WorldError(f"{where}: endpoints is {overrides!r}, expected a table of tables.")
    for key, value in keys.items():
        known = own.get(key)
        keys[key] = known | value if isinstance(known, dict) and isinstance(value, dict) else value
    return own | keys, _laid_over(endpoints, overrides, f"{where}: endpoints")


def _check_world(world: WorldFile, endpoints: Endpoints, where: str) -> None:
    for key, value in world.__dict__.items():
        if isinstance(value, float) and not math.isfinite(value):
            raise WorldError(f"{where}: {key} is {value:g}, expected a finite number.")
    if not world.bmec_mtor > 0:
        raise WorldError(f"{where}: bmec_mtor is {world.bmec_mtor:g}, expected a ratio above 0.")
    for key in ("phenocopy_by_endpoint", "toxicity"):
        for name in getattr(world, key) or {}:
            if name not in endpoints.names():
                raise WorldError(
                    f"{where}: {key} names the unknown endpoint {name!r}{nearest(name, endpoints.names())}."
                )
    for field in fields(Confounding) if world.confounding else ():
        value = getattr(world.confounding, field.name)
        if value not in ("batch", "sex"):
            raise WorldError(f"{where}: confounding.{field.name} is {value!r}, expected batch or sex.")
    for table, name, value in _numbers_of(endpoints):
        expected = _range_fault(table, name, value)
        if expected:
            raise WorldError(f"{where}: {table}.{name} is {value:g}, expected {expected}.")
    for name, one in endpoints.transplant.items():
        if len(one.by_passage) < endpoints.design.transplant_passages:
            raise WorldError(
                f"{where}: transplant.{name}.by_passage has {len(one.by_passage)} numbers, "
                f"expected one for each of {endpoints.design.transplant_passages} passages."
            )


def _numbers_of(one, where: str = "endpoints"):
    """Every number below a dataclass, as (where, name, value); the numbers of a list one by one."""
    for key, value in one.items() if isinstance(one, dict) else one.__dict__.items():
        if is_dataclass(value) or isinstance(value, dict):
            yield from _numbers_of(value, f"{where}.{key}")
        else:
            for number in value if isinstance(value, tuple) else (value,):
                yield where, key, number


def _range_fault(where: str, name: str, value: float) -> str:
    """What was expected of a number that is out of its range, or nothing."""
    if not math.isfinite(value):
        return "a finite number"
    if name in SHARES:
        return "" if 0 <= value <= 1 else "a share from 0 to 1"
    if name in POSITIVE:
        return "" if value > 0 else "a number above 0"
    if name == "tails":
        return "" if value == 0 or value > 2 else "0 or degrees of freedom above 2"
    # The sex of `spread` is an sd, that of an endpoint a difference.
    if name.endswith("sd") or name == "batch" or where.endswith(".spread"):
        return "" if value >= 0 else "at least 0"
    # Counts of animals, cells, recipients and weeks; a day may be 0.
    return "at least 1" if isinstance(value, int) and name != "rapamycin_days" and value < 1 else ""


def _laid_over(below: dict, above: dict, where: str) -> dict:
    """Return `below` with the values of `above`; a name in `above` that `below` lacks is an error."""
    result = dict(below)
    for key, value in above.items():
        if key in ORIGIN:
            continue
        known = below.get(key)
        # An optional number (aging, rapamycin) may be absent below; `build` knows whether it is a field.
        if known is None and isinstance(value, dict) and "value" not in value:
            raise WorldError(f"{where}: unknown table {key!r}{nearest(key, below)}.")
        if isinstance(known, dict) and "value" not in known and isinstance(value, dict):
            result[key] = _laid_over(known, value, f"{where}.{key}")
        else:
            result[key] = value
    return result


def require_origin(table: Mapping, where: str) -> None:
    """Refuse a table that holds a number of its own without `source` or `assumption = true` beside it."""
    has_numbers = any(_is_number(value) or (isinstance(value, list) and value) for value in table.values())
    source, assumed = table.get("source"), table.get("assumption")
    if "source" in table and not (isinstance(source, str) and source.strip()):
        raise WorldError(f"{where}: source is {source!r}, expected a sentence.")
    if "assumption" in table and assumed is not True:
        raise WorldError(f"{where}: assumption is {assumed!r}, expected true.")
    if has_numbers and source is None and assumed is None:
        raise WorldError(f"{where}: holds numbers without an origin, expected assumption = true or a source.")
    for key, value in table.items():
        if isinstance(value, dict):
            require_origin(value, f"{where}: {key}")


def _is_number(value) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def build(kind: type, table: object, where: str):
    """Return the dataclass `kind` filled from a TOML table, strictly."""
    if not isinstance(table, dict):
        raise WorldError(f"{where}: is {table!r}, expected a table.")
    known = {field.name: field for field in fields(kind)}
    hints = typing.get_type_hints(kind)
    values = {}
    for key, value in table.items():
        if key in ORIGIN:
            continue
        if key not in known:
            raise WorldError(f"{where}: unknown key {key!r}{nearest(key, known)}.")
        values[key] = _value(hints[key], value, f"{where}: {key}")
    for name, field in known.items():
        if name not in values and field.default is MISSING:
            raise WorldError(f"{where}: key {name!r} is missing.")
    return kind(**values)


def _value(hint, value, where: str):
    options = typing.get_args(hint) if isinstance(hint, types.UnionType) else (hint,)
    hint = options[0]
    if is_dataclass(hint):
        return build(hint, value, where)
    if typing.get_origin(hint) is dict:
        if not isinstance(value, dict):
            raise WorldError(f"{where}: is {value!r}, expected a table.")
        inner = typing.get_args(hint)[1]
        return {name: _value(inner, one, f"{where}.{name}") for name, one in value.items() if name not in ORIGIN}
    if isinstance(value, dict):
        if set(value) - {"value", *ORIGIN} or "value" not in value:
            raise WorldError(f'{where}: is {value!r}, expected a number or {{ value = …, source = "…" }}.')
        value = value["value"]
    # Above this a double no longer holds every integer.
    if any(type(one) is int and abs(one) > 2**53 for one in (value if isinstance(value, (list, tuple)) else [value])):
        raise WorldError(f"{where}: is larger than 2^53, expected a smaller number.")
    kinds = {Numbers: (int, float), Counts: (int,)}.get(hint, ())
    if isinstance(value, (list, tuple)) and value and all(type(one) in kinds for one in value):
        return tuple(value)
    if hint is float and _is_number(value):
        return float(value)
    if hint in (int, str, bool) and type(value) is hint:
        return value
    words = {float: "a number", int: "an integer", str: "text", bool: "true or false", Counts: "a list of integers"}
    expected = words.get(hint, "a list of numbers")
    raise WorldError(f"{where}: is {value!r}, expected {expected}.")
