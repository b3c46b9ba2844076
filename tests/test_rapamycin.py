"""Chapter 02's analysis: one number per animal, contrasts within ages, and what it finds in worlds of known truth."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from scipy import stats
from traitlets.config import Config

from endomtor import contract, worlds
from endomtor.analyses import amounts, rapamycin
from endomtor.chapter import Chapter

ABOUT = 'title = "T"\nprovenance = "measured"\nsource = "a test"\n'


@pytest.fixture(scope="module", autouse=True)
def _shell():
    # Something must receive what is published; no history file is written for it.
    yield InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    InteractiveShell.clear_instance()


def blood_rows(ages=("young", "aged"), days=(0, 7, 14), n=4) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    rows = []
    for age in ages:
        for treatment in ("vehicle", "rapamycin"):
            for one in range(n):
                level = 10 + rng.normal(0, 0.3)
                for day in days:
                    effect = -1.0 if treatment == "rapamycin" and day > 0 else 0.0
                    animal = f"{age}-{treatment}-{one}"
                    value = 2 ** (level + effect + rng.normal(0, 0.05))
                    rows.append((animal, age, treatment, "F", "", day, "platelets", value, "10^3/uL"))
    columns = ["animal", "age_group", "treatment", "sex", "batch", "day", "analyte", "value", "unit"]
    return pd.DataFrame(rows, columns=columns)


def chapter_on(folder, **tables) -> Chapter:
    folder.mkdir(exist_ok=True)
    (folder / "dataset.toml").write_text(ABOUT, encoding="utf-8")
    for name, rows in tables.items():
        rows.to_csv(folder / f"{name}.csv", index=False)
    return Chapter("02_rapamycin", contract.load(folder))


def compare_blood(chapter: Chapter) -> dict:
    return rapamycin.compare_blood(chapter, rapamycin.change_from_baseline(rapamycin.blood(chapter)))


class TestOneNumberPerAnimal:
    def test_the_animals_own_baseline_is_subtracted(self, tmp_path):
        rows = blood_rows()
        changes = rapamycin.change_from_baseline(rapamycin.blood(chapter_on(tmp_path, rapamycin_blood=rows)))
        one = rows[rows["animal"] == "young-rapamycin-0"].set_index("day")["value"]
        expected = np.log2(one[[7, 14]]).mean() - np.log2(one[0])
        found = changes.set_index("animal")["value"]["young-rapamycin-0"]
        assert found == pytest.approx(expected)
        assert len(changes) == rows["animal"].nunique()

    def test_a_day_that_one_animal_missed_is_left_out_for_all(self, tmp_path):
        rows = blood_rows()
        rows = rows[~((rows["animal"] == "aged-vehicle-1") & (rows["day"] == 14))]
        changes = rapamycin.change_from_baseline(rapamycin.blood(chapter_on(tmp_path, rapamycin_blood=rows)))
        assert set(changes["days"]) == {"7"}

    def test_without_one_baseline_none_is_subtracted(self, tmp_path):
        rows = blood_rows()
        rows = rows[~((rows["animal"] == "aged-vehicle-1") & (rows["day"] == 0))]
        changes = rapamycin.change_from_baseline(rapamycin.blood(chapter_on(tmp_path, rapamycin_blood=rows)))
        assert not changes["baseline"].any()


class TestContrasts:
    def test_the_primary_is_the_mean_of_the_ages(self, tmp_path):
        chapter = chapter_on(tmp_path, rapamycin_blood=blood_rows())
        answers = compare_blood(chapter)["platelets"]
        mean = (answers["young"].estimate + answers["aged"].estimate) / 2
        assert answers["averaged"].estimate == pytest.approx(mean)
        assert answers["averaged"].estimate == pytest.approx(-1, abs=0.1)
        assert [record.id for record in chapter.records] == [
            "C2.blood.platelets",
            "C2.blood.platelets.young",
            "C2.blood.platelets.aged",
        ]
        assert chapter.records[0].verdict == "supported"

    def test_one_age_alone_stands_for_both(self, tmp_path):
        chapter = chapter_on(tmp_path, rapamycin_blood=blood_rows(ages=("aged",)))
        answers = compare_blood(chapter)["platelets"]
        assert answers["averaged"] == answers["aged"]
        assert chapter.records[0].n == {"aged rapamycin": 4, "aged vehicle": 4}

    def test_batch_that_is_the_treatment_withholds(self, tmp_path):
        rows = blood_rows()
        rows["batch"] = rows["treatment"].map({"vehicle": "monday", "rapamycin": "friday"})
        chapter = chapter_on(tmp_path, rapamycin_blood=rows)
        compare_blood(chapter)
        assert {record.verdict for record in chapter.records} == {"not testable here"}

    def test_without_tables_nothing_is_claimed(self, tmp_path):
        chapter = chapter_on(tmp_path, rapamycin_blood=blood_rows())
        assert rapamycin.marrow(chapter) is None
        assert rapamycin.compare_marrow(chapter, None) == {}
        assert rapamycin.compare_blood(chapter, rapamycin.change_from_baseline(None)) == {}


class TestOverDays:
    def over_days(self, folder, rows):
        chapter = chapter_on(folder, rapamycin_blood=rows)
        answers = compare_blood(chapter)
        return answers, rapamycin.over_days(rapamycin.blood(chapter), answers)

    def test_without_a_baseline_a_balanced_design_gives_the_primary_contrast(self, tmp_path):
        answers, table = self.over_days(tmp_path, blood_rows(days=(7, 14, 21)))
        found = table.set_index("contrast")
        assert list(found.index) == ["young", "aged", "averaged"]
        assert not found["baseline"].any()
        for contrast, one in found.iterrows():
            primary = answers["platelets"][contrast]
            assert one["estimate"] == pytest.approx(primary.estimate, abs=1e-9)
        # Groups are equally large, so that the pooled variance of the mixed model gives the same t; only df differ.
        averaged, primary = found.loc["averaged"], answers["platelets"]["averaged"]
        assert averaged["df"] == pytest.approx(12)
        t = stats.t.isf([averaged["p"] / 2, primary.p / 2], [averaged["df"], primary.df])
        assert t[0] == pytest.approx(t[1], rel=1e-6)

    def test_the_baseline_is_a_covariate_of_least_squares(self, tmp_path):
        rows = blood_rows(days=(0, 7, 14))
        _, table = self.over_days(tmp_path, rows)
        means = rows.assign(log2=np.log2(rows["value"])).pivot_table(index="animal", columns="day", values="log2")
        wide = rows.drop_duplicates("animal").set_index("animal").assign(y=means[[7, 14]].mean(axis=1), base=means[0])
        # With as many days for each animal the contrast between animals is that of their means.
        fit = smf.ols("y ~ C(age_group, Sum) * C(treatment, Sum) + base", data=wide).fit()
        contrast = 2 * fit.params["C(treatment, Sum)[S.rapamycin]"]
        found = table.set_index("contrast").loc["averaged"]
        assert found["baseline"]
        assert found["estimate"] == pytest.approx(contrast, abs=1e-6)
        assert found["df"] == pytest.approx(fit.df_resid, rel=1e-6)
        assert found["p"] == pytest.approx(fit.pvalues["C(treatment, Sum)[S.rapamycin]"], rel=1e-4)

    def test_what_builds_up_is_seen(self, tmp_path):
        rows = blood_rows(days=(0, 7, 14, 21))
        _, level = self.over_days(tmp_path / "level", rows)
        later = rows["day"].where(rows["treatment"] == "rapamycin", 0)
        _, building = self.over_days(tmp_path / "building", rows.assign(value=rows["value"] * 2 ** (-0.05 * later)))
        assert level["p_course"].iloc[-1] > 0.01
        assert building["p_course"].iloc[-1] < 1e-4
        assert level["p_course"].notna().tolist() == [False, False, True]

    def test_one_age_alone(self, tmp_path):
        _, table = self.over_days(tmp_path, blood_rows(ages=("aged",)))
        assert table["contrast"].tolist() == ["aged"]
        assert table["numdf"].item() == 1
        assert table["withheld"].item() == ""

    def test_one_day_is_no_course(self, tmp_path):
        answers, table = self.over_days(tmp_path, blood_rows(days=(0, 7)))
        assert set(table["withheld"]) == {"Fewer than two days after the first dose, no course to model."}
        assert not answers["platelets"]["averaged"].withheld

    def test_what_the_design_confounds_is_withheld(self, tmp_path):
        rows = blood_rows(days=(0, 7, 14))
        rows["batch"] = rows["treatment"].map({"vehicle": "monday", "rapamycin": "friday"})
        _, table = self.over_days(tmp_path, rows)
        assert table["estimate"].isna().all()
        assert table["withheld"].str.contains("batch").all()

    @pytest.mark.parametrize(("world", "estimated"), [("paper", True), ("null", True), ("confounded", False)])
    def test_the_table_says_that_it_is_secondary(self, tmp_path, world, estimated):
        rows = worlds.simulate_tables(world, 3, ["rapamycin_blood"])["rapamycin_blood"]
        chapter = chapter_on(tmp_path, rapamycin_blood=rows.replace(r"^sim-", "", regex=True))
        blood = rapamycin.blood(chapter)
        answers = rapamycin.compare_blood(chapter, rapamycin.change_from_baseline(blood))
        with capture_output() as captured:
            rapamycin.show_over_days(chapter, blood, answers)
        (shown,) = (
            output.data.get("text/plain", "") + output.data.get("text/markdown", "") for output in captured.outputs
        )
        assert "Secondary" in shown
        assert ("that one is primary" in shown) == estimated
        assert ("nothing is estimated" in shown) != estimated


class TestUnits:
    def table(self, *units):
        return pd.DataFrame({"population": "HSC", "unit": units, "value": [4.0] * len(units)})

    def test_an_absolute_number_speaks_for_the_population(self):
        table = amounts.endpoints(self.table("% of WBM", "cells per femur"))
        assert list(table["endpoint"]) == ["HSC.percent_of_WBM", "HSC"]
        assert list(table["log2"]) == [2.0, 2.0]

    @pytest.mark.parametrize("share", ["% of LSK", "per 10^5 WBM cells", "HSC frequency", "fraction of LSK"])
    def test_a_share_of_other_cells_never_goes_first(self, share):
        assert list(amounts.endpoints(self.table(share, "z cells per femur"))["endpoint"])[1] == "HSC"

    def test_a_single_unit_is_the_population_whatever_it_is(self):
        assert list(amounts.endpoints(self.table("% of WBM"))["endpoint"]) == ["HSC"]


@pytest.mark.parametrize(
    ("world", "word"), [("paper", "recovered"), ("bystander", "rightly silent"), ("confounded", "not testable here")]
)
def test_claim_in_worlds(tmp_path, world, word):
    chapter = Chapter("02_rapamycin", contract.load(worlds.simulate(world, seed=3, out=tmp_path / world)))
    compare_blood(chapter)
    rapamycin.compare_marrow(chapter, rapamycin.marrow(chapter))
    claim = next(entry for entry in chapter.ledger()["claims"] if entry["id"] == "C2")
    assert claim["prediction"]["verdict"] == word
