"""Robustness: which variants there are, and that each is the chapter's own analysis."""

import gc
from functools import cache

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from hypothesis import given, settings
from hypothesis import strategies as st
from IPython.utils.capture import capture_output
from scipy import stats

from conftest import recorded, some_quick
from endomtor import figures, public, robustness, worlds
from endomtor.analyses import CHAPTERS as ALL
from endomtor.analyses import alternatives
from endomtor.analyses.judge import Judge
from endomtor.chapter import Chapter
from endomtor.claims import catalogue, evidence, verdicts
from endomtor.contract.dataset import from_tables
from endomtor.errors import UnitError
from endomtor.public import aging_cohorts
from endomtor.stats import permutation_test_means, random_effects

SIGNALING, RAPAMYCIN, ECKO, RNA, TRANSPLANTS = list(ALL)[:5]
CHAPTERS = {
    SIGNALING: ("bmec_signaling",),
    RAPAMYCIN: ("rapamycin_blood", "rapamycin_marrow"),
    ECKO: ("ecko_blood", "ecko_marrow", "ecko_cells", "ecko_limiting_dilution"),
    RNA: ("hspc_counts", "hspc_samples"),
    TRANSPLANTS: ("serial_transplants",),
}
ABOUT = {"title": "T", "provenance": "measured", "source": "a test"}
pytestmark = pytest.mark.usefixtures("shell")
FEW = "C1.signaling.pS6_S240_244"


def in_world(name, world: str = "paper", seed: int = 1) -> Chapter:
    return recorded(name, worlds.dataset(world, seed, CHAPTERS[name]))


def varied(chapter: Chapter) -> dict[str, robustness.Robustness]:
    with capture_output():
        return chapter.robustness()


@cache
def counted(name) -> tuple[Chapter, dict[str, robustness.Robustness]]:
    """World `paper`, seed 1; not to be changed."""
    chapter = in_world(name)
    return chapter, varied(chapter)


def measured(name, **tables: pd.DataFrame) -> Chapter:
    """A laboratory's data: the ids of simulated ones without their mark."""
    plain = {table: frame.replace(r"^sim-", "", regex=True) for table, frame in tables.items()}
    return recorded(name, from_tables(ABOUT, plain))


def signaling(aged: list[float], young: list[float], batch: list[str] | None = None) -> pd.DataFrame:
    """One marker whose log2 MFI are these."""
    values = np.array([*aged, *young])
    return pd.DataFrame(
        {
            "animal": [f"m{place:02}" for place in range(len(values))],
            "group": ["aged"] * len(aged) + ["young"] * len(young),
            "sex": "F",
            "batch": batch or "",
            "marker": FEW.rpartition(".")[2],
            "mfi": 2.0**values,
        }
    )


YOUNG = [10.0, 10.1, 9.9, 10.05, 9.95, 10.02]
AGED = [9.3, 9.4, 9.2, 9.35, 9.25]


