"""Chapter 04's analysis: unit, population, phi on the published axis, and what is left when parts are missing."""

import pickle
import warnings
from dataclasses import replace
from types import SimpleNamespace

import jupytext
import numpy as np
import pandas as pd
import pytest

from conftest import ROOT
from endomtor import public, worlds
from endomtor.analyses import transcriptome
from endomtor.analyses.judge import Judge
from endomtor.claims import cautions
from endomtor.errors import EndomtorError
from endomtor.public import hsc_aging
from endomtor.stats import expression, negative_binomial, resemblance
from endomtor.stats.negative_binomial import AllGenes

NAMES = ("hspc_counts", "hspc_samples")
IDS = [transcriptome.PHI, transcriptome.PHI_GENES]


def tables(world: str, seed: int, genes: int | None = None) -> dict[str, pd.DataFrame]:
    """One cohort's counts and sheet; with `genes`, that many of the signature and of the rest."""
    drawn = worlds.dataset(world, seed, NAMES).tables
    if genes is None:
        return drawn
    counts = drawn["hspc_counts"]
    inside = counts.index.isin(hsc_aging.signature()[0].index)
    return drawn | {"hspc_counts": pd.concat([counts[inside].head(genes), counts[~inside].head(genes)])}


def some(found: dict[str, pd.DataFrame], keep: pd.Series, **columns) -> dict[str, pd.DataFrame]:
    return found | {"hspc_samples": found["hspc_samples"][keep].assign(**columns)}


def judged(world: str, seed: int, found: dict[str, pd.DataFrame]) -> tuple[dict, list]:
    judge = Judge(replace(worlds.dataset(world, seed, NAMES), tables=found))
    records = [judge.record(name, one.estimate) for name, one in transcriptome.answers(judge.dataset.tables).items()]
    return next(entry for entry in judge.ledger(records)["claims"] if entry["id"] == "C4"), records


@pytest.fixture(scope="module")
def small():
    return tables("paper", 1, genes=60)


@pytest.fixture(scope="module")
def answers(small):
    return transcriptome.answers(small)


class TestWorlds:
    @pytest.mark.parametrize(
        ("world", "word"),
        [
            ("paper", "recovered"),
            ("bystander", "rightly silent"),
            ("toxic", "rightly silent"),
            ("null", "rightly silent"),
            ("inflamed", "rightly silent"),
        ],
    )
    def test_the_claim(self, world, word):
        claim, records = judged(world, 2, tables(world, 2))
        ill = world == "inflamed"
        assert claim["prediction"]["verdict"] == word
        assert [record.verdict for record in records] == [word, word, "recovered" if ill else "rightly silent"]
        assert claim["caution"].endswith(cautions.RAISED) == ill
        assert cautions.NOT_MEASURED not in claim["caution"]

    def test_a_confounded_design_has_no_verdict(self):
        _, records = judged("confounded", 1, tables("confounded", 1, genes=60))
        assert {record.verdict for record in records} == {"not testable here"}


