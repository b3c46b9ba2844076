"""Chapter 02's analysis: one number per animal, contrasts within ages, and what it finds in worlds of known truth."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from endomtor import worlds
from endomtor.analyses import rapamycin
from endomtor.analyses.judge import Judge
from endomtor.claims import verdicts
from endomtor.contract.dataset import from_tables
from endomtor.stats import amounts

MEASURED = {"title": "T", "provenance": "measured", "source": "a test"}
TABLES = ["rapamycin_blood", "rapamycin_marrow"]


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


def with_batch(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(batch=rows["treatment"].map({"vehicle": "monday", "rapamycin": "friday"}))


def changes_of(rows: pd.DataFrame) -> pd.DataFrame:
    arm = rows["age_group"] + " " + rows["treatment"]
    return rapamycin.change_from_baseline(rows.assign(log2=np.log2(rows["value"]), arm=arm))


def platelets(rows: pd.DataFrame) -> dict:
    """Estimates by age, the mean of ages under ""."""
    found = rapamycin.answers({"rapamycin_blood": rows})
    return {name.removeprefix("C2.blood.platelets").strip("."): one.estimate for name, one in found.items()}


def records_of(judge: Judge) -> list:
    return [judge.record(name, one.estimate) for name, one in rapamycin.answers(judge.dataset.tables).items()]


class TestOneNumberPerAnimal:
    def test_the_animals_own_baseline_is_subtracted(self):
        rows = blood_rows()
        changes = changes_of(rows)
        one = rows[rows["animal"] == "young-rapamycin-0"].set_index("day")["value"]
        expected = np.log2(one[[7, 14]]).mean() - np.log2(one[0])
        assert changes.set_index("animal")["value"]["young-rapamycin-0"] == pytest.approx(expected)
        assert len(changes) == rows["animal"].nunique()

    def test_a_day_that_one_animal_missed_is_left_out_for_all(self):
        rows = blood_rows()
        changes = changes_of(rows[~((rows["animal"] == "aged-vehicle-1") & (rows["day"] == 14))])
        assert set(changes["days"]) == {"7"}

    def test_without_one_baseline_none_is_subtracted(self):
        rows = blood_rows()
        changes = changes_of(rows[~((rows["animal"] == "aged-vehicle-1") & (rows["day"] == 0))])
        assert not changes["baseline"].any()


class TestContrasts:
    def test_the_primary_is_the_mean_of_the_ages(self):
        found = platelets(blood_rows())
        assert list(found) == ["", "young", "aged"]
        assert found[""].estimate == pytest.approx((found["young"].estimate + found["aged"].estimate) / 2)
        assert found[""].estimate == pytest.approx(-1, abs=0.1)
        records = records_of(Judge(from_tables(MEASURED, {"rapamycin_blood": blood_rows()})))
        assert records[0].verdict == "supported"

    def test_the_contrast_is_rapamycin_against_vehicle(self):
        for one in rapamycin.answers({"rapamycin_blood": blood_rows()}).values():
            assert one.contrasts == {("rapamycin", "vehicle"): one.estimate}

    def test_one_age_alone_stands_for_both(self):
        found = platelets(blood_rows(ages=("aged",)))
        assert list(found) == ["", "aged"]
        assert found[""] == found["aged"]
        assert found[""].n == {"aged rapamycin": 4, "aged vehicle": 4}

    def test_batch_that_is_the_treatment_withholds(self):
        records = records_of(Judge(from_tables(MEASURED, {"rapamycin_blood": with_batch(blood_rows())})))
        assert {record.verdict for record in records} == {"not testable here"}

    def test_the_other_test_takes_one_variance(self):
        found = rapamycin.answers({"rapamycin_blood": blood_rows()})
        for one in found.values():
            (other,) = one.alternatives().values()
            assert other.estimate == pytest.approx(one.estimate.estimate)
            assert other.df > one.estimate.df

    def test_only_what_is_wanted_is_answered(self):
        tables = worlds.simulate_tables("paper", 1, TABLES)
        wanted = {"C2.blood.platelets.aged", "C2.marrow.CFU"}
        whole, found = rapamycin.answers(tables), rapamycin.answers(tables, wanted)
        assert set(found) == wanted
        assert all(found[name].estimate == whole[name].estimate for name in wanted)

    def test_without_tables_nothing_is_claimed(self):
        assert rapamycin.answers({}) == {}


class TestOverDays:
    def over_days(self, rows: pd.DataFrame) -> pd.DataFrame:
        return rapamycin.over_days({"rapamycin_blood": rows})

    def test_without_a_baseline_a_balanced_design_gives_the_primary_contrast(self):
        rows = blood_rows(days=(7, 14, 21))
        primaries, found = platelets(rows), self.over_days(rows).set_index("contrast")
        assert list(found.index) == ["young", "aged", "averaged"]
        assert not found["baseline"].any()
        for contrast, one in found.iterrows():
            primary = primaries["" if contrast == "averaged" else contrast]
            assert one["estimate"] == pytest.approx(primary.estimate, abs=1e-9)
        # Groups are equally large, so that the pooled variance of the mixed model gives the same t; only df differ.
        averaged, primary = found.loc["averaged"], primaries[""]
        assert averaged["df"] == pytest.approx(12)
        t = stats.t.isf([averaged["p"] / 2, primary.p / 2], [averaged["df"], primary.df])
        assert t[0] == pytest.approx(t[1], rel=1e-6)

    def test_the_baseline_is_a_covariate_of_least_squares(self):
        rows = blood_rows(days=(0, 7, 14))
        means = rows.assign(log2=np.log2(rows["value"])).pivot_table(index="animal", columns="day", values="log2")
        wide = rows.drop_duplicates("animal").set_index("animal").assign(y=means[[7, 14]].mean(axis=1), base=means[0])
        # With as many days for each animal the contrast between animals is that of their means.
        fit = smf.ols("y ~ C(age_group, Sum) * C(treatment, Sum) + base", data=wide).fit()
        contrast = 2 * fit.params["C(treatment, Sum)[S.rapamycin]"]
        found = self.over_days(rows).set_index("contrast").loc["averaged"]
        assert found["baseline"]
        assert found["estimate"] == pytest.approx(contrast, abs=1e-6)
        assert found["df"] == pytest.approx(fit.df_resid, rel=1e-6)
        assert found["p"] == pytest.approx(fit.pvalues["C(treatment, Sum)[S.rapamycin]"], rel=1e-4)

    def test_what_builds_up_is_seen(self):
        rows = blood_rows(days=(0, 7, 14, 21))
        level = self.over_days(rows)
        later = rows["day"].where(rows["treatment"] == "rapamycin", 0)
        building = self.over_days(rows.assign(value=rows["value"] * 2 ** (-0.05 * later)))
        assert level["p_course"].iloc[-1] > 0.01
        assert building["p_course"].iloc[-1] < 1e-4
        assert level["p_course"].notna().tolist() == [False, False, True]

    def test_one_age_alone(self):
        table = self.over_days(blood_rows(ages=("aged",)))
        assert table["contrast"].tolist() == ["aged"]
        assert table["numdf"].item() == 1
        assert table["withheld"].item() == ""

    def test_one_day_is_no_course(self):
        rows = blood_rows(days=(0, 7))
        assert set(self.over_days(rows)["withheld"]) == {
            "Fewer than two days after the first dose, no course to model."
        }
        assert not platelets(rows)[""].withheld

    def test_what_the_design_confounds_is_withheld(self):
        table = self.over_days(with_batch(blood_rows(days=(0, 7, 14))))
        assert table["estimate"].isna().all()
        assert table["withheld"].str.contains("batch").all()


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
    ("world", "word"),
    [
        ("paper", verdicts.RECOVERED),
        ("bystander", verdicts.RIGHTLY_SILENT),
        ("confounded", verdicts.NOT_TESTABLE),
    ],
)
def test_claim_in_worlds(world, word):
    judge = Judge(worlds.dataset(world, 3, TABLES))
    claim = next(entry for entry in judge.ledger(records_of(judge))["claims"] if entry["id"] == "C2")
    assert claim["prediction"]["verdict"] == word


def test_a_population_in_two_units_has_two_records():
    marrow = worlds.simulate_tables("paper", 1, TABLES)["rapamycin_marrow"]
    one = marrow[marrow["population"] == "HSC"]
    share = one.assign(unit="% of WBM", value=one["value"] / 1e6)
    found = rapamycin.answers({"rapamycin_marrow": pd.concat([share, one])})
    assert {name for name in found if name.count(".") == 2} == {"C2.marrow.HSC"}
    assert found["C2.marrow.HSC.percent_of_WBM"].estimate.estimate == pytest.approx(
        found["C2.marrow.HSC"].estimate.estimate
    )
