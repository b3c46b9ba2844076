"""A world: its parameters, the effects that follow from them, and which predictions are true in it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from math import log2
from pathlib import Path

import numpy as np

from endomtor import paths
from endomtor.claims import catalogue
from endomtor.claims.cautions import INFLAMMATION
from endomtor.errors import ClaimsError, WorldError
from endomtor.provenance import Provenance
from endomtor.worlds.parameters import Confounding, Endpoints, WorldFile, nearest, read

GROUPS = ("young", "aged", "control", "ecko")
AGES = ("young", "aged")
WHITE_CELLS = ("neutrophils", "lymphocytes", "other_leukocytes")
DIRECTIONS = {"less": -1.0, "greater": 1.0}


# A world is compared and hashed as an object: `load` gives the same one for the same file.
@dataclass(frozen=True, eq=False)
class World:
    """One declared world.

    Attributes
    ----------
    phenocopy : float
        phi: how far an ECKO niche moves a trait from young (0) to aged (1); `phenocopy_by_endpoint` overrides it.
    rapamycin : float
        Harm: 1 = the full assumed size, 0 = inert, negative = it helps.
    bmec_mtor : float
        Endothelial mTOR activity, aged / young.
    aging : bool
        False: nothing ages.
    niche_aging : bool
        False: an aged niche leaves no mark on wild-type cells.
    inflammation : float
        log2 shift of the interferon and inflammatory hallmarks in ECKO, which has nothing to do with aging.
    toxicity : dict[str, float]
        Shifts in ECKO that have nothing to do with aging, in SDs between animals.
    changed : bool
        Numbers were changed in code: it is no longer the world of its file.
    """

    name: str
    title: str
    story: str
    phenocopy: float
    rapamycin: float
    bmec_mtor: float
    aging: bool
    niche_aging: bool
    inflammation: float
    phenocopy_by_endpoint: dict[str, float]
    toxicity: dict[str, float]
    confounding: Confounding | None
    endpoints: Endpoints
    changed: bool = False

    def aging_effect(self, name: str) -> float:
        """Return aged - young of an endpoint such as `marrow.HSC`, on its scale; `transcriptome` in units of itself."""
        section, _, short = name.partition(".")
        if not self.aging or (section == "transplant" and not self.niche_aging):
            return 0.0
        return 1.0 if section == "transcriptome" else getattr(self.endpoints, section)[short].aging

    def ecko_effect(self, name: str) -> float:
        """Return ecko - control of an endpoint on its scale, a toxic shift included.

        For the transcriptome it is the part along the aging axis, in units of aging; a hazard has no toxic shift.
        """
        return self._drawn_phi(name) * self.aging_effect(name) + self._toxic_shift(name)

    def _drawn_phi(self, name: str) -> float:
        return self.phenocopy_by_endpoint.get(name, self.phenocopy)

    def _toxic_shift(self, name: str) -> float:
        section, _, short = name.partition(".")
        if section in ("transcriptome", "challenge"):
            return 0.0
        return self.toxicity.get(name, 0.0) * getattr(self.endpoints, section)[short].sd

    def shifts(self, name: str) -> np.ndarray:
        """Return the effect in young, aged, control and ecko, in this order, shape (4,)."""
        return np.array([0.0, self.aging_effect(name), 0.0, self.ecko_effect(name)])

    def marker_effect(self, name: str) -> float:
        """Return log2(aged / young) of a signalling marker."""
        return self.endpoints.signaling[name].responds * log2(self.bmec_mtor)

    def drug_effect(self, section: str, name: str, age: str) -> float:
        """Return log2(rapamycin / vehicle) after long dosing of a blood or marrow endpoint in mice of one age.

        In the rapamycin experiment white cells are the sum of their parts: "WBC" has no effect of its own.
        """
        strength = self.rapamycin * (self.endpoints.drug.aged_ratio if age == "aged" else 1.0)
        return strength * getattr(self.endpoints, section)[name].rapamycin

    def value(self, prediction_id: str) -> float | None:
        """Return the planted value of what a prediction estimates, on the scale of its estimand.

        A difference is that of the analysis: for blood under rapamycin the mean over the days after the first dose,
        each with the part of the effect that is reached by then, in one age or as the mean of both; white cells are the
        sum of their parts. A phi is ecko - control over aged - young on the scale of analysis. Where that is not the
        scale on which values are drawn (white cells under rapamycin, polarity, foci, limiting dilution) it is an
        expectation over animals or donors, right to about 0.01 (`estimands`). A toxic shift is in it: the analysis sees
        it, whatever moved the endpoint. Rounding, background, library size and, for phi, inflammatory genes are taken
        to move nothing, and deaths of recipients are left out: the value is that of all grafts, not of survivors.

        `WorldError`: the id is no prediction, or its endpoint is not in the worlds.

        Returns
        -------
        float or None
            None where the design lets nobody tell (a confounded world, no day after the first dose) and for a phi of
            what does not age.
        """
        return None if self.confounding else self._planted(self._rule(prediction_id))

    def null(self, prediction_id: str) -> bool:
        """Return whether the planted value is at the null: a difference of 0; for phi no aging effect, or phi <= 0.

        Confounding, which hides a value, does not change it. Raises as `value`.
        """
        rule = self._rule(prediction_id)
        value = self._planted(rule)
        if rule.rule == "difference":
            return not value
        return value is None or value <= 0

    def truth(self, prediction_id: str) -> bool | None:
        """Return whether a prediction of `data/claims.toml` holds here; None where the design lets nobody tell.

        A difference holds when its planted `value` has the declared direction and reaches the smallest effect of
        interest; a phi when the endpoint ages in the declared direction and its value is above the smallest phi of
        interest, that of `value` without the toxic shift: what illness moves has not aged. Raises as `value`.
        """
        rule = self._rule(prediction_id)
        value = self.value(prediction_id)
        if rule.rule == "difference":
            if value is None:
                return None
            towards = abs(value) if rule.direction == "either" else DIRECTIONS[rule.direction] * value
            return bool(towards >= rule.smallest)
        if self.confounding:
            return None
        name, share = self._endpoint(prediction_id)
        ages, aged = self.aging_effect(name), self._phi(name, share, 0.0)
        declared = ages != 0 if rule.direction == "either" else DIRECTIONS[rule.direction] * ages > 0
        return bool(declared and aged is not None and aged > rule.smallest)

    def _rule(self, prediction_id: str) -> catalogue.Rule:
        try:
            rule = catalogue.load().rule(prediction_id)
        except ClaimsError as error:
            raise WorldError(
                f"World {self.name}: {prediction_id!r} is no prediction of claims.toml ({error})."
            ) from error
        if rule.kind != "prediction":
            raise WorldError(f"World {self.name}: {prediction_id!r} is a {rule.kind}, expected a prediction.")
        return rule

    def _planted(self, rule: catalogue.Rule) -> float | None:
        if rule.id.endswith(".aging"):
            return self._aged(self._endpoint(rule.id.removesuffix(".aging"))[0])
        if rule.rule == "difference":
            return self._difference(rule.id)
        name, share = self._endpoint(rule.id)
        return self._phi(name, share, self._toxic_shift(name))

    def _difference(self, prediction_id: str) -> float | None:
        claim, section, name = prediction_id.split(".", 2)
        endpoints = self.endpoints
        if prediction_id == "C1.cells.mTORC1_hallmark":
            return endpoints.bmec_cells.hallmark_responds * log2(self.bmec_mtor)
        if claim == "C1" and section == "signaling" and name in endpoints.signaling:
            return self.marker_effect(name)
        if prediction_id == INFLAMMATION:
            # The genes of the worlds are read only where they are asked for; their module needs this one.
            from endomtor.worlds import expression

            return expression.inflammation_beyond_age(self)
        # One age, or another unit, of an endpoint: C2.blood.platelets.young.
        endpoint, _, rest = name.partition(".")
        if claim != "C2" or section not in ("blood", "marrow") or endpoint not in getattr(endpoints, section):
            raise self._unknown(prediction_id)
        age = rest.rpartition(".")[2]
        ages = (age,) if age in AGES else AGES
        if section == "marrow":
            return float(np.mean([self.drug_effect(section, endpoint, one) for one in ages]))
        reached = endpoints.drug.reached([day for day in endpoints.design.rapamycin_days if day > 0])
        if not reached.size:
            return None
        if endpoint == "WBC":
            return float(np.mean([self._white_cells(reached, one) for one in ages]))
        return float(np.mean([reached.mean() * self.drug_effect(section, endpoint, one) for one in ages]))

    def _white_cells(self, reached: np.ndarray, age: str) -> float:
        from endomtor.worlds import estimands

        one, aged = self.endpoints, age == "aged"
        parts = tuple(one.blood[part] for part in WHITE_CELLS)
        aging = np.array([self.aging_effect(f"blood.{part}") * aged for part in WHITE_CELLS])
        harm = np.array([self.drug_effect("blood", part, age) for part in WHITE_CELLS])
        before, *after = (
            estimands.white_cells(parts, tuple(aging + share * harm), aged, one.spread, one.drug)
            for share in (0.0, *reached)
        )
        return float(np.mean(after) - before)

    def _phi(self, name: str, share: float, toxic: float) -> float | None:
        """Return phi of an endpoint, shifted, of which this share of the effect is seen; None where nothing ages."""
        aging = self.aging_effect(name)
        if not aging * share:
            return None
        drawn = self._drawn_phi(name) + toxic / aging
        # Without an effect ECKO mice are young mice, whatever the scale.
        if not drawn or name.partition(".")[0] not in ("cells", "limiting_dilution"):
            return drawn
        young, aged, ecko = (
            self._rescaled(name, shift, old) for shift, old in ((0.0, False), (aging, True), (drawn * aging, False))
        )
        return (ecko - young) / (aged - young)

    def _aged(self, name: str) -> float:
        """Return aged - young of an endpoint on the scale of analysis; of the transcriptome in units of aging."""
        aging = self.aging_effect(name)
        if name.partition(".")[0] not in ("cells", "limiting_dilution") or not aging:
            return aging
        return self._rescaled(name, aging, True) - self._rescaled(name, 0.0, False)

    def _rescaled(self, name: str, shift: float, aged: bool) -> float:
        """Return the mean of an endpoint on the scale of analysis, where that is not the scale of the world."""
        # Importing the statistics takes longer than drawing a cohort, and only these endpoints need them.
        from endomtor.worlds import estimands

        one = self.endpoints
        section, _, short = name.partition(".")
        about = (getattr(one, section)[short], shift, aged, one.spread)
        if section == "limiting_dilution":
            return estimands.dilution(*about, one.design.recipients_of_donors())
        if short == "polarity":
            return estimands.polarity(*about, one.design.cells_per_animal)
        return estimands.foci(*about, one.design.cells_per_animal, one.cells_within)

    def _endpoint(self, prediction_id: str) -> tuple[str, float]:
        """Return the endpoint of a phi, and the share of its effect that is seen."""
        claim, section, name = prediction_id.split(".", 2)
        if claim == "C4":
            return "transcriptome", 1.0
        # A read-out of one passage is the same endpoint, seen earlier or later: C5.transplant.chimerism.p1.
        name, _, passage = name.partition(".")
        endpoint = f"{section}.{name}"
        last = self.endpoints.design.transplant_passages
        main = last if claim == "C5b" else min(2, last)
        passages = {"": main, **{f"p{i + 1}": i + 1 for i in range(last)}}
        if endpoint not in self.endpoints.names() or passage not in (passages if claim == "C5" else [""]):
            raise self._unknown(prediction_id)
        if section != "transplant":
            return endpoint, 1.0
        return endpoint, self.endpoints.transplant[name].by_passage[passages[passage] - 1]

    def _unknown(self, prediction_id: str) -> WorldError:
        return WorldError(f"World {self.name}: the endpoint of {prediction_id!r} is not in the worlds.")


def folder() -> Path:
    """Return where the world files are."""
    return paths.data() / "worlds"


def names() -> tuple[str, ...]:
    """Return the names of all worlds, sorted."""
    return tuple(sorted(path.stem for path in folder().glob("*.toml")))


def load(name: str, changes: Mapping | None = None) -> World:
    """Return a world by name, as its file has it or with some numbers changed.

    `WorldError`: no such world (with the nearest name), its file is not valid, or the changes are not.

    Parameters
    ----------
    changes : mapping, optional
        In the shape of a world file, laid over it: `{"phenocopy": 0.25, "endpoints": {"spread": {"tails": 3.0}}}`.
        Checked as strictly as a file, but no origin is asked of them. The name stays.
    """
    if name not in names():
        raise WorldError(f"There is no world {name!r}{nearest(name, names())}: expected one of {', '.join(names())}.")
    path = folder() / f"{name}.toml"
    common = folder() / "common" / "endpoints.toml"
    if changes:
        return _world(*read(path, common, changes), changed=True)
    return _load(path, common, path.stat().st_mtime_ns, common.stat().st_mtime_ns)


def truth_of(provenance: Provenance) -> Callable[[str], bool | None] | None:
    """Return `World.truth` of the world that simulated data come from; None for mice."""
    return load(provenance.world).truth if provenance.kind == "simulated" else None


@cache
def _load(path: Path, common: Path, *stamps: int) -> World:
    return _world(*read(path, common))


def _world(keys: WorldFile, endpoints: Endpoints, *, changed: bool = False) -> World:
    plain = {
        **keys.__dict__,
        "phenocopy_by_endpoint": keys.phenocopy_by_endpoint or {},
        "toxicity": keys.toxicity or {},
    }
    return World(**plain, endpoints=endpoints, changed=changed)
