"""Chapter 03's analysis: units, latest common week, the unit of HSC numbers, absent groups, worlds of known truth."""

from pathlib import Path

import jupytext
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from statsmodels.duration.survfunc import survdiff

from endomtor import contract, worlds
from endomtor.analyses import ecko_phenotypes as ecko
from endomtor.chapter import Chapter
from endomtor.stats import NoAgingReference, donor_log_frequency, resemblance
from endomtor.worlds.simulation import simulate_tables

NAME = "03_ecko_phenotypes"
TABLES = ("ecko_blood", "ecko_marrow", "ecko_cells", "ecko_limiting_dilution", "ecko_verification", "survival")
NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / f"{NAME}.py"
ABOUT = 'title = "T"\nprovenance = "{kind}"\nsource = "a test"\n{more}'


@pytest.fixture(scope="module", autouse=True)
def shell():
    """What `capture_output` captures from."""
    return InteractiveShell.instance()


def written(folder: Path, about: str, tables: dict[str, pd.DataFrame]) -> Chapter:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.toml").write_text(about, encoding="utf-8")
    for name, table in tables.items():
        table.to_csv(folder / f"{name}.csv", index=False)
    return Chapter(NAME, contract.load(folder))


def in_world(folder: Path, world: str, seed: int) -> Chapter:
    about = ABOUT.format(kind="simulated", more=f'world = "{world}"\nseed = {seed}\n')
    return written(folder, about, simulate_tables(world, seed, TABLES))


def measured(folder: Path, **tables: pd.DataFrame) -> Chapter:
    """A laboratory's data: the ids of simulated ones without their mark."""
    plain = {name: table.replace(r"^sim-", "", regex=True) for name, table in tables.items()}
    return written(folder, ABOUT.format(kind="measured", more=""), plain)


@pytest.fixture(scope="module")
def drawn():
    return simulate_tables("paper", 1, TABLES)


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    return in_world(tmp_path_factory.mktemp("paper"), "paper", 1)


def all_answers(chapter: Chapter) -> tuple[dict, ...]:
    values = {
        "ecko_blood": ecko.blood(chapter),
        "ecko_marrow": ecko.marrow(chapter),
        "ecko_cells": ecko.per_animal(ecko.cells(chapter)),
        "ecko_limiting_dilution": ecko.donors(ecko.dilution(chapter)),
    }
    return tuple(ecko.compare(chapter, frame, table) for table, frame in values.items())


def words(captured) -> str:
    return "\n".join(str(output.data.get("text/plain", output.data)) for output in captured.outputs)


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
        chapter = in_world(tmp_path, world, seed)
        all_answers(chapter)
        claim = next(entry for entry in chapter.ledger()["claims"] if entry["id"] == "C3")
        assert claim["prediction"]["verdict"] == word
        assert len(claim["prediction"]["primary"]) == 5

    def test_a_sick_mouse_is_not_an_old_one(self, tmp_path):
        """In `toxic` foci rise in ECKO and not with age: ECKO differs, and no phi can be read."""
        chapter = in_world(tmp_path, "toxic", 2)
        answer = ecko.compare(chapter, ecko.per_animal(ecko.cells(chapter)), "ecko_cells")["C3.cells.gH2AX_foci"]
        assert answer.contrasts["ecko", "control"].p < 0.005
        assert answer.record.reason == "no aging effect"
        row = ecko.phi_rows({"C3.cells.gH2AX_foci": answer}).iloc[0]
        assert (row["note"], np.isnan(row["estimate"])) == ("no aging effect seen", True)


