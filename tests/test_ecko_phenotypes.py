"""Chapter 03's analysis: units, latest common week, the unit of HSC numbers, absent groups, worlds of known truth."""

from pathlib import Path

import jupytext
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from endomtor import contract, worlds
from endomtor.analyses import ecko_phenotypes as ecko
from endomtor.analyses.judge import Judge
from endomtor.contract import Dataset
from endomtor.errors import NotTestable
from endomtor.stats import amounts, donor_log_frequency, resemblance
from endomtor.worlds.simulation import simulate_tables

TABLES = ("ecko_blood", "ecko_marrow", "ecko_cells", "ecko_limiting_dilution", "ecko_verification", "survival")
NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / "03_ecko_phenotypes.py"
ABOUT = 'title = "T"\nprovenance = "{kind}"\nsource = "a test"\n{more}'
ALL = dict.fromkeys(("young", "aged", "control", "ecko"))


def written(folder: Path, about: str, tables: dict[str, pd.DataFrame]) -> Dataset:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.toml").write_text(about, encoding="utf-8")
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return contract.load(folder)


def measured(folder: Path, **tables: pd.DataFrame) -> Dataset:
    """A laboratory's data: the ids of simulated ones without their mark."""
    plain = {name: table.replace(r"^sim-", "", regex=True) for name, table in tables.items()}
    return written(folder, ABOUT.format(kind="measured", more=""), plain)


def claim(dataset: Dataset) -> dict:
    judge = Judge(dataset)
    records = [judge.record(name, one.estimate) for name, one in ecko.answers(dataset.tables).items()]
    return next(one for one in judge.ledger(records)["claims"] if one["id"] == "C3")["prediction"]


def answer(table: pd.DataFrame, name: str):
    """The answer to one endpoint, by the table that its name tells."""
    part = name.split(".")[1]
    return ecko.answers({f"ecko_{part}": table}, {name})[name]


@pytest.fixture(scope="module")
def drawn():
    return simulate_tables("paper", 1, TABLES)


@pytest.fixture(scope="module")
def paper(tmp_path_factory, drawn):
    about = ABOUT.format(kind="simulated", more='world = "paper"\nseed = 1\n')
    return written(tmp_path_factory.mktemp("paper"), about, drawn)


class TestWorlds:
    @pytest.mark.parametrize(
        ("world", "seed", "word"),
        [
            ("paper", 1, "recovered"),
            ("bystander", 2, "rightly silent"),
            ("toxic", 2, "rightly silent"),
            ("opposite", 2, "rightly silent"),
            ("confounded", 2, "not testable here"),
        ],
    )
    def test_the_claim(self, tmp_path, world, seed, word):
        about = ABOUT.format(kind="simulated", more=f'world = "{world}"\nseed = {seed}\n')
        found = claim(written(tmp_path, about, simulate_tables(world, seed, TABLES)))
        assert found["verdict"] == word
        assert len(found["primary"]) == 4

    def test_a_sick_mouse_is_not_an_old_one(self, tmp_path):
        """In `toxic` foci rise in ECKO and not with age: ECKO differs, and no phi can be read."""
        about = ABOUT.format(kind="simulated", more='world = "toxic"\nseed = 2\n')
        dataset = written(tmp_path, about, simulate_tables("toxic", 2, ["ecko_cells"]))
        one = ecko.answers(dataset.tables)["C3.cells.gH2AX_foci"]
        assert one.contrasts["ecko", "control"].p < 0.005
        assert Judge(dataset).record("C3.cells.gH2AX_foci", one.estimate).reason == "no aging effect"


class TestAnswers:
    def test_the_predictions_own_contrast_comes_first(self, paper):
        for one in ecko.answers(paper.tables).values():
            assert list(one.contrasts) == [("ecko", "control"), ("aged", "young")]

    def test_other_tests_hold_other_thresholds_too(self, paper):
        one = ecko.answers(paper.tables, {"C3.marrow.HSC"})["C3.marrow.HSC"]
        assert {"half the threshold", "twice the threshold"} < set(one.alternatives())

    def test_only_what_is_wanted(self, paper):
        assert list(ecko.answers(paper.tables, {"C3.cells.polarity"})) == ["C3.cells.polarity"]

    def test_absent_tables_give_no_answers(self):
        assert ecko.answers({}) == {}