class TestVariants:
    @pytest.mark.parametrize("name", some_quick(CHAPTERS, (SIGNALING, ECKO)))
    def test_units_batch_tests_and_thresholds_are_all_there_are(self, name):
        chapter, found = counted(name)
        answers = ALL[name].answers(chapter.dataset.tables)
        by_id = chapter.records
        for record in chapter.records.values():
            kinds = found[record.id].table["kind"].value_counts()
            # With a batch in one model of both ages, the contrast in one age rests on the mice of the other as well.
            rests_on = by_id[record.id.removesuffix(".young").removesuffix(".aged")]
            assert kinds["unit"] == sum(rests_on.n.values()), record.id
            assert kinds.get("test", 0) == len(set(answers[record.id].alternatives()) - set(alternatives.FACTORS))
            assert record.fragility == {"holds": found[record.id].holds, "of": kinds.sum()}
            # The jackknife over genes names no batch in its method.
            if not record.id.endswith("phi_genes"):
                assert kinds.get("batch", 0) == ("batch" in record.method)
        assert all(record.fragility for record in chapter.records.values())

    def test_one_animal_can_carry_a_verdict(self):
        chapter = measured(SIGNALING, bmec_signaling=signaling([*AGED, 11.2], YOUNG))
        table = varied(chapter)[FEW].table
        assert next(iter(chapter.records.values())).verdict == "inconclusive"
        units = table[table["kind"] == "unit"]
        assert units.loc[~units["holds"], ["label", "word"]].to_numpy().tolist() == [
            ["animal m05 left out", "supported"]
        ]
        assert units["holds"].sum() == 11

    def test_where_all_animals_agree_none_carries_it(self):
        chapter = measured(SIGNALING, bmec_signaling=signaling([*AGED, 9.3], YOUNG))
        one = varied(chapter)[FEW]
        # The difference of 0.7 passes twice 0.32 as well; half of it, which it passes for sure, is no variant.
        assert (one.holds, one.of) == (12 + 2 + 1, 12 + 2 + 1)

    def test_each_is_what_the_chapter_says_of_the_data_without_the_unit(self):
        """`exclusions.csv` is the contract's own way to leave an animal out."""
        tables = worlds.simulate_tables("paper", 3, CHAPTERS[ECKO])
        tables = {name: table.replace(r"^sim-", "", regex=True) for name, table in tables.items()}
        chapter = measured(ECKO, **tables)
        found = varied(chapter)
        animal = tables["ecko_cells"].loc[lambda frame: frame["group"] == "ecko", "animal"].iat[0]
        lines = [
            {"table": name, "animal": animal, "reason": "a test"}
            for name in ("ecko_blood", "ecko_marrow", "ecko_cells")
        ]
        without = measured(ECKO, **tables, exclusions=pd.DataFrame(lines))
        assert animal not in set(tables["ecko_limiting_dilution"]["donor"])
        checked = 0
        for record in without.records.values():
            table = found[record.id].table.set_index("label")
            if f"animal {animal} left out" in table.index:
                assert table.at[f"animal {animal} left out", "estimate"] == record.estimate
                assert table.at[f"animal {animal} left out", "word"] == record.verdict
                checked += 1
        assert checked == sum(not record.id.startswith("C3.limiting_dilution") for record in without.records.values())

    def test_the_order_of_rows_does_not_matter(self):
        drawn = worlds.simulate_tables("bystander", 1, ("bmec_signaling",))["bmec_signaling"]
        tables = [drawn, drawn.sample(frac=1, random_state=1)]
        one, other = (
            {
                name: (found.holds, sorted(found.table["label"]))
                for name, found in varied(measured(SIGNALING, bmec_signaling=table)).items()
            }
            for table in tables
        )
        assert one == other

    def test_a_withheld_verdict_has_no_variants(self):
        """Without its batch a confounded comparison would look sound."""
        chapter = in_world(ECKO, "confounded", 2)
        found = varied(chapter)
        withheld = [record for record in chapter.records.values() if record.verdict == "not testable here"]
        assert withheld
        assert all(record.fragility is None and record.id not in found for record in withheld)
        assert "C3" not in found
        with capture_output() as captured:
            chapter.robustness()
        assert "no verdict that could change" in captured.outputs[0].data["text/markdown"]

    def test_a_variant_is_withheld_where_one_animal_less_leaves_batch_and_group_alike(self):
        batch = ["x"] * 5 + ["y"] + ["y"] * 6
        chapter = measured(SIGNALING, bmec_signaling=signaling([*AGED, 9.3], YOUNG, batch))
        table = varied(chapter)[FEW].table.set_index("label")
        assert table.at["animal m05 left out", "word"] == "not testable here"
        assert not table.at["animal m05 left out", "holds"]

    def test_without_a_batch_nothing_is_left_out_of_the_model(self):
        for batch, count in (("", 0), ("x", 0), (["x", "y"] * 6, 1)):
            chapter = measured(SIGNALING, bmec_signaling=signaling([*AGED, 9.3], YOUNG, batch))
            table = varied(chapter)[FEW].table
            assert (table["kind"] == "batch").sum() == count

    def test_of_very_many_units_a_fixed_sample_is_left_out(self):
        few = [("animal", f"{place:03}") for place in range(robustness.LEFT_OUT)]
        many = [("donor", f"{place:03}") for place in range(500)]
        chosen = robustness._some([*few, *many])
        assert chosen == robustness._some([*few, *many])
        assert chosen[: robustness.LEFT_OUT] == few
        assert len(set(chosen)) == 2 * robustness.LEFT_OUT
        assert set(chosen) <= {*few, *many}

    def test_a_variant_is_gone_when_it_was_counted(self):
        """Without waiting for the collector: of hundreds of transcriptomes few copies fit into the memory."""
        chapter = in_world(RNA)

        def there() -> int:
            return sum(isinstance(one, Judge) for one in gc.get_objects())

        gc.collect()
        before = there()
        gc.disable()
        try:
            varied(chapter)
            assert there() == before
        finally:
            gc.enable()

    def test_donors_are_left_out_where_donors_are_the_unit(self):
        table = worlds.simulate_tables("paper", 1, ("serial_transplants",))["serial_transplants"]
        rank = table.groupby("niche")["exposed_animal"].transform(lambda own: own.rank(method="dense")).astype(int)
        own = table.assign(donor=table["niche"] + "-" + (rank % 4).astype(str), batch="")
        chapter = measured(TRANSPLANTS, serial_transplants=own)
        found = varied(chapter)
        record = next(one for one in chapter.records.values() if one.id == "C5.transplant.chimerism")
        assert (record.unit, sum(record.n.values())) == ("donor", 16)
        units = found[record.id].table.query("kind == 'unit'")["label"]
        assert sorted(units) == sorted(f"donor {donor} left out" for donor in own["donor"].unique())

    def test_a_premise_leaves_out_one_cohort_at_a_time(self):
        chapter = Chapter(ECKO, worlds.dataset("paper", 1, CHAPTERS[SIGNALING]))
        table, provenance = public.table("aging_blood")
        cohorts, name = aging_cohorts.by_cohort(table, "granulocytes"), "C3.premise.granulocytes"
        without = {one: random_effects({key: cohorts[key] for key in cohorts if key != one}) for one in cohorts}
        record = chapter.record(name, random_effects(cohorts), provenance=provenance, left_out=without)
        table = varied(chapter)[name].table
        assert (record.verdict, table["kind"].value_counts().to_dict()) == ("supported", {"unit": 4, "threshold": 1})
        assert sorted(table.query("kind == 'unit'")["label"]) == sorted(f"{one} left out" for one in cohorts)

    def test_other_thresholds_move_the_line_and_not_the_estimate(self):
        # Inconclusive between half and the whole of 0.32: half of it is passed.
        for shift, full, words in (
            (0.25, "inconclusive", {"half": "supported", "twice": "contradicted"}),
            (0.45, "supported", {"twice": "contradicted"}),
            (0.1, "contradicted", {"half": "inconclusive"}),
            (-0.5, "contradicted", {}),
        ):
            chapter = measured(SIGNALING, bmec_signaling=signaling([one - shift for one in YOUNG], YOUNG))
            table = varied(chapter)[FEW].table
            rows = table[table["kind"] == "threshold"]
            assert next(iter(chapter.records.values())).verdict == full
            assert set(rows["estimate"]) <= {next(iter(chapter.records.values())).estimate}
            assert {label.split()[0]: word for label, word in zip(rows["label"], rows["word"], strict=True)} == words

    @pytest.mark.parametrize("name", CHAPTERS)
    def test_no_threshold_that_a_verdict_passes_for_sure_is_counted(self, name):
        order = ["contradicted", "inconclusive", "supported"]
        chapter, found = counted(name)
        for record in chapter.records.values():
            word = order.index(verdicts.data_word(record.verdict, record.reason))
            words = found[record.id].table.query("kind == 'threshold'").set_index("label")["word"].map(order.index)
            expected = {"half the threshold": word < 2, "twice the threshold": word > 0}
            may = record.reason not in ("no aging effect", "opposite")
            assert set(words.index) == {label for label, counts in expected.items() if counts and may}
            assert words.get("half the threshold", word) >= word >= words.get("twice the threshold", word)

    def test_a_claim_of_one_prediction_goes_with_it_at_every_threshold(self):
        """Its p is that of phi at most the threshold, and not that of the smallest phi in `claims.toml`."""
        whole = worlds.dataset("paper", 19, CHAPTERS[RNA])
        few_of_each = whole.tables["hspc_samples"].groupby("group").head(4).reset_index(drop=True)
        counts = whole.tables["hspc_counts"][list(few_of_each["sample"])]
        tables = {"hspc_samples": few_of_each, "hspc_counts": counts}
        chapter = recorded(RNA, evidence.replace(whole, tables=tables))
        found = varied(chapter)
        claim, own = (found[one].table.set_index("label")["word"] for one in ("C4", "C4.transcriptome.phi"))
        assert own["half the threshold"] == "supported"
        assert not own.eq("supported").all()
        assert claim.to_dict() == own.to_dict()

    @pytest.mark.slow
    def test_donor_1_and_animal_1_are_two_mice(self):
        tables = worlds.simulate_tables("paper", 1, (*CHAPTERS[ECKO], "competitive_transplants"))
        donors = tables["competitive_transplants"]
        of_group = tables["ecko_marrow"].groupby("group")["animal"].unique()
        place = donors.groupby("donor_group")["donor"].transform(lambda own: own.rank(method="dense")).astype(int)
        same = [of_group[group][one - 1] for group, one in zip(donors["donor_group"], place, strict=True)]
        chapter = measured(ECKO, **tables | {"competitive_transplants": donors.assign(donor=same)})
        units = varied(chapter)["C3"].table.query("kind == 'unit'")["label"]
        animals = {one for name in CHAPTERS[ECKO][:3] for one in chapter.dataset.get(name)["animal"]}
        assert units.is_unique
        assert len(units) == len(animals) + len(set(same))

    def test_the_claim_is_judged_by_its_own_rule(self):
        chapter, found = counted(RAPAMYCIN)
        assert found["C2"].kind == "claim"
        # Two of four must hold: a claim outlives the loss of one prediction.
        assert found["C2"].holds / found["C2"].of >= min(
            one.holds / one.of for one in found.values() if one.primary and one.kind == "prediction"
        )
        kinds = found["C2"].table["kind"].value_counts()
        everyone = {animal for name in CHAPTERS[RAPAMYCIN] for animal in chapter.dataset.get(name)["animal"].unique()}
        assert kinds["unit"] == len(everyone)

    def test_what_is_not_the_calibrated_analysis_has_no_variants(self):
        chapter = in_world(SIGNALING)
        answer = ALL[SIGNALING].answers(chapter.dataset.tables)[FEW].estimate
        record = chapter.record(FEW, evidence.replace(answer, estimate=answer.estimate + 0.01))
        assert record.changed
        assert FEW not in varied(chapter)
        assert "C1.signaling.pS6_S235_236" in varied(chapter)


