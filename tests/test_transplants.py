"""Chapter 05's analysis: unit, donor, week and passage of the read-out, deaths, worlds of known truth."""

from pathlib import Path

import jupytext
import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from endomtor import contract, worlds
from endomtor.analyses import transplants
from endomtor.chapter import Chapter
from endomtor.stats import resemblance
from endomtor.worlds.simulation import simulate_tables

NAME = "05_serial_transplants"
NOTEBOOK = Path(__file__).resolve().parents[1] / "notebooks" / f"{NAME}.py"
ABOUT = 'title = "T"\nprovenance = "{kind}"\nsource = "a test"\n{more}'
OPTIONAL = ["host_niche", "tissue", "readout", "status"]


@pytest.fixture(scope="module", autouse=True)
def _shell():
    # Something must receive what is published; no history file is written for it.
    yield InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
    InteractiveShell.clear_instance()


def written(folder: Path, about: str, name: str, table: pd.DataFrame) -> Chapter:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.toml").write_text(about, encoding="utf-8")
    table.to_csv(folder / f"{name}.csv", index=False)
    return Chapter(NAME, contract.load(folder))


def in_world(folder: Path, world: str, seed: int) -> Chapter:
    table = simulate_tables(world, seed, [transplants.TABLE])[transplants.TABLE]
    about = ABOUT.format(kind="simulated", more=f'world = "{world}"\nseed = {seed}\n')
    return written(folder, about, transplants.TABLE, table)


def measured(folder: Path, table: pd.DataFrame) -> Chapter:
    """A laboratory's data: the ids of simulated ones without their mark."""
    plain = table.replace(r"^sim-", "", regex=True)
    return written(folder, ABOUT.format(kind="measured", more=""), transplants.TABLE, plain)


def analysed(chapter: Chapter) -> tuple[pd.DataFrame, dict]:
    rows = transplants.recipients(chapter)
    return rows, transplants.compare(chapter, rows)


@pytest.fixture(scope="module")
def drawn():
    return simulate_tables("paper", 1, [transplants.TABLE])[transplants.TABLE]


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    chapter = in_world(tmp_path_factory.mktemp("paper"), "paper", 1)
    return chapter, *analysed(chapter)