class TestBlood:
    def test_balance_is_the_named_log_ratio(self, drawn):
        table = drawn["ecko_blood"]
        values = ecko.blood(table).query("id == @ecko.BALANCE").set_index("animal")["value"]
        lineages = table.set_index("animal")
        expected = np.sqrt(2 / 3) * np.log(lineages["myeloid_pct"] / np.sqrt(lineages["b_pct"] * lineages["t_pct"]))
        np.testing.assert_allclose(values, expected[values.index], rtol=1e-12)

    def test_phi_is_that_of_the_linear_model(self, paper):
        table = paper.get("ecko_blood")
        fit = smf.ols("np.log2(platelets) ~ C(group, Treatment('young')) + C(batch)", table).fit().params
        aged, control, animal = (fit[f"C(group, Treatment('young'))[T.{g}]"] for g in ("aged", "control", "ecko"))
        one = answer(table, "C3.blood.platelets")
        assert one.estimate.estimate == pytest.approx((animal - control) / aged, rel=1e-9)
        assert one.estimate.unit == "animal"

    def test_one_value_per_animal_at_the_latest_common_week(self, drawn):
        table = drawn["ecko_blood"]
        late = table.assign(week=8, WBC=10.0)
        late["platelets"] = late["platelets"].mask(late.index == 0)
        later = table.iloc[:5].assign(week=12)
        values = ecko.blood(pd.concat([table.assign(week=4), late, later], ignore_index=True))
        assert not values.duplicated(["id", "animal"]).any()
        assert set(values.loc[values["id"] == "C3.blood.WBC", "value"]) == {np.log2(10.0)}
        # Each endpoint has its own week: one animal lacks platelets in week 8.
        assert values["id"].value_counts().nunique() == 1

    def test_without_optional_columns_the_balance_stays(self, drawn):
        bare = drawn["ecko_blood"].drop(columns=["nk_pct", "other_pct", "WBC", "platelets", "hemoglobin"])
        found = ecko.answers({"ecko_blood": bare.assign(batch="")})
        assert list(found) == [ecko.BALANCE]
        assert "Welch" in found[ecko.BALANCE].estimate.method

    def test_a_batch_of_each_animals_own_leaves_the_model(self, drawn):
        own = drawn["ecko_blood"].assign(batch=[f"day-{i}" for i in range(len(drawn["ecko_blood"]))])
        estimate = answer(own, ecko.BALANCE).estimate
        assert (estimate.withheld, "batch" in estimate.method) == ("", False)


class TestMarrow:
    @pytest.mark.parametrize(
        ("units", "first"),
        [
            (["% of LSK", "cells per femur"], "cells per femur"),
            (["per 10^5 BM cells", "10^3/femur"], "10^3/femur"),
            (["% of live", "% of LSK"], "% of LSK"),
            (["number per leg", "frequency of Lin-"], "number per leg"),
            (["colonies per 20000 cells", "colonies per femur"], "colonies per femur"),
        ],
    )
    def test_an_absolute_number_goes_before_a_share(self, units, first):
        for given in (units, units[::-1]):
            named = amounts.endpoints(pd.DataFrame({"population": "HSC", "unit": given, "value": 1.0}))
            assert named.set_index("endpoint").loc["HSC", "unit"] == first

    def test_two_spellings_of_a_unit_keep_two_names(self):
        units = ["per femur", "% of LSK", "%  of LSK", "%"]
        named = amounts.endpoints(pd.DataFrame({"population": "HSC", "unit": units, "value": 1.0}))
        assert named["endpoint"].is_unique
        assert "HSC.percent_of_LSK" in set(named["endpoint"])

    def test_both_units_are_answered_and_one_is_judged(self, tmp_path, drawn):
        hsc = drawn["ecko_marrow"].query("population == 'HSC'")
        share = hsc.assign(value=0.1, unit="% of LSK")
        share["value"] += 0.01 * np.arange(len(share))
        dataset = measured(tmp_path, ecko_marrow=pd.concat([share, hsc]))
        assert list(ecko.answers(dataset.tables)) == ["C3.marrow.HSC", "C3.marrow.HSC.percent_of_LSK"]
        values = ecko.marrow(dataset.get("ecko_marrow")).query("id == 'C3.marrow.HSC'")["value"]
        np.testing.assert_allclose(np.sort(values), np.sort(np.log2(hsc["value"])))
        assert claim(dataset)["primary"] == ["C3.marrow.HSC"]

    def test_stem_cells_come_first(self, drawn):
        assert ecko.marrow(drawn["ecko_marrow"])["id"].unique().tolist()[:2] == ["C3.marrow.HSC", "C3.marrow.LSK"]


