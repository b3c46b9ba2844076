"""The tempting wrong analyses, each beside its right twin: how often do they see an effect where there is none?

Each function returns dicts with `name`, `p_wrong` and `p_right`: two-sided p of ECKO - control (markers: of "any marker
is lower"), of which at most 5 % should lie below 0.05 where nothing differs. NaN where the right analysis gives no p.
"""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

from endomtor.analyses import Answer, ecko_phenotypes, transcriptome, transplants
from endomtor.claims import verdicts
from endomtor.stats import Estimate, difference, holm, limiting_dilution
from endomtor.stats.expression import log_counts


def mistakes(tables: Mapping[str, pd.DataFrame], answers: Mapping[str, Answer]) -> list[dict]:
    """Run each wrong analysis for which the tables are there, beside the answers to the same tables."""
    found = []
    if "ecko_cells" in tables:
        found += cells_as_n(tables["ecko_cells"])
    if "serial_transplants" in tables:
        found += recipients_as_n(tables)
    if "ecko_limiting_dilution" in tables:
        found += elda(tables["ecko_limiting_dilution"], answers)
    if "ecko_blood" in tables:
        found += raw_percentages(tables["ecko_blood"], answers)
    found += uncorrected_markers(answers)
    if "hspc_counts" in tables:
        found += in_expression(transcriptome.transcriptomes(tables), answers)
    return found


def cells_as_n(cells: pd.DataFrame) -> list[dict]:
    """Cells of a few mice taken for as many animals (chapter 03)."""
    rows = []
    for assay in sorted(cells["assay"].unique()):
        answer = ecko_phenotypes.cells_as_n(cells, assay)
        if answer is not None:
            rows.append({"name": f"cells as n: {assay}", "p_wrong": answer[1].p, "p_right": answer[0].p})
    return rows


def recipients_as_n(tables: Mapping[str, pd.DataFrame]) -> list[dict]:
    """Recipients of a few exposed animals taken for as many (chapter 05)."""
    found = transplants.recipients_as_n(tables)
    if not found:
        return []
    return [{"name": "recipients as n: chimerism", "p_wrong": found["wrong"].p, "p_right": found["right"].p}]


def _of_ecko(answer: Answer) -> tuple[tuple[str, str], Estimate] | None:
    """Return the contrast of ECKO with its reference."""
    return next((one for one in answer.contrasts.items() if one[0][0] == "ecko"), None)


def elda(table: pd.DataFrame, answers: Mapping[str, Answer]) -> list[dict]:
    """ELDA over recipients of a few donors, the field's habit, against donors as n (chapter 03)."""
    rows = []
    for cell_type in ecko_phenotypes.cell_types(table):
        if (right := _of_ecko(answers[f"C3.limiting_dilution.{cell_type}"])) is None:
            continue
        own = table[(table["cell_type"] == cell_type) & table["group"].isin(right[0])]
        p = float(limiting_dilution.elda_difference(own)["p"].iat[0])
        rows.append({"name": f"ELDA, recipients as n: {cell_type}", "p_wrong": p, "p_right": right[1].p})
    return rows


def raw_percentages(blood: pd.DataFrame, answers: Mapping[str, Answer]) -> list[dict]:
    """Myeloid cells in per cent, where only B and T cells trade places, against the balance (chapter 03)."""
    if (right := _of_ecko(answers["C3.blood.myeloid_balance"])) is None:
        return []
    a, b = right[0]
    raw = difference(blood, value="myeloid_pct", group="group", a=a, b=b, unit="animal", block=("batch", "sex"))
    return [{"name": "raw per cent: myeloid", "p_wrong": raw.p, "p_right": right[1].p}]


def uncorrected_markers(answers: Mapping[str, Answer]) -> list[dict]:
    """ "Some marker is lower at p < 0.05", with as many tries as markers, against Holm's adjustment (chapter 01)."""
    own = [answer.estimate for name, answer in answers.items() if name.startswith("C1.signaling.")]
    p = [verdicts.one_sided(one.p, one.estimate, "difference", "less") for one in own if not one.withheld]
    if not p:
        return []
    wrong, right = (min(1.0, 2 * float(min(one))) for one in (p, holm(p)))
    return [{"name": "any marker, not corrected", "p_wrong": wrong, "p_right": right}]


def in_expression(data: transcriptome.Transcriptomes, answers: Mapping[str, Answer]) -> list[dict]:
    """Gene-level correlation of fold changes that share the young mice, against phi over animals (chapter 04).

    The right twin of a correlation that is "significant over genes" is the p of "ECKO scores differ from control".
    """
    if transcriptome.PHI not in answers:
        return []
    expression = log_counts(data.counts[list(data.animals["animal"])], min_mean=transcriptome.MIN_MEAN)
    groups = data.animals["group"].to_numpy()
    mean = {name: expression.to_numpy()[:, groups == name].mean(axis=1) for name in ("young", "aged", "ecko")}
    r = stats.pearsonr(mean["aged"] - mean["young"], mean["ecko"] - mean["young"])
    _, right = _of_ecko(answers[transcriptome.PHI])
    p_right = right.p if not right.withheld else np.nan
    return [{"name": "naive correlation, shared young", "p_wrong": float(r.pvalue), "p_right": p_right}]