class TestBlood:
    def test_balance_is_the_named_log_ratio(self, paper):
        values = ecko.blood(paper).query("name == 'myeloid balance'")
        expected = np.sqrt(2 / 3) * np.log(values["myeloid_pct"] / np.sqrt(values["b_pct"] * values["t_pct"]))
        np.testing.assert_allclose(values["value"], expected, rtol=1e-12)

    def test_phi_is_that_of_the_linear_model(self, paper):
        values = ecko.blood(paper).query("name == 'platelets'")
        fit = smf.ols("value ~ C(group, Treatment('young')) + C(batch)", values).fit().params
        aged, control, animal = (fit[f"C(group, Treatment('young'))[T.{g}]"] for g in ("aged", "control", "ecko"))
        answer = ecko.compare(Chapter(NAME, paper.dataset), values, "ecko_blood")["C3.blood.platelets"]
        assert answer.phi.estimate == pytest.approx((animal - control) / aged, rel=1e-9)
        assert answer.phi.unit == "animal"

    def test_one_value_per_animal_at_the_latest_common_week(self, tmp_path, drawn):
        early, late = drawn["ecko_blood"].assign(week=4), drawn["ecko_blood"].assign(week=8)
        later = drawn["ecko_blood"].iloc[:5].assign(week=12)
        late["platelets"] = late["platelets"].mask(late.index == 0)
        chapter = measured(tmp_path, ecko_blood=pd.concat([early, late, later]))
        values = ecko.blood(chapter)
        # Each endpoint has its own: one animal lacks platelets in week 8.
        assert values.groupby("name")["week"].unique().map(list).to_dict() == {
            "myeloid balance": [8.0],
            "WBC": [8.0],
            "hemoglobin": [8.0],
            "platelets": [4.0],
        }
        assert not values.duplicated(["id", "animal"]).any()
        with capture_output() as captured:
            ecko.show_weeks(chapter, values)
        assert "platelets" in words(captured)

    def test_without_optional_columns_the_balance_stays(self, tmp_path, drawn):
        bare = drawn["ecko_blood"].drop(columns=["nk_pct", "other_pct", "WBC", "platelets", "hemoglobin"])
        chapter = measured(tmp_path, ecko_blood=bare.assign(batch=""))
        values = ecko.blood(chapter)
        answers = ecko.compare(chapter, values, "ecko_blood")
        assert list(answers) == ["C3.blood.myeloid_balance"]
        assert "Welch" in answers["C3.blood.myeloid_balance"].phi.method
        with capture_output() as captured:
            ecko.show_composition(chapter, values, answers)
            ecko.show_counts(chapter, values, answers)
        assert sum("image/png" in output.data for output in captured.outputs) == 1

    def test_a_batch_of_each_animals_own_leaves_the_model(self, tmp_path, drawn):
        own = drawn["ecko_blood"].assign(batch=[f"day-{i}" for i in range(len(drawn["ecko_blood"]))])
        chapter = measured(tmp_path, ecko_blood=own)
        answer = ecko.compare(chapter, ecko.blood(chapter), "ecko_blood")["C3.blood.myeloid_balance"]
        assert answer.phi.withheld == ""
        assert "Welch" in answer.phi.method


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
        assert ecko.marrow_ids("HSC", units)["C3.marrow.HSC"] == first
        assert ecko.marrow_ids("HSC", units[::-1]) == ecko.marrow_ids("HSC", units)

    def test_two_spellings_of_a_unit_keep_two_ids(self):
        ids = ecko.marrow_ids("HSC", ["per femur", "% of LSK", "%  of LSK", "%"])
        assert set(ids.values()) == {"per femur", "% of LSK", "%  of LSK", "%"}
        assert "C3.marrow.HSC.percent_of_LSK" in ids

    def test_both_units_are_shown_and_one_is_judged(self, tmp_path, drawn):
        hsc = drawn["ecko_marrow"].query("population == 'HSC'")
        share = hsc.assign(value=0.1, unit="% of LSK")
        share["value"] += 0.01 * np.arange(len(share))
        chapter = measured(tmp_path, ecko_marrow=pd.concat([share, hsc]))
        values = ecko.marrow(chapter)
        answers = ecko.compare(chapter, values, "ecko_marrow")
        assert list(answers) == ["C3.marrow.HSC", "C3.marrow.HSC.percent_of_LSK"]
        np.testing.assert_allclose(
            np.sort(values.loc[values["id"] == "C3.marrow.HSC", "value"]), np.sort(np.log2(hsc["value"]))
        )
        claim = next(entry for entry in chapter.ledger()["claims"] if entry["id"] == "C3")
        assert claim["prediction"]["primary"] == ["C3.marrow.HSC"]

    def test_hscs_come_first(self, paper):
        assert ecko.marrow(paper)["population"].unique().tolist()[:2] == ["HSC", "LSK"]