class TestCells:
    def test_an_animals_value(self, drawn):
        values = ecko.per_animal(drawn["ecko_cells"]).set_index(["id", "animal"])["value"]
        own = drawn["ecko_cells"].query("animal == 'sim-ecko-aged-01'").groupby("assay")["value"]
        ones, n = own.sum()["polarity"], own.size()["polarity"]
        assert values["C3.cells.polarity", "sim-ecko-aged-01"] == pytest.approx(np.log((ones + 0.5) / (n - ones + 0.5)))
        assert values["C3.cells.gH2AX_foci", "sim-ecko-aged-01"] == pytest.approx(
            np.log(own.mean()["gH2AX_foci"] + 0.5)
        )

    def test_the_mouse_is_the_unit(self, drawn):
        found = ecko.answers({"ecko_cells": drawn["ecko_cells"]})
        assert {one.estimate.unit for one in found.values()} == {"animal"}
        assert found["C3.cells.polarity"].estimate.n == dict.fromkeys(ALL, 6)

    def test_cells_as_n_is_too_sure(self, drawn):
        right, wrong = ecko.cells_as_n(drawn["ecko_cells"], "gH2AX_foci")
        assert right.estimate == pytest.approx(wrong.estimate)
        assert wrong.unit == "cell"
        assert sum(wrong.n.values()) == 480
        assert wrong.ci_high - wrong.ci_low < right.ci_high - right.ci_low
        assert ecko.cells_as_n(drawn["ecko_cells"].query("group != 'ecko'"), "gH2AX_foci") is None

    def test_only_hscs_where_populations_are_named(self, drawn):
        cells = drawn["ecko_cells"].query("assay == 'polarity'").reset_index(drop=True)
        mixed = cells.assign(
            population=np.where(cells.index % 4 == 0, "MPP4", np.where(cells.index % 4 == 1, "", "HSC"))
        )
        assert len(ecko.hscs(mixed)) == 3 * len(cells) // 4
        bare = cells.drop(columns=["population", "blinded"])
        assert len(ecko.hscs(bare)) == len(cells)
        assert list(ecko.answers({"ecko_cells": bare})) == ["C3.cells.polarity"]

    def test_an_animal_stained_on_two_days(self, drawn):
        cells = drawn["ecko_cells"].reset_index(drop=True)
        cells["batch"] = np.where(cells.index % 2 == 0, "mon", "tue")
        assert set(ecko.per_animal(cells)["batch"]) == {"mon+tue"}


class TestLimitingDilution:
    def test_donors_are_compared_per_cell_type(self, drawn):
        table = drawn["ecko_limiting_dilution"]
        found = ecko.answers({"ecko_limiting_dilution": table})
        assert list(found) == [f"C3.limiting_dilution.{name}" for name in ecko.cell_types(table)]
        assert ecko.cell_types(table) == ["WBM", "HSC"]
        for one in found.values():
            assert one.estimate.unit == "donor"
            assert one.estimate.n == dict.fromkeys(ALL, 3)

    def test_a_donors_value_is_its_log_frequency(self, drawn):
        table = drawn["ecko_limiting_dilution"]
        values = ecko.donors(table).query("id == 'C3.limiting_dilution.WBM'").set_index("donor")["value"]
        plain = donor_log_frequency(table[table["cell_type"] == "WBM"]).set_index("donor")["log_frequency"]
        pd.testing.assert_series_equal(values, plain, check_names=False)

    def test_unstated_cells_have_no_declared_direction(self, tmp_path, drawn):
        table = drawn["ecko_limiting_dilution"].query("cell_type == 'WBM'").drop(columns=["cell_type", "week"])
        dataset = measured(tmp_path, ecko_limiting_dilution=table)
        assert ecko.cell_types(table) == ["unstated"]
        assert list(ecko.answers(dataset.tables)) == ["C3.limiting_dilution.unstated"]
        assert claim(dataset)["primary"] == []

    def test_a_group_with_one_donor_is_not_testable(self, tmp_path, drawn):
        table = drawn["ecko_limiting_dilution"].query("cell_type == 'WBM'")
        table = table[(table["group"] != "aged") | (table["donor"] == "sim-dilution-aged-1")]
        dataset = measured(tmp_path, ecko_limiting_dilution=table)
        one = ecko.answers(dataset.tables)["C3.limiting_dilution.WBM"]
        assert Judge(dataset).record("C3.limiting_dilution.WBM", one.estimate).verdict == "not testable here"
        assert one.contrasts["aged", "young"].withheld
        assert not one.contrasts["ecko", "control"].withheld