class TestUnit:
    def test_an_exposed_animal_has_one_value_whatever_its_recipients(self, paper, drawn):
        _, _, answers = paper
        units = answers["chimerism"][3].units.set_index(transplants.UNIT)
        last = drawn[(drawn["passage"] == 3) & (drawn["week"] == 16)].dropna(subset="donor_chimerism_pct")
        share = last["donor_chimerism_pct"] / 100
        expected = np.log(share / (1 - share)).groupby(last["exposed_animal"]).mean()
        np.testing.assert_allclose(units["value"], expected[units.index], atol=1e-6)
        assert set(units["n_subsamples"]) == {1, 2}

    def test_the_contrast_is_that_of_a_linear_model_with_donor_and_batch(self, paper):
        _, _, answers = paper
        one = answers["chimerism"][3]
        pair = one.units[one.units["niche"].isin(["ecko", "control"])].rename(columns={transplants.UNIT: "exposed"})
        fit = smf.ols("value ~ C(niche, Treatment('control')) + donor + batch", data=pair).fit()
        term = "C(niche, Treatment('control'))[T.ecko]"
        answer = one.contrasts["ecko", "control"]
        assert answer.estimate == pytest.approx(fit.params[term])
        # Each niche keeps a variance of its own, which least squares pools.
        assert (answer.ci_low, answer.ci_high) == pytest.approx(tuple(fit.conf_int().loc[term]), rel=0.01)
        assert (answer.unit, answer.n) == ("exposed animal", {"ecko": 10, "control": 10})

    def test_phi_takes_batch_and_a_donor_that_crosses_as_blocks(self, paper):
        _, _, answers = paper
        one = answers["myeloid_balance"][3]
        about = {"value": "value", "group": "niche", "unit": transplants.UNIT, "direction": "greater"}
        assert one.phi == resemblance.phi(one.units, block=["donor", "batch"], **about)

    def test_a_donor_that_feeds_one_niche_is_the_unit(self, tmp_path, drawn):
        rows, answers = analysed(measured(tmp_path, drawn.assign(donor=drawn["donor"] + drawn["niche"])))
        one = answers["chimerism"][3]
        assert one.phi.unit == "donor"
        assert set(one.phi.n.values()) == {5}
        donors = one.units.groupby(["donor", "niche"], as_index=False)["value"].mean()
        about = {"value": "value", "group": "niche", "unit": "donor", "direction": "less"}
        assert one.phi.estimate == pytest.approx(resemblance.phi(donors, **about).estimate)
        wrong = transplants.recipients_as_n(rows, answers["chimerism"])["wrong"]
        assert (wrong.unit, wrong.n["ecko"]) == ("recipient", 15)

    def test_a_donor_of_one_exposed_animal_plays_no_part(self, tmp_path, drawn):
        _, answers = analysed(measured(tmp_path, drawn.assign(donor=drawn["exposed_animal"] + "-cells")))
        one = answers["chimerism"][3]
        assert one.phi.unit == "exposed animal"
        assert not one.phi.withheld
        about = {"value": "value", "group": "niche", "unit": transplants.UNIT, "direction": "less"}
        assert one.phi == resemblance.phi(one.units, block="batch", **about)

    def test_two_donors_of_one_exposed_animal_are_a_pool(self, tmp_path, drawn):
        # Each recipient has one donor, as the contract asks.
        even = drawn["recipient"].astype("category").cat.codes % 2 == 0
        mixed = drawn["donor"].where(even, "sim-pool-9")
        rows = transplants.recipients(measured(tmp_path, drawn.assign(donor=mixed)))
        assert (rows.groupby([transplants.UNIT, "passage"])["donor"].nunique() == 1).all()
        assert "pool-1 + pool-9" in set(rows["donor"])

    def test_only_the_unit_differs_between_right_and_wrong(self, paper):
        _, rows, answers = paper
        both = transplants.recipients_as_n(rows, answers["chimerism"])
        assert both["right"].method == both["wrong"].method
        assert both["wrong"].n["ecko"] == 15 > both["right"].n["ecko"] == 10
        assert both["wrong"].ci_high - both["wrong"].ci_low < both["right"].ci_high - both["right"].ci_low


class TestReadout:
    def test_one_early_death_does_not_move_the_week_of_all(self, tmp_path, drawn):
        victim = drawn[(drawn["passage"] == 3) & (drawn["niche"] == "ecko")]["exposed_animal"].iloc[0]
        after = (drawn["exposed_animal"] == victim) & (drawn["passage"] == 3) & (drawn["week"] > 4)
        empty = {name: drawn[name].mask(after) for name in ("donor_chimerism_pct", *transplants.LINEAGES)}
        died = drawn.assign(status=drawn["status"].mask(after, "died"), **empty)
        _, answers = analysed(measured(tmp_path / "died", died))
        assert answers["chimerism"][3].week == 16
        assert answers["chimerism"][3].contrasts["ecko", "control"].n == {"ecko": 9, "control": 10}
        # Where nobody says that it died, the week is the latest that is common to all.
        _, answers = analysed(measured(tmp_path / "unknown", drawn[~after].drop(columns="status")))
        assert answers["chimerism"][3].week == 4

    def test_other_tissues_and_hosts_stay_out_of_the_primary_readout(self, tmp_path, drawn):
        marrow = drawn.assign(tissue="BM", readout="HSC", donor_chimerism_pct=50.0)
        ecko_hosts = (drawn["passage"] == 3) & (drawn["exposed_animal"] == "sim-exposed-ecko-01")
        hosts = drawn.assign(host_niche=drawn["host_niche"].mask(ecko_hosts, "ecko"))
        chapter = measured(tmp_path, pd.concat([hosts, marrow]))
        _, answers = analysed(chapter)
        units = answers["chimerism"][3].units
        assert "exposed-ecko-01" not in set(units[transplants.UNIT])
        assert units["value"].abs().min() > 0
        with capture_output() as captured:
            transplants.show_hosts(chapter)
            transplants.show_other_readouts(chapter)
        shown = words(captured)
        assert "(ecko" in shown
        assert "HSC" in shown

    def test_the_latest_passage_with_every_niche_is_primary(self, tmp_path, drawn):
        chapter = measured(tmp_path, drawn[~((drawn["passage"] == 3) & (drawn["niche"] == "aged"))])
        _, answers = analysed(chapter)
        assert transplants.final_passage(answers["chimerism"]) == 2
        ids = {record.id for record in chapter.records}
        assert {"C5.transplant.chimerism", "C5.transplant.chimerism.p1"} <= ids
        assert "C5.transplant.chimerism.p3" not in ids

    def test_a_mark_in_the_exposed_animal_itself_is_not_lasting(self, tmp_path, drawn):
        chapter = measured(tmp_path, drawn[drawn["passage"] == 1])
        analysed(chapter)
        verdicts = {record.id: record.verdict for record in chapter.records}
        assert verdicts["C5.transplant.chimerism"] == "not testable here"
        assert verdicts["C5.transplant.chimerism.p1"] != "not testable here"