class TestCells:
    def test_an_animals_value(self, paper, drawn):
        values = ecko.per_animal(ecko.cells(paper)).set_index(["id", "animal"])["value"]
        own = drawn["ecko_cells"].query("animal == 'sim-ecko-aged-01'").groupby("assay")["value"]
        ones, n = own.sum()["polarity"], own.size()["polarity"]
        assert values["C3.cells.polarity", "sim-ecko-aged-01"] == pytest.approx(np.log((ones + 0.5) / (n - ones + 0.5)))
        assert values["C3.cells.gH2AX_foci", "sim-ecko-aged-01"] == pytest.approx(
            np.log(own.mean()["gH2AX_foci"] + 0.5)
        )

    def test_the_mouse_is_the_unit(self, paper):
        answers = ecko.compare(Chapter(NAME, paper.dataset), ecko.per_animal(ecko.cells(paper)), "ecko_cells")
        assert {answer.phi.unit for answer in answers.values()} == {"animal"}
        assert answers["C3.cells.polarity"].phi.n == dict.fromkeys(("young", "aged", "control", "ecko"), 6)

    def test_cells_as_n_is_too_sure(self, paper):
        right, wrong = ecko.cells_as_n(ecko.cells(paper), "gH2AX_foci")
        assert right.estimate == pytest.approx(wrong.estimate)
        assert wrong.unit == "cell"
        assert sum(wrong.n.values()) == 480
        assert wrong.ci_high - wrong.ci_low < right.ci_high - right.ci_low

    def test_only_hscs_where_populations_are_named(self, tmp_path, drawn):
        cells = drawn["ecko_cells"].query("assay == 'polarity'").reset_index(drop=True)
        mixed = cells.assign(
            population=np.where(cells.index % 4 == 0, "MPP4", np.where(cells.index % 4 == 1, "", "HSC"))
        )
        chapter = measured(tmp_path / "mixed", ecko_cells=mixed.drop(columns="blinded"))
        with capture_output() as captured:
            kept = ecko.cells(chapter)
            ecko.say_cells(chapter, kept)
        assert len(kept) == 3 * len(cells) // 4
        assert "not stated" in str(captured.outputs[0].data)
        assert f"{len(cells) // 4} cells" in str(captured.outputs[0].data)
        bare = measured(tmp_path / "bare", ecko_cells=cells.drop(columns=["population", "blinded"]))
        assert len(ecko.cells(bare)) == len(cells)
        assert ecko.per_animal(ecko.cells(bare))["id"].unique().tolist() == ["C3.cells.polarity"]

    def test_an_animal_stained_on_two_days(self, tmp_path, drawn):
        cells = drawn["ecko_cells"].reset_index(drop=True)
        cells["batch"] = np.where(cells.index % 2 == 0, "mon", "tue")
        chapter = measured(tmp_path, ecko_cells=cells)
        assert set(ecko.per_animal(ecko.cells(chapter))["batch"]) == {"mon+tue"}