@pytest.fixture(scope="module")
def hosts():
    return simulate_tables("paper", 1, ["competitive_transplants"])["competitive_transplants"]


class TestCompetitive:
    def test_a_donors_value_is_the_mean_of_its_hosts_in_the_last_week(self, hosts):
        found = ecko.answers({"competitive_transplants": hosts})
        assert list(found) == ["C3.competitive.chimerism", "C3.competitive.myeloid_balance"]
        assert {one.estimate.unit for one in found.values()} == {"donor"}
        assert found["C3.competitive.chimerism"].estimate.n == dict.fromkeys(ALL, 8)
        last = hosts.query("week == 16")
        odds = last["donor_chimerism_pct"] / (100 - last["donor_chimerism_pct"])
        plain = np.log(odds).groupby(last["donor"]).mean()
        values = ecko.grafts(hosts).query("id == 'C3.competitive.chimerism'").set_index("donor")["value"]
        pd.testing.assert_series_equal(values, plain, check_names=False)

    def test_more_hosts_of_a_donor_are_no_more_donors(self, hosts):
        twice = pd.concat([hosts, hosts.assign(recipient=hosts["recipient"] + "-twin")])
        once, again = (ecko.answers({"competitive_transplants": one}) for one in (hosts, twice))
        for name, one in once.items():
            assert again[name].estimate.n == one.estimate.n
            assert again[name].estimate.ci_low == pytest.approx(one.estimate.ci_low)

    def test_the_week_of_the_reading(self, hosts):
        def weeks(table):
            # Read-outs are weeks here, so that a donor's value tells its week.
            read = ecko.grafts(table.assign(donor_chimerism_pct=100 / (1 + np.exp(-table["week"] / 8))))
            return set(read.query("id == 'C3.competitive.chimerism'")["value"].mul(8).round(6))

        assert weeks(hosts) == {16}
        one = hosts["recipient"] == hosts["recipient"].iat[0]
        # One host that dies early takes nobody else's long-term reading.
        assert weeks(hosts[~one | (hosts["week"] < 12)]) == {16}
        # A week that some were read in later is not that of all.
        later = hosts[hosts["donor_group"] == "aged"].query("week == 16").assign(week=20)
        assert weeks(pd.concat([hosts, later])) == {16}
        assert weeks(hosts[hosts["week"] < 16]) == {12}

    def test_marrow_is_not_read_as_blood(self, hosts):
        marrow = hosts.assign(tissue="BM", donor_chimerism_pct=1.0)
        pd.testing.assert_frame_equal(ecko.grafts(pd.concat([hosts, marrow])), ecko.grafts(hosts))
        assert ecko.answers({"competitive_transplants": marrow}) == {}

    def test_hosts_of_two_days_are_one_batch(self, hosts):
        mixed = hosts.assign(batch=np.where(hosts["recipient"].str.endswith("-r1"), "mon", "tue"))
        assert set(ecko.grafts(mixed)["batch"]) == {"mon+tue"}
        few = ecko.answers({"competitive_transplants": hosts.drop(columns=["sex", "batch", "tissue"])})
        assert "batch" not in few["C3.competitive.chimerism"].estimate.method

    def test_sex_that_goes_with_the_group_withholds(self, tmp_path, hosts):
        aligned = hosts.assign(sex=np.where(hosts["donor_group"] == "ecko", "M", "F"))
        dataset = measured(tmp_path, competitive_transplants=aligned)
        one = ecko.answers(dataset.tables)["C3.competitive.chimerism"]
        assert one.contrasts["ecko", "control"].withheld
        assert Judge(dataset).record("C3.competitive.chimerism", one.estimate).verdict == "not testable here"

    @pytest.mark.parametrize("given", [True, False])
    def test_a_primary_of_the_claim_where_given(self, tmp_path, drawn, hosts, given):
        beside = {"competitive_transplants": hosts} if given else {}
        found = claim(measured(tmp_path, **{name: drawn[name] for name in TABLES[:4]}, **beside))
        assert found["k"] == 4 + given
        assert ("C3.competitive.chimerism" in found["primary"]) == given