class TestGroups:
    def test_young_stands_in_for_control(self, tmp_path, drawn):
        _, answers = analysed(measured(tmp_path, drawn[drawn["niche"] != "control"]))
        one = answers["chimerism"][3]
        assert set(one.contrasts) == {("aged", "young"), ("ecko", "young")}
        assert resemblance.SHARED in one.phi.warnings

    def test_without_an_aging_reference_the_contrast_stands_alone(self, tmp_path, drawn):
        chapter = measured(tmp_path, drawn[drawn["niche"].isin(["control", "ecko"])])
        _, answers = analysed(chapter)
        assert set(answers["chimerism"][3].contrasts) == {("ecko", "control")}
        assert chapter.records == []
        with capture_output() as captured:
            transplants.show_phi(chapter, answers)
        assert "no aging reference" in words(captured)

    def test_one_exposed_animal_in_a_niche_is_not_testable(self, tmp_path, drawn):
        few = drawn[(drawn["niche"] != "ecko") | (drawn["exposed_animal"] == "sim-exposed-ecko-01")]
        chapter = measured(tmp_path, few)
        _, answers = analysed(chapter)
        assert {record.verdict for record in chapter.records} == {"not testable here"}
        assert answers["chimerism"][3].contrasts["ecko", "control"].withheld