class TestPage:
    @pytest.fixture
    def chapter(self):
        return measured(SIGNALING, bmec_signaling=signaling([*AGED, 11.2], YOUNG))

    @pytest.fixture
    def found(self, chapter):
        return varied(chapter)

    def test_an_animal_of_any_name_stays_text(self):
        rows = {
            "kind": "one left out",
            "label": "animal {{ name }} {raw}`<b>`",
            "estimate": 1.0,
            "word": "",
            "reason": "",
        }
        said = robustness.Robustness("C3.marrow.HSC", "prediction", True, pd.DataFrame([rows | {"holds": False}]))
        assert r"\{\{ name \}\} \{raw\}\`\<b\>\`" in said.sentence("HSC")

    def test_the_sentence_counts_and_names(self, chapter, found):
        with capture_output() as captured:
            chapter.robustness()
        text = captured.outputs[0].data["text/markdown"]
        claim = found["C1"]
        assert text.startswith(f"- The verdict on C1 holds in {claim.holds} of {claim.of} variants")
        assert "m05 left out" in text

    def test_the_figure_has_a_mark_for_each_variant(self, chapter, found):
        frame = robustness.as_frame({"pS6": found[FEW]}, chapter.records)
        axes = figures.robustness(frame, xlabel="log2", references={0: "no difference"}).figure.axes[0]
        assert sum(len(collection.get_offsets()) for collection in axes.collections) == found[FEW].of
        rows = [label.get_text().replace("\n", " ") for label in axes.get_yticklabels()]
        choices = found[FEW].table.query("kind != 'unit'")["label"].tolist()
        assert rows == ["all data", "one left out", *choices]
        assert f"stays “inconclusive” in {found[FEW].holds} of {found[FEW].of}" in [
            text.get_text() for text in axes.texts
        ]

    def test_where_there_is_no_aging_effect_no_phi_is_drawn(self):
        chapter, found = counted(ECKO)
        records = chapter.records
        one = next(one for one in found.values() if one.id in records and records[one.id].reason == "no aging effect")
        axes = figures.robustness(
            robustness.as_frame({"it": one}, records), xlabel="phi", references={1: "aged"}
        ).figure.axes[0]
        assert "no phi can be read" in [text.get_text() for text in axes.texts]
        # A diamond is a line of one point, an interval an arrow.
        assert not [line for line in axes.lines if line.get_marker() == "D"]
        assert not [text for text in axes.texts if text.arrowprops]
        missing = one.table["reason"] == "no aging effect"
        rows = one.table["label"].where(one.table["kind"] != "unit", "one left out")
        marks = len(set(zip(rows[missing], one.table.loc[missing, "holds"], strict=True)))
        assert sum(len(collection.get_offsets()) for collection in axes.collections) == (~missing).sum() + marks

    def test_the_figure_says_the_numbers(self, chapter, found):
        with capture_output() as captured:
            chapter.show_robustness(found)
        about = captured.outputs[0].metadata["endomtor"]
        one = found[FEW]
        assert f"holds in {one.holds} of {one.of}" in about["alt"]
        assert len(about["caption"].split()) <= 60
        assert "MEASURED" in about["caption"].upper()

    def test_the_box_says_it(self, chapter, found):
        with capture_output() as captured:
            chapter.verdict("C1")
        words = f"verdict is the same in {found[FEW].holds} of {found[FEW].of} variants"
        assert words in captured.outputs[0].data["text/html"]