class TestLimitingDilution:
    def test_donors_are_compared_per_cell_type(self, paper):
        values = ecko.donors(ecko.dilution(paper))
        answers = ecko.compare(Chapter(NAME, paper.dataset), values, "ecko_limiting_dilution")
        assert list(answers) == ["C3.limiting_dilution.WBM", "C3.limiting_dilution.HSC"]
        for answer in answers.values():
            assert answer.phi.unit == "donor"
            assert answer.phi.n == dict.fromkeys(("young", "aged", "control", "ecko"), 3)

    def test_readable_numbers_move_no_difference(self, paper):
        table = ecko.dilution(paper)
        values = ecko.donors(table).query("id == 'C3.limiting_dilution.WBM'").set_index("donor")["value"]
        plain = donor_log_frequency(table[table["cell_type"] == "WBM"]).set_index("donor")["log_frequency"]
        assert (values - plain).std() == pytest.approx(0, abs=1e-12)
        assert 1 <= np.exp(values.median()) < 10
        (title,) = ecko.donors(table).query("id == 'C3.limiting_dilution.WBM'")["title"].unique()
        power = float(title.split(" per ")[1].split(" ")[0].replace(",", ""))
        assert (values - plain).mean() == pytest.approx(np.log(power))

    def test_unstated_cells_have_no_declared_direction(self, tmp_path, drawn):
        table = drawn["ecko_limiting_dilution"].query("cell_type == 'WBM'").drop(columns=["cell_type", "week"])
        chapter = measured(tmp_path, ecko_limiting_dilution=table)
        answers = ecko.compare(chapter, ecko.donors(ecko.dilution(chapter)), "ecko_limiting_dilution")
        assert list(answers) == ["C3.limiting_dilution.unstated"]
        claim = next(entry for entry in chapter.ledger()["claims"] if entry["id"] == "C3")
        assert claim["prediction"]["primary"] == []

    def test_a_group_with_one_donor_is_not_testable(self, tmp_path, drawn):
        table = drawn["ecko_limiting_dilution"].query("cell_type == 'WBM'")
        table = table[(table["group"] != "aged") | (table["donor"] == "sim-dilution-aged-1")]
        chapter = measured(tmp_path, ecko_limiting_dilution=table)
        answers = ecko.compare(chapter, ecko.donors(ecko.dilution(chapter)), "ecko_limiting_dilution")
        assert [record.verdict for record in chapter.records] == ["not testable here"]
        assert answers["C3.limiting_dilution.WBM"].contrasts["aged", "young"].withheld
        assert not answers["C3.limiting_dilution.WBM"].contrasts["ecko", "control"].withheld

    def test_donors_without_a_graft_are_named(self, tmp_path, drawn):
        table = drawn["ecko_limiting_dilution"].query("cell_type == 'WBM'").copy()
        table.loc[table["donor"] == "sim-dilution-aged-1", "positive"] = 0
        chapter = measured(tmp_path, ecko_limiting_dilution=table)
        with capture_output() as captured:
            ecko.show_extremes(chapter, ecko.donors(ecko.dilution(chapter)))
            ecko.show_elda(chapter, ecko.dilution(chapter))
        assert "dilution-aged-1" in words(captured)
        assert "recipients as n" in words(captured)


class TestAbsentGroups:
    def test_young_stands_in_for_control(self, tmp_path, drawn):
        chapter = measured(
            tmp_path, ecko_marrow=drawn["ecko_marrow"].query("group != 'control' and population == 'HSC'")
        )
        values = ecko.marrow(chapter)
        answers = ecko.compare(chapter, values, "ecko_marrow")
        answer = answers["C3.marrow.HSC"]
        assert set(answer.contrasts) == {("aged", "young"), ("ecko", "young")}
        means = values.groupby("group")["value"].mean()
        expected = (means["ecko"] - means["young"]) / (means["aged"] - means["young"])
        assert answer.phi.estimate == pytest.approx(expected)
        with capture_output() as captured:
            ecko.show_remarks(answers)
        assert resemblance.SHARED in words(captured)

    @pytest.mark.parametrize("absent", ["aged", "young"])
    def test_without_an_aging_reference_the_difference_stays(self, tmp_path, drawn, absent):
        chapter = measured(
            tmp_path, ecko_marrow=drawn["ecko_marrow"].query(f"group != '{absent}' and population == 'HSC'")
        )
        values = ecko.marrow(chapter)
        with pytest.raises(NoAgingReference):
            resemblance.phi(values, value="value", group="group", unit="animal", direction="greater")
        answers = ecko.compare(chapter, values, "ecko_marrow")
        assert chapter.records == []
        assert list(answers["C3.marrow.HSC"].contrasts) == [("ecko", "control")]
        with capture_output() as captured:
            ecko.show_phi(chapter, answers)
            ecko.show_without_reference(chapter, answers)
        assert words(captured).count("No aging reference in these data") == 1

    def test_without_ecko_nothing_is_claimed(self, tmp_path, drawn):
        chapter = measured(tmp_path, ecko_marrow=drawn["ecko_marrow"].query("group != 'ecko' and population == 'HSC'"))
        answers = ecko.compare(chapter, ecko.marrow(chapter), "ecko_marrow")
        assert chapter.records == []
        assert list(answers["C3.marrow.HSC"].contrasts) == [("aged", "young")]
        with capture_output() as captured:
            ecko.show_without_reference(chapter, answers)
        assert "not in these data" in str(captured.outputs[0].data)