class TestOverWeeks:
    def test_a_balanced_passage_averages_to_the_contrast_of_animal_means(self, tmp_path, drawn):
        whole = drawn[drawn.groupby("recipient")["donor_chimerism_pct"].transform("count") == 4]
        rows = transplants.recipients(measured(tmp_path, whole[whole["passage"] == 1]))
        table = transplants.over_weeks(rows, ["chimerism"]).set_index(["a", "b", "what"])
        means = transplants.exposed_animals(rows.assign(value=rows["chimerism"]))
        by_niche = means.groupby("niche")["value"].mean()
        found = table.loc[("aged", "young", "mean over weeks")]
        assert found["estimate"] == pytest.approx(by_niche["aged"] - by_niche["young"], abs=1e-6)
        assert (found["n_a"], found["n_b"]) == tuple(means["niche"].value_counts()[["aged", "young"]])

    def test_animals_not_bleeds_bound_the_df_of_the_mean(self, paper):
        _, rows, _ = paper
        table = transplants.over_weeks(rows)
        mean = table[table["what"] == "mean over weeks"]
        assert len(table) == 2 * 3 * 2 * 2
        assert (mean["df"] < 36).all()
        assert (table["withheld"] == "").all()
        assert (table["p_holm"] >= table["p"]).all()
        assert (table["low"] < table["estimate"]).all()

    def test_donors_that_feed_one_niche_bound_the_df(self, paper):
        _, rows, _ = paper
        table = transplants.over_weeks(rows.assign(donor=rows["donor"] + rows["niche"], batch=""), ["chimerism"])
        assert (table.loc[table["what"] == "mean over weeks", "df"] < 16.5).all()

    def test_growing_apart_is_a_difference_of_slopes(self, paper):
        _, rows, _ = paper
        apart = rows.assign(chimerism=rows["chimerism"] - 0.2 * rows["week"] * (rows["niche"] == "ecko"))
        before, after = (
            transplants.over_weeks(one, ["chimerism"]).set_index(["passage", "a", "what"])["estimate"]
            for one in (rows, apart)
        )
        change = after - before
        assert change.xs("slope per week", level="what").xs("ecko", level="a").tolist() == pytest.approx([-0.2] * 3)
        assert change.xs("mean over weeks", level="what").xs("ecko", level="a").tolist() == pytest.approx(
            [-2.0] * 3, abs=0.01
        )
        assert change.xs("aged", level="a").abs().max() < 0.02

    def test_one_week_is_no_course(self, tmp_path, drawn):
        chapter = measured(tmp_path, drawn[drawn["week"] == 16])
        rows = transplants.recipients(chapter)
        assert set(transplants.over_weeks(rows)["withheld"]) == {"One week only, no course to model."}
        with capture_output() as captured:
            transplants.show_over_weeks(chapter, rows, "chimerism")
        assert "One week only, no course to model." in words(captured)

    def test_no_week_common_to_all_is_no_obstacle(self, paper):
        _, rows, _ = paper
        late = pd.Series(pd.factorize(rows["recipient"])[0] % 2 == 0, index=rows.index)
        table = transplants.over_weeks(rows[late == (rows["week"] > 8)], ["chimerism"])
        assert (table["withheld"] == "").all()
        assert np.isfinite(table[["estimate", "low", "high", "df", "p"]]).all(axis=None)

    def test_a_niche_with_one_animal_is_left_out_and_named(self, tmp_path, drawn):
        few = drawn[(drawn["niche"] != "ecko") | (drawn["exposed_animal"] == "sim-exposed-ecko-01")]
        chapter = measured(tmp_path, few)
        rows = transplants.recipients(chapter)
        table = transplants.over_weeks(rows, ["chimerism"]).set_index("a")
        assert (table.loc["ecko", "withheld"] != "").all()
        assert (table.loc["aged", "withheld"] == "").all()
        assert set(table["notes"].str.partition(".")[0]) == {"Not in the model: ECKO (one exposed animal)"}
        with capture_output() as captured:
            transplants.show_over_weeks(chapter, rows, "chimerism")
        assert "Not in the model: ECKO (one exposed animal)" in words(captured)

    def test_what_the_design_confounds_is_withheld(self, tmp_path):
        chapter = in_world(tmp_path, "confounded", 2)
        rows = transplants.recipients(chapter)
        assert transplants.over_weeks(rows)["estimate"].isna().all()
        with capture_output() as captured:
            transplants.show_over_weeks(chapter, rows, "chimerism")
        shown = words(captured)
        assert "nothing is estimated" in shown
        assert "batch" in shown

    @pytest.mark.parametrize("world", ["paper", "survivor", "bystander", "null"])
    def test_the_caption_says_that_it_is_secondary(self, tmp_path, world):
        chapter = in_world(tmp_path, world, 3)
        with capture_output() as captured:
            transplants.show_over_weeks(chapter, transplants.recipients(chapter), "myeloid_balance")
        shown = words(captured)
        for said in ("Secondary", "Unit: exposed animal; n: young", "Kenward-Roger", "missing at random"):
            assert said in shown


