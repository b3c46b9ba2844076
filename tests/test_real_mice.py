"""Real mice: what the originals give is what was computed elsewhere of the same files."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.meta_analysis import combine_effects

from endomtor import analyses, public
from endomtor.errors import EndomtorError, FetchError
from endomtor.estimate import Estimate
from endomtor.public import aging_cohorts, hsc_aging, hsc_animals, originals
from endomtor.stats import difference, hedges_g, meta, random_effects
from test_public import fetched, needs_mirror

__all__ = ["fetched"]

G = {
    "granulocytes": (1.24, 0.69, 1.79),
    "monocytes": (1.33, 0.48, 2.19),
    "T_cells": (-1.32, -1.80, -0.85),
    "B2_cells": (-0.73, -1.18, -0.28),
    "hemoglobin": (-1.68, -2.09, -1.27),
    "platelets": (1.58, 0.58, 2.58),
    "white_cells": (0.49, 0.10, 0.88),
}
"""Hedges g, old - young over cohorts, by another program: DerSimonian-Laird, normal interval, unscaled values."""

PHI = {
    "hemoglobin": (0.20, -0.09, 0.55),
    "red_cells": (-0.13, -1.47, 0.28),
    "granulocytes": (-0.01, -1.02, 0.36),
    "monocytes": (-0.47, -1.20, -0.14),
    "T_cells": (-0.84, -2.53, -0.19),
}


class TestRandomEffects:
    @staticmethod
    def of(effects, errors) -> dict[str, Estimate]:
        pairs = zip(effects, errors, strict=True)
        limits = [(one, one - 1.959964 * error, one + 1.959964 * error) for one, error in pairs]
        return {str(k): Estimate(*one, (0.0, 0.0), 0.5, {"mice": 9}, "mouse", "") for k, one in enumerate(limits)}

    def test_cohorts_that_differ_widen_the_interval_by_the_variance_between_them(self):
        effects, errors = np.array([0.2, 0.9, 1.4, 0.5]), np.array([0.2, 0.3, 0.25, 0.15])
        found = random_effects(self.of(effects, errors))
        between = combine_effects(effects, errors**2, method_re="pm").tau2
        weights = 1 / (errors**2 + between)
        center = weights @ effects / weights.sum()
        # Knapp and Hartung: the weighted spread of the cohorts about their mean.
        spread = np.sqrt(weights @ (effects - center) ** 2 / (3 * weights.sum()))
        assert between > 0
        assert found.estimate == pytest.approx(center, abs=1e-4)
        assert (found.ci_high - found.ci_low) / 2 == pytest.approx(3.182446 * spread, abs=1e-3)

    def test_cohorts_that_agree_by_chance_do_not_narrow_it(self):
        found = random_effects(self.of([0.50, 0.51, 0.49], [0.3, 0.3, 0.3]))
        assert (found.ci_high - found.ci_low) / 2 == pytest.approx(4.302653 * 0.3 / np.sqrt(3), abs=1e-3)
        assert found.n == {"cohorts": 3}

    def test_one_more_cohort_may_lie_further_off_than_the_mean(self):
        cohorts = self.of([0.2, 0.9, 1.4, 0.5], [0.2, 0.3, 0.25, 0.15])
        low, high = meta.prediction(cohorts)
        joined = random_effects(cohorts)
        assert low < joined.ci_low < joined.ci_high < high
        assert (low + high) / 2 == pytest.approx(joined.estimate)

    def test_one_cohort_is_none(self):
        with pytest.raises(EndomtorError, match="expected two cohorts or more"):
            random_effects(self.of([0.5], [0.1]))

    def test_an_interval_of_t_gives_its_standard_error_back(self):
        rows = pd.DataFrame({"m": range(6), "g": list("aaabbb"), "v": [1.0, 2.0, 4.0, 0.0, 1.0, 3.0]})
        one = difference(rows, value="v", group="g", a="a", b="b", unit="m")
        expected = np.sqrt(rows.groupby("g")["v"].var().sum() / 3)
        assert meta.standard_error(one) == pytest.approx(expected)


@needs_mirror
class TestOriginals:
    def test_cohorts_of_individual_mice_give_the_known_effects(self, fetched):
        path = public.fetch(["xie2022-mice"])["xie2022-mice"]
        table = aging_cohorts.blood_table(path)
        mice = originals.aging_mice(path, aging_cohorts.PHENOTYPES)
        # The same rows on the scale of the file, in which the effects of others are.
        raw = mice[mice["dataset"].isin(aging_cohorts.COHORTS)].dropna(subset="value")
        order = ["cohort", "trait"]
        raw = raw.assign(
            cohort=raw["dataset"].map(aging_cohorts.COHORTS), trait=raw["phenotype"].map(aging_cohorts.PHENOTYPES)
        )
        assert raw.groupby(order).size().equals(table.groupby(order).size())
        raw["mouse"] = raw.groupby(order).cumcount() + 1
        table = table.merge(raw[[*order, "mouse", "value"]], on=[*order, "mouse"])
        compared = {"value": "value", "group": "group", "a": "aged", "b": "young", "unit": "mouse"}
        for trait, expected in G.items():
            rows = table[(table["trait"] == trait) & (table["arm"] == aging_cohorts.UNTREATED)]
            found = [hedges_g(own, **compared) for _, own in rows.groupby("cohort")]
            g = np.array([one.estimate for one in found])
            sizes = np.array([[one.n["aged"], one.n["young"]] for one in found])
            variance = sizes.sum(axis=1) / sizes.prod(axis=1) + g**2 / (2 * sizes.sum(axis=1))
            # statsmodels lets this variance be below 0.
            weights = 1 / (variance + max(combine_effects(g, variance, method_re="dl").tau2, 0))
            center, half = weights @ g / weights.sum(), 1.959964 / np.sqrt(weights.sum())
            seen = (center, center - half, center + half)
            assert seen == pytest.approx(expected, abs=0.01), trait

    def test_lifespans_have_the_published_medians(self, fetched):
        table, provenance = public.table("lifespan_hazards")
        assert not provenance.frozen
        dose = table[(table["ppm"] == 42) & (table["start"] == 9)].set_index("sex")
        medians = dose[["median_control", "median_treated"]]
        assert medians.loc["female"].tolist() == [891, 1131]
        assert medians.loc["male"].tolist() == [807, 992]
        # The plain median takes a mouse that was removed for one that died: of 23 % it leaves 4.
        assert dose.at["male", "plain_treated"] / dose.at["male", "plain_control"] == pytest.approx(1.04, abs=0.005)
        assert dose.loc["male", ["removed_treated", "n_treated", "removed_control", "n_control"]].tolist() == [
            36,
            156,
            5,
            300,
        ]
        assert (round(table["hazard_ratio"].min(), 2), table["hazard_ratio"].max()) == (
            0.22,
            pytest.approx(0.88, abs=0.01),
        )

    def test_another_laboratory_agrees_with_its_own_table(self, fetched):
        rpkm, _ = originals.lt_hsc_rpkm(public.fetch(["lt-hsc-rpkm"])["lt-hsc-rpkm"])
        edger = pd.read_csv(public.fetch(["lt-hsc-edger"])["lt-hsc-edger"], sep="\t").drop_duplicates("SYMBOL")
        logs = np.log2(rpkm[rpkm.mean(axis=1) > 1] + 1)
        change = logs.filter(like="O").mean(axis=1) - logs.filter(like="Y").mean(axis=1)
        theirs = edger.set_index("SYMBOL")["logFC"]
        assert change.corr(theirs.reindex(change.index)) > 0.85
        average = hsc_aging.signature()[0]["average"]
        assert theirs.reindex(average.index).corr(average) == pytest.approx(0.87, abs=0.01)


def test_the_phi_of_hypomorphs_is_that_of_the_facts():
    table = public.frozen_table("aging_blood")
    about = {"direction": "either", "smallest": 0.25}
    for name, expected in PHI.items():
        one = aging_cohorts.hypomorph_phi(table, name, **about)
        assert (one.estimate, one.ci_low, one.ci_high) == pytest.approx(expected, abs=0.01), name
    for name in ("white_cells", "platelets", "B2_cells"):
        assert aging_cohorts.hypomorph_phi(table, name, **about).interval_kind != "bounded"
    young = aging_cohorts.hypomorph_difference(table, "white_cells", "young")
    assert young.n == {"mutant": 20, "untreated": 27}


def test_old_donors_engraft_more_and_give_no_more_lymphoid_cells():
    table = public.frozen_table("recipient_shares").set_index(["transplant", "readout", "subset"])
    assert table.at[(1, "HSC", "CD49b\u2212"), "fisher_p"] == pytest.approx(0.009, abs=0.0005)
    assert table.at[(1, "HSC", "CD49b+"), "fisher_p"] == pytest.approx(2e-5, abs=5e-6)
    for subset in ("CD49b\u2212", "CD49b+"):
        assert table.at[(1, "HSC", subset), "share_aged"] > table.at[(1, "HSC", subset), "share_young"] + 30
        assert table.at[(1, "CLP", subset), "fisher_p"] > 0.4


def test_blots_of_whole_tissues_disagree_between_the_arms_of_mtorc1():
    table = public.frozen_table("aging_blots")
    means = table[table["months"] == 26].groupby(["tissue", "protein"])["relative"].mean()
    # Ratios of means elsewhere, means of logs here: the directions are what both say.
    assert means["spleen", "p-S6"] < -0.5 < 0 < means["spleen", "p-4E-BP1"]
    assert means["brain", "p-S6"] < -0.4 < 0 < means["brain", "p-4E-BP1"]
    assert table.groupby(["tissue", "protein", "months"]).size().max() == 4


def test_the_signature_stands_far_above_the_noise_of_contrasts_without_a_difference():
    floor = public.frozen_table("signature_floor").groupby(["contrast", "population"])["slope"].mean().unstack()
    fake = floor.drop("real").abs().max(axis=None)
    assert fake < 0.12
    assert floor.at["real", "HSC"] > 10 * fake
    mixture = public.frozen_table("lsk_mixture").set_index("ages")["slope"]
    assert 0.15 < mixture["composition"] < 0.5 < mixture["cells"] < mixture["both"]


def test_hscs_without_neogenin_resemble_old_ones_partly():
    table = public.frozen_table("neo1_scores")
    r = table.groupby("group")["r"].first()
    assert r["young"] == pytest.approx(0.28, abs=0.01)
    assert r["aged"] == pytest.approx(0.23, abs=0.01)


def test_age_with_the_lane_is_said_beside_the_number():
    found = analyses.CHAPTERS["04_transcriptome_resemblance"].from_public()
    assert hsc_animals.LANES in found["C4.premise.LT_HSC"].warnings
    pools = found["C4.context.pools.HSC"]
    assert pools.unit == "pool"
    assert hsc_animals.POOLED in pools.warnings
    # By the score, cells that are no stem cells move about as far as old HSCs of another laboratory.
    assert found["C4.context.pools.MEP"].estimate == pytest.approx(found["C4.premise.LT_HSC"].estimate, abs=0.1)


@pytest.mark.parametrize(
    ("read", "text", "message"),
    [
        (lambda path: originals.aging_mice(path, ["WBC"]), "no gzip", "cannot be read as the mice of Xie"),
        (originals.itp_lifespans, "cohort;site\nC2004;TJL\n", "column 'sex' is missing"),
        (originals.recipients, "Age;Population\nYoung;CD49bneg\n", "column 'Reconstitution' is missing"),
        (originals.recipients_tested, "library(ggplot2)\n", "no line with n_mice_total"),
        (originals.lt_hsc_rpkm, "ENSEMBL\tSYMBOL\nE\tS\n", "six columns of RPKM"),
        (originals.star_counts, "N_unmapped\t1\nGene\t2\n", "expected the four of ReadsPerGene"),
        (originals.slopes_of_age, "Trait\nx\n", "column 'Phenotype' is missing"),
    ],
)
def test_another_file_is_refused_in_a_sentence(tmp_path, read, text, message):
    path = tmp_path / "file.txt"
    path.write_text(text)
    with pytest.raises(FetchError, match=message):
        read(path)