class TestKnockOutAndSurvival:
    def test_verification_is_on_its_scales(self, paper, drawn):
        answers = ecko.compare_verification(ecko.verification(paper))
        assert list(answers)[0] == "recombined_allele_pct BMEC"
        rows = drawn["ecko_verification"].query("measure == 'Mtor_mRNA' and cell_type == 'BMEC'")
        means = np.log2(rows.set_index("group")["value"]).groupby("group").mean()
        found = answers["Mtor_mRNA BMEC"].contrasts["ecko", "control"]
        assert found.estimate == pytest.approx(means["ecko"] - means["control"], rel=1e-4)

    def test_log_rank_is_within_a_challenge(self, paper, drawn):
        table = ecko.survival(paper)
        assert set(table["experiment"]) == {"ecko"}
        tests = ecko.log_rank(table).set_index("contrast")
        two = drawn["survival"].query("experiment == 'ecko' and group in ['ecko', 'control']")
        expected = survdiff(two["day"], (two["event"] != "censored").astype(int), two["group"])
        assert tests.loc["ecko against control", ["chi-square", "p"]].tolist() == pytest.approx(list(expected))
        doubled = pd.concat([table, table.assign(challenge="none")])
        assert len(ecko.log_rank(doubled)) == 2 * len(tests)

    def test_where_nobody_died(self, paper):
        table = ecko.survival(paper).assign(died=0)
        summary = ecko.survival_summary(table)
        assert summary["group"].tolist() == ["young", "aged", "control", "ecko"]
        assert (summary["alive at the end, %"] == 100).all()
        assert summary["median day"].isna().all()
        assert ecko.log_rank(table)["p"].isna().all()


def test_do_mice_are_context_only(paper):
    chapter = Chapter(NAME, paper.dataset)
    answers = ecko.do_mice(chapter)
    assert len(answers) == len(ecko.DO_TRAITS)
    assert {record.kind for record in chapter.records} == {"context"}
    table = pd.read_csv(NOTEBOOK.parents[1] / "data/public/do_age_effects_on_hematology_traits.csv").set_index("Trait")
    assert answers["platelets"].estimate == pytest.approx(table.loc["plt", "Effect"] / table.loc["plt", "TraitSD"])
    claim = next(entry for entry in chapter.ledger()["claims"] if entry["id"] == "C3")
    assert claim["premise"]["evidence"] == []
    assert claim["prediction"]["verdict"] == "not testable here"


@pytest.mark.parametrize("case", ["other tables only", "few groups, no optional columns"])
def test_the_chapter_runs_through(tmp_path, monkeypatch, drawn, case):
    if case == "other tables only":
        tables = {"rapamycin_marrow": worlds.simulate_tables("paper", 1, ["rapamycin_marrow"])["rapamycin_marrow"]}
    else:
        tables = {
            "ecko_blood": drawn["ecko_blood"].drop(columns=["nk_pct", "other_pct", "WBC", "hemoglobin"]),
            "ecko_marrow": drawn["ecko_marrow"].query("population in ['HSC', 'CLP']").drop(columns="colony_type"),
            "ecko_cells": drawn["ecko_cells"].drop(columns=["population", "blinded"]),
            "ecko_limiting_dilution": drawn["ecko_limiting_dilution"].drop(columns="week"),
            "ecko_verification": drawn["ecko_verification"].query("cell_type == 'BMEC'"),
            "survival": drawn["survival"].query("experiment == 'transplant'"),
        }
        tables = {
            name: table.query("group != 'aged'") if name != "ecko_verification" else table
            for name, table in tables.items()
        }
    measured(tmp_path / "data", **tables)
    monkeypatch.setenv("ENDOMTOR_EVIDENCE", str(tmp_path / "evidence"))
    scope: dict = {}
    with capture_output() as captured:
        for cell in jupytext.read(NOTEBOOK)["cells"]:
            if cell["cell_type"] == "code":
                exec(cell["source"], scope)
                if "parameters" in cell["metadata"].get("tags", []):
                    scope["data_dir"] = str(tmp_path / "data")
    shown = words(captured)
    assert (tmp_path / "evidence" / f"{NAME}.json").is_file()
    assert "blood of DO mice" in shown
    assert ("No aging reference in these data" in shown) == (case != "other tables only")
    assert {record.claim for record in scope["chapter"].records} == {"C3"}
    assert {record.kind for record in scope["chapter"].records} == {"context"}