class TestUnit:
    def test_phi_is_that_of_the_scores_of_animals(self, small, answers):
        data = transcriptome.transcriptomes(small)
        logs = expression.log_counts(data.counts[list(data.animals["animal"])], min_mean=transcriptome.MIN_MEAN)
        frame = data.animals.assign(score=resemblance.project(logs, hsc_aging.signature()[0]["average"]).to_numpy())
        about = {"group": "group", "unit": "animal", "direction": "greater", "block": ["batch", "sex"]}
        assert answers[transcriptome.PHI].estimate == resemblance.phi(frame, value="score", **about)
        assert answers[transcriptome.PHI].estimate.n == {"young": 6, "aged": 6, "control": 6, "ecko": 6}
        assert answers[transcriptome.PHI_GENES].estimate.unit == "animal"

    def test_the_predictions_own_contrast_comes_first(self, answers):
        contrasts = answers[transcriptome.PHI].contrasts
        assert list(contrasts) == [("ecko", "control"), ("aged", "young")]
        (ecko, aged), phi = contrasts.values(), answers[transcriptome.PHI].estimate
        assert phi.estimate == pytest.approx(ecko.estimate / aged.estimate)

    def test_inflammation_is_a_difference_of_differences(self):
        found = tables("inflamed", 1)
        own = transcriptome.answers(found, {cautions.INFLAMMATION})[cautions.INFLAMMATION]
        ecko, aged = own.contrasts.values()
        assert list(own.contrasts) == [("ecko", "control"), ("aged", "young")]
        assert own.estimate.estimate == pytest.approx(ecko.estimate - aged.estimate)
        planted = worlds.load("inflamed").value(cautions.INFLAMMATION)
        assert own.estimate.ci_low < planted < own.estimate.ci_high
        shared = some(found, found["hspc_samples"]["group"] != "control")
        shared = transcriptome.answers(shared, {cautions.INFLAMMATION})
        assert set(shared[cautions.INFLAMMATION].estimate.n) == {"ecko", "aged"}

    def test_lanes_of_an_animal_are_added_not_counted(self, small, answers):
        counts, sheet = small["hspc_counts"], small["hspc_samples"]
        half = sheet["sample"].iloc[0]
        lanes = counts.assign(**{half: counts[half] // 2, "lane": counts[half] - counts[half] // 2})
        extra = pd.concat([sheet, sheet.iloc[[0]].assign(sample="lane")], ignore_index=True)
        two = {"hspc_counts": lanes, "hspc_samples": extra}
        one, other = (transcriptome.transcriptomes(found).counts for found in (small, two))
        pd.testing.assert_frame_equal(one, other, check_names=False)
        assert transcriptome.answers(two)[transcriptome.PHI].estimate == answers[transcriptome.PHI].estimate

    def test_one_population_is_analysed_and_the_other_named(self, small):
        counts, sheet = small["hspc_counts"], small["hspc_samples"]
        other = sheet.assign(sample=sheet["sample"] + "-mpp", population="AMPP")
        both = pd.concat([counts, counts.add_suffix("-mpp")], axis=1)
        found = {"hspc_counts": both, "hspc_samples": pd.concat([other, sheet], ignore_index=True)}
        data = transcriptome.transcriptomes(found)
        assert (data.population, data.left_out, len(data.animals)) == ("HSC", ("AMPP",), 24)
        # Where HSCs were sequenced in fewer groups, the population of all groups is taken.
        partly = pd.concat([other, sheet[sheet["group"] != "ecko"]], ignore_index=True)
        data = transcriptome.transcriptomes(found | {"hspc_samples": partly})
        assert (data.population, data.left_out) == ("AMPP", ("HSC",))


class TestMissingParts:
    @pytest.mark.parametrize(
        ("kept", "ids"),
        [
            (("young", "aged", "ecko"), IDS),
            (("young", "control", "ecko"), []),
            (("control", "ecko"), []),
            (("young", "aged"), [transcriptome.AGING]),
            (("aged", "ecko"), []),
        ],
    )
    def test_groups(self, small, kept, ids):
        found = some(small, small["hspc_samples"]["group"].isin(kept))
        found["hspc_samples"] = found["hspc_samples"].drop(columns="population")
        assert list(transcriptome.answers(found)) == ids

    def test_without_both_tables_there_is_no_answer(self, small):
        assert transcriptome.answers({"hspc_counts": small["hspc_counts"]}) == {}
        assert transcriptome.answers({"bmec_signaling": pd.DataFrame()}) == {}

    def test_one_animal_in_a_group_is_not_testable(self, small):
        first = small["hspc_samples"].groupby("group").cumcount() == 0
        for keep in (first, first | (small["hspc_samples"]["group"] != "ecko")):
            found = transcriptome.answers(some(small, keep, batch=""))
            assert list(found) == IDS
            assert all(one.estimate.withheld for one in found.values())

    def test_other_gene_names_leave_phi_over_genes(self, small):
        counts = small["hspc_counts"]
        other = small | {"hspc_counts": counts.set_axis([f"ENSMUSG{i:011d}" for i in range(len(counts))])}
        assert list(transcriptome.answers(other)) == [transcriptome.PHI_GENES]
        with pytest.raises(EndomtorError, match="0 of 117 genes are in the set"):
            transcriptome.scores(transcriptome.transcriptomes(other))

    def test_no_gene_in_every_library(self, small):
        zeros = small["hspc_counts"].copy()
        zeros.iloc[::2, 0] = zeros.iloc[1::2, 1] = 0
        assert transcriptome.answers(small | {"hspc_counts": zeros}) == {}


class TestCost:
    def test_what_is_not_wanted_is_not_computed(self, small, monkeypatch):
        monkeypatch.setattr(transcriptome, "transcriptome_phi_genes", None)
        assert list(transcriptome.answers(small, {transcriptome.PHI})) == [transcriptome.PHI]
        monkeypatch.setattr(transcriptome, "transcriptomes", None)
        assert transcriptome.answers(small, {"C3.blood.myeloid_balance"}) == {}

    def test_other_tests_keep_a_row_an_animal_not_the_counts(self, small, answers):
        for one in answers.values():
            assert len(pickle.dumps(one.alternatives)) < 20_000 < small["hspc_counts"].to_numpy().nbytes
        found = answers[transcriptome.PHI].alternatives()
        assert set(found) == {
            "one variance for all groups",
            "half the threshold",
            "twice the threshold",
            "equal weights of the signature's genes",
        }
        assert {one.unit for one in found.values()} == {"animal"}


class TestGenes:
    def test_the_trap_springs_where_animals_are_shared(self):
        """Where there is no effect the naive correlation with a shared reference is near one half and phi is silent."""
        data = transcriptome.transcriptomes(tables("null", 1, genes=150))
        logs = expression.log_counts(data.counts, min_mean=transcriptome.MIN_MEAN)
        mean = logs.T.groupby(data.animals["group"].to_numpy()).mean().T
        aging = mean["aged"] - mean["young"]
        assert aging.corr(mean["ecko"] - mean["young"]) > 0.3
        assert abs(aging.corr(mean["ecko"] - mean["control"])) < 0.25
        without = data.animals[data.animals["group"] != "control"]
        about = {"sample": "animal", "min_mean": transcriptome.MIN_MEAN, "block": "batch"}
        assert not resemblance.transcriptome_phi_genes(data.counts, without, **about).ci_low > 0


class TestPublic:
    def test_premises_are_over_mice_and_enter_the_claim(self):
        _, provenance = public.table("hsc_aging_lfc")
        judge = Judge(worlds.dataset("paper", 1, NAMES))
        premises = {name: one for name, one in transcriptome.from_public().items() if "premise" in name}
        records = [judge.record(name, one, provenance=provenance) for name, one in premises.items()]
        assert {(one.kind, one.verdict, one.unit) for one in records} == {("premise", "supported", "mouse")}
        claim = next(entry for entry in judge.ledger(records)["claims"] if entry["id"] == "C4")
        assert claim["premise"]["verdict"] == "supported"

    def test_what_carries_the_slopes(self):
        """What the page says: without ten genes little is left in the controls, most in HSCs."""
        ours = public.frozen_table("hsc_aging_lfc").set_index("gene")
        ours = ours.join(hsc_aging.signature()[0]["average"], how="inner")
        whole, rest = {}, {}
        for name in ("HSC", *hsc_aging.CONTROLS):
            x, y = ours["average"], ours[f"lfc_{name}"]
            w = 1 / (ours[f"se_{name}"] ** 2 + hsc_aging.SCATTER**2)
            adds = (w * x * y).sort_values()
            whole[name], kept = adds.sum() / (w * x**2).sum(), adds.index[:-10]
            rest[name] = adds[kept].sum() / (w * x**2)[kept].sum()
        assert max(abs(rest[name]) for name in hsc_aging.CONTROLS) < 0.1
        assert rest["HSC"] > 0.8 * whole["HSC"]

    def test_six_genes_are_named(self):
        names = transcriptome.named_genes()
        assert len(names) == 6
        studies = hsc_aging.signature()[0].drop(columns="average").notna().sum(axis=1)
        assert studies[names].min() >= studies.drop(names).max()


def test_the_wald_test_of_all_genes_is_pydeseq2s():
    """AllGenes leaves what is not "different from 0" to pydeseq2."""
    rng = np.random.default_rng(1)
    x = np.column_stack([np.ones(8), np.repeat([0.0, 1.0], 4)])
    lfc = rng.normal(3, 0.5, (5, 2))
    about = {
        "design_matrix": x,
        "disp": np.full(5, 0.1),
        "lfc": lfc,
        "mu": np.exp(x @ lfc.T),
        "ridge_factor": np.diag([1e-6, 1e-6]),
        "contrast": np.array([0.0, 1.0]),
    }
    ours = AllGenes().wald_test(**about, lfc_null=0.0)
    theirs = super(AllGenes, AllGenes()).wald_test(**about, lfc_null=0.0)
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other)
    one_sided = AllGenes().wald_test(**about, lfc_null=0.0, alt_hypothesis="greater")[0]
    np.testing.assert_allclose(one_sided, ours[0] / 2)


def test_chapter_04_marks_a_gene_whose_fit_did_not_converge(small):
    """The cells from the fit to the volcano plot, with one of the six genes taken for such a gene."""
    shown = []

    class Unfitted(negative_binomial.GeneFit):
        def deseq2(self):
            super().deseq2()
            self.var.loc["Abat", "_LFC_converged"] = False

    data = transcriptome.transcriptomes(small)
    names = {
        "animals": data.animals,
        "counts": data.counts,
        "n": data.animals["group"].value_counts().to_dict(),
        "six_genes": list(data.counts.index[:3]),
        "chapter": SimpleNamespace(show=lambda drawn, **about: shown.append((drawn, about))),
    }
    cells = jupytext.read(ROOT / "notebooks" / "04_transcriptome_resemblance.py").cells
    code = [cell.source for cell in cells if cell.cell_type == "code"]
    fitting = ["batches = ", "wanted = ", "starred = "]
    with warnings.catch_warnings():
        for source in (code[1], *(one for start in fitting for one in code if one.startswith(start))):
            exec(source, names)
            names["GeneFit"] = Unfitted
    assert "Abat*" in names["results"]["aged", "young"].index
    [(drawn, about)] = shown
    assert "Abat*" in {text.get_text() for text in drawn.figure.axes[0].texts}
    assert "Abat*" in set(drawn.table["gene"])
    assert "An asterisk: the fit of this gene did not converge." in about["caption"]