def few(n: int = 16, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    group = np.repeat(["young", "aged", "control", "ecko"], n // 4)
    shift = {"young": 0.0, "aged": 2.0, "control": 0.0, "ecko": 1.0}
    return pd.DataFrame(
        {
            "animal": [f"m{place}" for place in range(n)],
            "group": group,
            "batch": np.tile(["x", "y"], n // 2),
            "value": [shift[name] for name in group] + rng.normal(0, 0.4, n),
        }
    )


class TestAlternatives:
    ABOUT = {"value": "value", "group": "group", "unit": "animal"}

    def test_one_variance_is_students_t(self):
        rows = few().query("group in ['aged', 'young']")
        weights = {"aged": 1.0, "young": -1.0}
        one = alternatives.pooled(rows, weights=weights, block=None, **self.ABOUT)
        groups = [rows.loc[rows["group"] == name, "value"] for name in ("aged", "young")]
        theirs = stats.ttest_ind(*groups)
        low, high = theirs.confidence_interval(0.95)
        assert (one.p, one.ci_low, one.ci_high) == pytest.approx((theirs.pvalue, low, high))
        assert one.inner == pytest.approx(tuple(theirs.confidence_interval(0.90)))
        with pytest.raises(UnitError):
            alternatives.pooled(pd.concat([rows, rows]), weights=weights, block=None, **self.ABOUT)

    def test_with_blocks_it_is_the_linear_model(self):
        rows = few().query("group in ['aged', 'young']").assign(donor=lambda frame: ["a", "b", "a", "c"] * 2)
        one = alternatives.pooled(rows, weights={"aged": 1.0, "young": -1.0}, block=("batch", "donor"), **self.ABOUT)
        fit = smf.ols("value ~ C(group, Treatment('young')) + batch + donor", rows).fit()
        name = "C(group, Treatment('young'))[T.aged]"
        low, high = fit.conf_int().loc[name]
        assert (one.estimate, one.p, one.ci_low) == pytest.approx((fit.params[name], fit.pvalues[name], low))
        assert (one.ci_high, one.df) == pytest.approx((high, fit.df_resid))

    @pytest.mark.parametrize("block", [None, "batch"])
    def test_the_limits_of_phi_are_where_the_linear_model_rejects(self, block):
        rows, rule = few(), catalogue.load().rule("C3.marrow.HSC")
        rule = evidence.replace(rule, direction="greater")
        one = alternatives.pooled_phi(rows, rule, block=block, **self.ABOUT)
        fit = smf.ols("value ~ 0 + group" + (" + batch" if block else ""), rows).fit()

        def p(share: float) -> float:
            contrast = f"group[ecko] - group[control] - {share!r} * group[aged] + {share!r} * group[young] = 0"
            return float(fit.t_test(contrast).pvalue)

        assert [p(one.ci_low), p(one.ci_high)] == pytest.approx([0.05, 0.05], rel=1e-6)
        assert [p(limit) for limit in one.inner] == pytest.approx([0.10, 0.10], rel=1e-6)
        assert one.aging_p == pytest.approx(float(fit.t_test("group[aged] - group[young] = 0").pvalue) / 2)
        assert one.p == pytest.approx(max(p(rule.smallest), 2 * one.aging_p))
        assert one.interval_kind == "bounded"

    def test_without_an_aging_effect_phi_is_not_bounded(self):
        rows = few().assign(value=np.random.default_rng(3).normal(size=16))
        one = alternatives.pooled_phi(rows, catalogue.load().rule("C3.marrow.HSC"), block=None, **self.ABOUT)
        assert one.aging_p > 0.025
        assert one.interval_kind in ("whole_line", "two_piece")
        assert one.inner == (-np.inf, np.inf)

    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_the_exact_interval_holds_what_the_permutation_test_does_not_reject(self, seed):
        rows = few(24, seed).query("group in ['aged', 'young']")
        about = {"a": "aged", "b": "young", **self.ABOUT}
        one = alternatives.permutation(rows, **about)
        assert one.p == permutation_test_means(rows, **about).p

        def p(shift: float) -> float:
            moved = rows["value"] - shift * (rows["group"] == "aged")
            return permutation_test_means(rows.assign(value=moved), **about).p

        step = 0.02 * (one.ci_high - one.ci_low)
        for (low, high), level in (((one.ci_low, one.ci_high), 0.05), (one.inner, 0.10)):
            assert p(low) <= level < p(low + step)
            assert p(high) <= level < p(high - step)

    def test_three_against_three_have_no_exact_limit(self):
        rows = few(12).query("group in ['aged', 'young']")
        one = alternatives.permutation(rows, a="aged", b="young", **self.ABOUT)
        assert (one.ci_low, one.ci_high, one.interval_kind) == (-np.inf, np.inf, "whole_line")
        assert np.isfinite(one.inner).all()

    @pytest.mark.parametrize(("batch", "known"), [("", True), (["x", "y"] * 8, False)])
    def test_the_permutation_test_is_not_asked_where_the_batch_is_in_the_model(self, batch, known):
        rows = few().assign(batch=batch).query("group in ['aged', 'young']")
        answers = alternatives.of_difference(rows, a="aged", b="young", block="batch", **self.ABOUT)
        assert set(answers) == {alternatives.POOLED} | ({alternatives.EXACT} if known else set())

    @settings(max_examples=30, deadline=None)
    @given(st.integers(1, 10_000), st.floats(0, 1), st.sampled_from([None, "batch"]))
    def test_phi_by_one_variance_is_the_primary_one_where_groups_vary_alike(self, seed, share, block):
        """Equal sizes and the same residuals in each group leave the weights of the groups nothing to say."""
        noise = np.random.default_rng(seed).normal(size=6)
        means = {"young": 0.0, "aged": 5.0, "control": 0.0, "ecko": 5 * share}
        rows = pd.DataFrame(
            {
                "animal": [f"m{place}" for place in range(24)],
                "group": np.repeat(list(means), 6),
                "batch": ["x", "y"] * 12,
                "value": np.concatenate([mean + noise for mean in means.values()]),
            }
        )
        rule = evidence.replace(catalogue.load().rule("C3.marrow.HSC"), direction="greater")
        answers = alternatives.of_phi(rows, rule, block=block, **self.ABOUT)
        one, half = answers[alternatives.POOLED], answers["half the threshold"]
        assert one.estimate == pytest.approx(half.estimate, abs=1e-9)
        assert one.df == pytest.approx(20 - (block is not None))
        # Fieller's denominator has a common variance of the two contrasts: more degrees of freedom can only narrow.
        assert half.interval_kind != "bounded" or one.ci_high - one.ci_low <= half.ci_high - half.ci_low + 1e-9