class TestAbsentGroups:
    def test_young_stands_in_for_control(self, drawn):
        table = drawn["ecko_marrow"].query("group != 'control' and population == 'HSC'")
        one = ecko.answers({"ecko_marrow": table.assign(batch="")})["C3.marrow.HSC"]
        assert set(one.contrasts) == {("aged", "young"), ("ecko", "young")}
        means = np.log2(table.set_index("group")["value"]).groupby("group").mean()
        expected = (means["ecko"] - means["young"]) / (means["aged"] - means["young"])
        assert one.estimate.estimate == pytest.approx(expected)
        assert resemblance.SHARED in one.estimate.warnings

    @pytest.mark.parametrize("absent", ["aged", "young", "ecko"])
    def test_without_one_of_its_groups_there_is_no_phi(self, drawn, absent):
        found = ecko.answers({"ecko_marrow": drawn["ecko_marrow"].query("group != @absent")})
        # Without ECKO age alone is judged.
        assert list(found) == (["C3.marrow.HSC.aging"] if absent == "ecko" else [])

    def test_a_group_without_values_is_absent(self, drawn):
        table = drawn["ecko_marrow"].query("population == 'HSC'").copy()
        table["value"] = table["value"].mask(table["group"] == "aged")
        assert ecko.answers({"ecko_marrow": table}) == {}


@pytest.mark.parametrize("case", ["other tables only", "few groups, no optional columns"])
def test_the_notebook_runs_through(tmp_path, monkeypatch, drawn, hosts, case):
    if case == "other tables only":
        tables = {"rapamycin_marrow": worlds.simulate_tables("paper", 1, ["rapamycin_marrow"])["rapamycin_marrow"]}
    else:
        tables = {
            "ecko_blood": drawn["ecko_blood"].drop(columns=["nk_pct", "other_pct", "WBC", "platelets", "hemoglobin"]),
            "ecko_marrow": drawn["ecko_marrow"].query("population in ['HSC', 'CLP']").drop(columns="colony_type"),
            "ecko_cells": drawn["ecko_cells"].query("assay == 'polarity'").drop(columns=["population", "blinded"]),
            "ecko_limiting_dilution": drawn["ecko_limiting_dilution"].drop(columns=["week", "cell_type"]),
            "survival": drawn["survival"].query("experiment == 'transplant'"),
        }
        tables = {name: table.query("group != 'aged'") for name, table in tables.items()}
        few = ["recipient", "donor", "donor_group", "week", "donor_chimerism_pct", "myeloid_pct", "b_pct", "t_pct"]
        tables["competitive_transplants"] = hosts.query("donor_group != 'aged'")[few]
        tables["ecko_verification"] = drawn["ecko_verification"].query("cell_type == 'BMEC'")
        tables["ecko_limiting_dilution"] = tables["ecko_limiting_dilution"].drop_duplicates(["donor", "dose"])
    measured(tmp_path / "data", **tables)
    monkeypatch.setenv("ENDOMTOR_EVIDENCE", str(tmp_path / "evidence"))
    InteractiveShell.instance()
    scope, absent, said = {}, set(), []
    with capture_output():
        for cell in jupytext.read(NOTEBOOK)["cells"]:
            tags = cell["metadata"].get("tags", [])
            needs = [tag for tag in tags if tag.startswith("needs:")]
            if cell["cell_type"] != "code" or absent & set(needs):
                continue
            try:
                exec(cell["source"], scope)
            except NotTestable as reason:
                absent.update(needs[-1:])
                said.append(str(reason))
            if "parameters" in tags:
                scope["data_dir"] = str(tmp_path / "data")
    assert (tmp_path / "evidence" / "03_ecko_phenotypes.json").is_file()
    assert {record.kind for record in scope["chapter"].records.values()} == {"context", "premise"}
    assert ("no ECKO experiment" in " ".join(said)) == (case != "other tables only")
    assert len(said) == (8 if case == "other tables only" else 4)
