"""A world: its parameters, the effects that follow from them, and which predictions are true in it."""

from dataclasses import dataclass
from functools import cache
from math import log2
from pathlib import Path

import numpy as np

from endomtor import paths
from endomtor.claims import catalogue
from endomtor.errors import ClaimsError, WorldError
from endomtor.worlds.parameters import Confounding, Endpoints, nearest, read

GROUPS = ("young", "aged", "control", "ecko")


@dataclass(frozen=True)
class World:
    """One declared world.

    Attributes
    ----------
    name, title, story : str
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
    toxicity : dict[str, float]
        Shifts in ECKO that have nothing to do with aging, in SDs between animals.
    confounding : Confounding or None
    endpoints : Endpoints
    """

    name: str
    title: str
    story: str
    phenocopy: float
    rapamycin: float
    bmec_mtor: float
    aging: bool
    niche_aging: bool
    phenocopy_by_endpoint: dict[str, float]
    toxicity: dict[str, float]
    confounding: Confounding | None
    endpoints: Endpoints

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
        phi = self.phenocopy_by_endpoint.get(name, self.phenocopy)
        effect = phi * self.aging_effect(name)
        section, _, short = name.partition(".")
        if section in ("transcriptome", "challenge"):
            return effect
        return effect + self.toxicity.get(name, 0.0) * getattr(self.endpoints, section)[short].sd

    def shifts(self, name: str) -> np.ndarray:
        """Return the effect in young, aged, control and ecko, in this order, shape (4,)."""
        return np.array([0.0, self.aging_effect(name), 0.0, self.ecko_effect(name)])

    def marker_effect(self, name: str) -> float:
        """Return log2(aged / young) of a signalling marker."""
        return self.endpoints.signaling[name].responds * log2(self.bmec_mtor)

    def drug_effect(self, section: str, name: str) -> float:
        """Return log2(rapamycin / vehicle) after long dosing, mean of the two ages, of a blood or marrow endpoint.

        White cells are the sum of their parts in the rapamycin experiment.
        """
        mean = self.rapamycin * (1 + self.endpoints.drug.aged_ratio) / 2
        if (section, name) == ("blood", "WBC"):
            parts = [self.endpoints.blood[part] for part in ("neutrophils", "lymphocytes", "other_leukocytes")]
            before = sum(2**part.baseline for part in parts)
            return log2(sum(2 ** (part.baseline + mean * part.rapamycin) for part in parts) / before)
        return mean * getattr(self.endpoints, section)[name].rapamycin

    def truth(self, prediction_id: str) -> bool | None:
        """Return whether a prediction of `data/claims.toml` holds here; None where the design lets nobody tell.

        A difference is true when the planted effect has the declared direction and reaches the smallest effect of
        interest; a phi when the endpoint ages in the declared direction and the planted ecko effect is more than the
        smallest phi of interest times that of aging. Rapamycin counts at its full effect, as after long dosing.

        Raises
        ------
        WorldError
            The id is no prediction, or its endpoint is not in the worlds.
        """
        try:
            rule = catalogue.load().rule(prediction_id)
        except ClaimsError as error:
            raise WorldError(
                f"World {self.name}: {prediction_id!r} is no prediction of claims.toml ({error})."
            ) from error
        if rule.kind != "prediction":
            raise WorldError(f"World {self.name}: {prediction_id!r} is a {rule.kind}, expected a prediction.")
        sign = {"less": -1.0, "greater": 1.0}
        if rule.rule == "difference":
            effect = self._difference(prediction_id)
            towards = abs(effect) if rule.direction == "either" else sign[rule.direction] * effect
            holds = towards >= rule.smallest
        else:
            name = self._endpoint(prediction_id)
            ages = self.aging_effect(name)
            declared = ages != 0 if rule.direction == "either" else sign[rule.direction] * ages > 0
            holds = declared and self.ecko_effect(name) / ages > rule.smallest
        return None if self.confounding else bool(holds)

    def _difference(self, prediction_id: str) -> float:
        claim, section, name = prediction_id.split(".", 2)
        endpoints = self.endpoints
        if prediction_id == "C1.cells.mTORC1_hallmark":
            return endpoints.bmec_cells.hallmark_responds * log2(self.bmec_mtor)
        if claim == "C1" and section == "signaling" and name in endpoints.signaling:
            return self.marker_effect(name)
        # One age, or another unit, of an endpoint has the endpoint's truth: C2.blood.platelets.young.
        endpoint = name.partition(".")[0]
        if claim == "C2" and section in ("blood", "marrow") and endpoint in getattr(endpoints, section):
            return self.drug_effect(section, endpoint)
        raise self._unknown(prediction_id)

    def _endpoint(self, prediction_id: str) -> str:
        claim, section, name = prediction_id.split(".", 2)
        if claim == "C4":
            return "transcriptome"
        # A read-out of one passage is the same endpoint, seen earlier: C5.transplant.chimerism.p1.
        name, _, passage = name.partition(".")
        endpoint = f"{section}.{name}"
        passages = ["", *(f"p{i + 1}" for i in range(self.endpoints.design.transplant_passages))]
        if endpoint not in self.endpoints.names() or passage not in (passages if claim == "C5" else [""]):
            raise self._unknown(prediction_id)
        return endpoint

    def _unknown(self, prediction_id: str) -> WorldError:
        return WorldError(f"World {self.name}: the endpoint of {prediction_id!r} is not in the worlds.")


def folder() -> Path:
    """Return where the world files are."""
    return paths.data() / "worlds"


def names() -> tuple[str, ...]:
    """Return the names of all worlds, sorted."""
    return tuple(sorted(path.stem for path in folder().glob("*.toml")))


def load(name: str) -> World:
    """Return a world by name.

    Raises
    ------
    WorldError
        No such world (with the nearest name), or its file is not valid.
    """
    if name not in names():
        raise WorldError(f"There is no world {name!r}{nearest(name, names())}: expected one of {', '.join(names())}.")
    path = folder() / f"{name}.toml"
    common = folder() / "common" / "endpoints.toml"
    return _load(path, common, path.stat().st_mtime_ns, common.stat().st_mtime_ns)


@cache
def _load(path: Path, common: Path, *stamps: int) -> World:
    keys, endpoints = read(path, common)
    plain = {
        **keys.__dict__,
        "phenocopy_by_endpoint": keys.phenocopy_by_endpoint or {},
        "toxicity": keys.toxicity or {},
    }
    return World(**plain, endpoints=endpoints)