class TestDeaths:
    def test_they_are_counted_for_each_niche(self, tmp_path):
        chapter = in_world(tmp_path, "survivor", 3)
        rows, answers = analysed(chapter)
        table = transplants.losses(rows, answers["chimerism"])
        raw = chapter.dataset.get(transplants.TABLE)
        died = raw[raw["status"] == "died"].groupby(["passage", "niche"])["recipient"].nunique()
        found = table.set_index(["passage", "niche"])["died"]
        pd.testing.assert_series_equal(
            found[found > 0].sort_index(), died.sort_index(), check_names=False, check_dtype=False
        )
        assert table["not_read"].sum() == 0

    def test_the_dead_get_the_lowest_value_seen(self, tmp_path):
        rows, answers = analysed(in_world(tmp_path, "survivor", 3))
        passages = answers["chimerism"]
        filled = transplants.with_dead_at_the_lowest(rows, passages)
        last = rows[(rows["passage"] == 3) & (rows["week"] == 16)]
        new = set(filled.units[transplants.UNIT]) - set(passages[3].units[transplants.UNIT])
        assert new
        added = filled.units[filled.units[transplants.UNIT].isin(new)]
        np.testing.assert_allclose(added["value"], last["chimerism"].min())
        # The dead of an aged niche had poor grafts: with them the aged niche looks worse than in survivors.
        assert filled.contrasts["aged", "young"].estimate < passages[3].contrasts["aged", "young"].estimate

    def test_where_nobody_died_nothing_is_filled_in(self, tmp_path, drawn):
        alive = drawn[~drawn["recipient"].isin(drawn.loc[drawn["status"] == "died", "recipient"])]
        rows, answers = analysed(measured(tmp_path, alive))
        assert transplants.with_dead_at_the_lowest(rows, answers["chimerism"]) is None


@pytest.mark.parametrize(
    ("world", "word"),
    [
        ("paper", "recovered"),
        ("bystander", "rightly silent"),
        ("intrinsic", "rightly silent"),
        ("survivor", "rightly silent"),
        ("confounded", "not testable here"),
    ],
)
def test_the_claim_in_worlds_of_known_truth(tmp_path, world, word):
    chapter = in_world(tmp_path, world, 2)
    analysed(chapter)
    claim = next(entry for entry in chapter.ledger()["claims"] if entry["id"] == "C5")
    assert claim["prediction"]["verdict"] == word


def words(captured) -> str:
    return "\n".join(
        output.data.get("text/plain", "") + output.data.get("text/markdown", "") for output in captured.outputs
    )


@pytest.mark.parametrize(
    "case", [pytest.param("whole", marks=pytest.mark.slow), "few niches, no optional columns", "other tables only"]
)
def test_the_chapter_runs_through(tmp_path, monkeypatch, drawn, case):
    folder = tmp_path / "data"
    if case == "whole":
        in_world(folder, "survivor", 3)
    elif case == "other tables only":
        other = worlds.simulate_tables("paper", 1, ["rapamycin_marrow"])["rapamycin_marrow"]
        about = ABOUT.format(kind="simulated", more='world = "paper"\nseed = 1\n')
        written(folder, about, "rapamycin_marrow", other)
    else:
        measured(folder, drawn[drawn["niche"].isin(["control", "ecko"])].drop(columns=OPTIONAL))
    monkeypatch.setenv("ENDOMTOR_EVIDENCE", str(tmp_path / "evidence"))
    scope: dict = {}
    with capture_output() as captured:
        for cell in jupytext.read(NOTEBOOK)["cells"]:
            if cell["cell_type"] == "code":
                exec(cell["source"], scope)
                if "parameters" in cell["metadata"].get("tags", []):
                    scope["data_dir"] = str(folder)
    shown = words(captured)
    assert (tmp_path / "evidence" / f"{NAME}.json").is_file()
    assert ("WRONG: recipients as n" in shown) == (case != "other tables only")
    told = "put in for every recipient that died" in shown or "none is filled in" in shown
    assert told == (case != "other tables only")
    assert len(scope["chapter"].records) == (6 if case == "whole" else 0)
