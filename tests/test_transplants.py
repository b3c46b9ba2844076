"""Chapter 05's analysis: unit, donor, week and passage of the read-out, deaths, worlds of known truth."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf

from endomtor import contract
from endomtor.analyses import transplants
from endomtor.analyses.judge import Judge
from endomtor.claims.evidence import Record
from endomtor.contract import Dataset
from endomtor.stats import resemblance
from endomtor.stats import transplants as steps
from endomtor.worlds.simulation import simulate_tables

ABOUT = 'title = "T"\nprovenance = "{kind}"\nsource = "a test"\n{more}'
CHIMERISM, BALANCE = "C5.transplant.chimerism", "C5.transplant.myeloid_balance"
LINEAGES = ("myeloid_pct", "b_pct", "t_pct")


def written(folder: Path, about: str, table: pd.DataFrame) -> Dataset:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "dataset.toml").write_text(about, encoding="utf-8")
    table.to_csv(folder / f"{transplants.TABLE}.csv", index=False)
    return contract.load(folder)


def in_world(folder: Path, world: str, seed: int) -> Dataset:
    table = simulate_tables(world, seed, [transplants.TABLE])[transplants.TABLE]
    return written(folder, ABOUT.format(kind="simulated", more=f'world = "{world}"\nseed = {seed}\n'), table)


def measured(folder: Path, table: pd.DataFrame) -> Dataset:
    """A laboratory's data: the ids of simulated ones without their mark."""
    return written(folder, ABOUT.format(kind="measured", more=""), table.replace(r"^sim-", "", regex=True))


def judged(dataset: Dataset) -> list[Record]:
    """The chapter's records, as its notebook makes them."""
    judge = Judge(dataset)
    return [judge.record(name, one.estimate) for name, one in transplants.answers(dataset.tables).items()]


@pytest.fixture(scope="module")
def drawn():
    return simulate_tables("paper", 1, [transplants.TABLE])[transplants.TABLE]


@pytest.fixture(scope="module")
def paper(tmp_path_factory):
    return in_world(tmp_path_factory.mktemp("paper"), "paper", 1).tables


class TestUnit:
    def test_an_exposed_animal_has_one_value_whatever_its_recipients(self, paper, drawn):
        animals = transplants.exposed_animals(paper)[CHIMERISM].set_index(transplants.UNIT)
        last = drawn[(drawn["passage"] == 2) & (drawn["week"] == 16)].dropna(subset="donor_chimerism_pct")
        share = last["donor_chimerism_pct"] / 100
        expected = np.log(share / (1 - share)).groupby(last["exposed_animal"]).mean()
        np.testing.assert_allclose(animals["value"], expected[animals.index], atol=1e-6)
        assert set(animals["n_subsamples"]) == {1, 2}

    def test_the_contrast_is_that_of_a_linear_model_with_donor_and_batch(self, paper):
        animals = transplants.exposed_animals(paper)[CHIMERISM]
        pair = animals[animals["niche"].isin(["ecko", "control"])]
        fit = smf.ols("value ~ C(niche, Treatment('control')) + donor + batch", data=pair).fit()
        term = "C(niche, Treatment('control'))[T.ecko]"
        contrasts = transplants.answers(paper)[CHIMERISM].contrasts
        answer = contrasts["ecko", "control"]
        assert list(contrasts) == [("ecko", "control"), ("aged", "young")]
        assert answer.estimate == pytest.approx(fit.params[term])
        # Each niche keeps a variance of its own, which least squares pools.
        assert (answer.ci_low, answer.ci_high) == pytest.approx(tuple(fit.conf_int().loc[term]), rel=0.03)
        assert (answer.unit, answer.n) == ("exposed animal", {"ecko": 10, "control": 10})

    def test_phi_takes_batch_and_a_donor_that_crosses_as_blocks(self, paper):
        animals = transplants.exposed_animals(paper)[BALANCE]
        about = {"value": "value", "group": "niche", "unit": transplants.UNIT, "direction": "greater"}
        expected = resemblance.phi(animals, block=["donor", "batch"], **about)
        assert transplants.answers(paper, {BALANCE})[BALANCE].estimate == expected

    def test_a_donor_that_feeds_one_niche_is_the_unit(self, tmp_path, drawn):
        tables = measured(tmp_path, drawn.assign(donor=drawn["donor"] + drawn["niche"])).tables
        phi = transplants.answers(tables)[CHIMERISM].estimate
        assert phi.unit == "donor"
        assert set(phi.n.values()) == {5}
        animals = transplants.exposed_animals(tables)[CHIMERISM]
        donors = animals.groupby(["donor", "niche"], as_index=False)["value"].mean()
        about = {"value": "value", "group": "niche", "unit": "donor", "direction": "less"}
        assert phi.estimate == pytest.approx(resemblance.phi(donors, **about).estimate)
        wrong = transplants.recipients_as_n(tables)["wrong"]
        assert (wrong.unit, wrong.n["ecko"]) == ("recipient", 15)

    def test_a_donor_of_one_exposed_animal_plays_no_part(self, tmp_path, drawn):
        tables = measured(tmp_path, drawn.assign(donor=drawn["exposed_animal"] + "-cells")).tables
        phi = transplants.answers(tables)[CHIMERISM].estimate
        assert phi.unit == "exposed animal"
        assert not phi.withheld
        about = {"value": "value", "group": "niche", "unit": transplants.UNIT, "direction": "less"}
        assert phi == resemblance.phi(transplants.exposed_animals(tables)[CHIMERISM], block="batch", **about)

    def test_two_donors_of_one_exposed_animal_are_a_pool(self, tmp_path, drawn):
        # Each recipient has one donor, as the contract asks.
        even = drawn["recipient"].astype("category").cat.codes % 2 == 0
        mixed = drawn["donor"].where(even, "sim-pool-9")
        rows = transplants.recipients(measured(tmp_path, drawn.assign(donor=mixed)).tables)
        assert (rows.groupby([transplants.UNIT, "passage"])["donor"].nunique() == 1).all()
        assert "pool-1 + pool-9" in set(rows["donor"])

    def test_only_the_unit_differs_between_right_and_wrong(self, paper):
        both = transplants.recipients_as_n(paper)
        assert both["right"] == transplants.answers(paper)[CHIMERISM].contrasts["ecko", "control"]
        assert both["right"].method == both["wrong"].method
        assert both["wrong"].n["ecko"] == 15 > both["right"].n["ecko"] == 10
        assert both["wrong"].ci_high - both["wrong"].ci_low < both["right"].ci_high - both["right"].ci_low


class TestReadout:
    def test_one_early_death_does_not_move_the_week_of_all(self, tmp_path, drawn):
        victim = drawn[(drawn["passage"] == 2) & (drawn["niche"] == "ecko")]["exposed_animal"].iloc[0]
        after = (drawn["exposed_animal"] == victim) & (drawn["passage"] == 2) & (drawn["week"] > 4)
        empty = {name: drawn[name].mask(after) for name in ("donor_chimerism_pct", *LINEAGES)}
        died = drawn.assign(status=drawn["status"].mask(after, "died"), **empty)
        tables = measured(tmp_path / "died", died).tables
        assert set(transplants.exposed_animals(tables)[CHIMERISM]["week"]) == {16}
        assert transplants.answers(tables)[CHIMERISM].contrasts["ecko", "control"].n == {"ecko": 9, "control": 10}
        # Where nobody says that it died, the week is the latest that is common to all.
        tables = measured(tmp_path / "unknown", drawn[~after].drop(columns="status")).tables
        assert set(transplants.exposed_animals(tables)[CHIMERISM]["week"]) == {4}

    def test_other_tissues_and_hosts_stay_out_of_the_primary_readout(self, tmp_path, drawn):
        marrow = drawn.assign(tissue="BM", readout="HSC", donor_chimerism_pct=50.0)
        ecko_hosts = (drawn["passage"] == 2) & (drawn["exposed_animal"] == "sim-exposed-ecko-01")
        hosts = drawn.assign(host_niche=drawn["host_niche"].mask(ecko_hosts, "ecko"))
        animals = transplants.exposed_animals(measured(tmp_path, pd.concat([hosts, marrow])).tables)[CHIMERISM]
        assert "exposed-ecko-01" not in set(animals[transplants.UNIT])
        assert animals["value"].abs().min() > 0

    def test_the_first_later_passage_is_primary_and_the_last_one_says_whether_a_mark_lasts(self, paper):
        animals = transplants.exposed_animals(paper)
        passages = {name: set(one["passage"]) for name, one in animals.items() if "chimerism" in name}
        assert passages == {f"{CHIMERISM}.p1": {1}, CHIMERISM: {2}, "C5b.transplant.chimerism": {3}}
        assert set(passages) < set(transplants.answers(paper))

    @pytest.mark.parametrize(("without", "left"), [(3, 2), (2, 3)])
    def test_a_later_passage_counts_if_it_has_every_niche(self, tmp_path, drawn, without, left):
        tables = measured(tmp_path, drawn[~((drawn["passage"] == without) & (drawn["niche"] == "aged"))]).tables
        assert set(transplants.exposed_animals(tables)[CHIMERISM]["passage"]) == {left}
        found = transplants.answers(tables)
        assert {CHIMERISM, f"{CHIMERISM}.p1"} <= set(found)
        assert f"{CHIMERISM}.p{without}" not in found
        assert not any(name.startswith("C5b") for name in found)
        assert list(transplants.answers(tables, {BALANCE})) == [BALANCE]

    def test_a_mark_in_the_exposed_animal_itself_is_not_lasting(self, tmp_path, drawn):
        dataset = measured(tmp_path, drawn[drawn["passage"] == 1])
        verdicts = {record.id: record.verdict for record in judged(dataset)}
        assert verdicts[CHIMERISM] == "not testable here"
        assert verdicts[f"{CHIMERISM}.p1"] != "not testable here"
        assert list(transplants.answers(dataset.tables, {CHIMERISM})) == [CHIMERISM]
        assert transplants.recipients_as_n(dataset.tables) == {}


class TestGroups:
    def test_young_stands_in_for_control(self, tmp_path, drawn):
        one = transplants.answers(measured(tmp_path, drawn[drawn["niche"] != "control"]).tables)[CHIMERISM]
        assert set(one.contrasts) == {("aged", "young"), ("ecko", "young")}
        assert resemblance.SHARED in one.estimate.warnings

    def test_without_an_aging_reference_there_is_no_phi(self, tmp_path, drawn):
        optional = ["host_niche", "tissue", "readout", "status"]
        few = drawn[drawn["niche"].isin(["control", "ecko"])].drop(columns=optional)
        tables = measured(tmp_path, few).tables
        assert transplants.answers(tables) == {}
        assert transplants.recipients_as_n(tables)["right"].n == {"ecko": 10, "control": 10}

    def test_one_exposed_animal_in_a_niche_is_not_testable(self, tmp_path, drawn):
        few = drawn[(drawn["niche"] != "ecko") | (drawn["exposed_animal"] == "sim-exposed-ecko-01")]
        dataset = measured(tmp_path, few)
        assert {record.verdict for record in judged(dataset)} == {"not testable here"}
        assert transplants.answers(dataset.tables)[CHIMERISM].contrasts["ecko", "control"].withheld

    def test_without_the_table_there_is_nothing(self):
        assert transplants.answers({}) == {}
        assert transplants.recipients_as_n({}) == {}
        assert transplants.over_weeks({}).empty


class TestOverWeeks:
    def test_a_balanced_passage_averages_to_the_contrast_of_animal_means(self, tmp_path, drawn):
        whole = drawn[drawn.groupby("recipient")["donor_chimerism_pct"].transform("count") == 4]
        rows = transplants.recipients(measured(tmp_path, whole[whole["passage"] == 1]).tables)
        table = steps.over_weeks(rows, "chimerism").set_index(["a", "b", "what"])
        means = rows.groupby([transplants.UNIT, "niche"])["chimerism"].mean().reset_index("niche")
        by_niche = means.groupby("niche")["chimerism"].mean()
        found = table.loc[("aged", "young", "mean over weeks")]
        assert found["estimate"] == pytest.approx(by_niche["aged"] - by_niche["young"], abs=1e-6)
        assert (found["n_a"], found["n_b"]) == tuple(means["niche"].value_counts()[["aged", "young"]])

    def test_animals_not_bleeds_bound_the_df_of_the_mean(self, paper):
        table = transplants.over_weeks(paper)
        mean = table[table["what"] == "mean over weeks"]
        assert len(table) == 2 * 3 * 2 * 2
        assert (mean["df"] < 36).all()
        assert (table["withheld"] == "").all()
        assert (table["p_holm"] >= table["p"]).all()
        assert (table["low"] < table["estimate"]).all()

    def test_donors_that_feed_one_niche_bound_the_df(self, paper):
        rows = transplants.recipients(paper)
        table = steps.over_weeks(rows.assign(donor=rows["donor"] + rows["niche"], batch=""), "chimerism")
        assert (table.loc[table["what"] == "mean over weeks", "df"] < 16.5).all()

    def test_growing_apart_is_a_difference_of_slopes(self, paper):
        rows = transplants.recipients(paper)
        apart = rows.assign(chimerism=rows["chimerism"] - 0.2 * rows["week"] * (rows["niche"] == "ecko"))
        before, after = (
            steps.over_weeks(one, "chimerism").set_index(["passage", "a", "what"])["estimate"] for one in (rows, apart)
        )
        change = after - before
        assert change.xs("slope per week", level="what").xs("ecko", level="a").tolist() == pytest.approx([-0.2] * 3)
        assert change.xs("mean over weeks", level="what").xs("ecko", level="a").tolist() == pytest.approx(
            [-2.0] * 3, abs=0.01
        )
        assert change.xs("aged", level="a").abs().max() < 0.02

    def test_one_week_is_no_course(self, tmp_path, drawn):
        tables = measured(tmp_path, drawn[drawn["week"] == 16]).tables
        assert set(transplants.over_weeks(tables)["withheld"]) == {"One week only, no course to model."}

    def test_no_week_common_to_all_is_no_obstacle(self, paper):
        rows = transplants.recipients(paper)
        late = pd.Series(pd.factorize(rows["recipient"])[0] % 2 == 0, index=rows.index)
        table = steps.over_weeks(rows[late == (rows["week"] > 8)], "chimerism")
        assert (table["withheld"] == "").all()
        assert np.isfinite(table[["estimate", "low", "high", "df", "p"]]).all(axis=None)

    def test_a_niche_with_one_animal_is_left_out_and_named(self, tmp_path, drawn):
        few = drawn[(drawn["niche"] != "ecko") | (drawn["exposed_animal"] == "sim-exposed-ecko-01")]
        table = transplants.over_weeks(measured(tmp_path, few).tables).set_index("a")
        assert (table.loc["ecko", "withheld"] != "").all()
        assert (table.loc["aged", "withheld"] == "").all()
        assert set(table["notes"].str.partition(".")[0]) == {"Not in the model: ECKO (one exposed animal)"}

    def test_what_the_design_confounds_is_withheld(self, tmp_path):
        table = transplants.over_weeks(in_world(tmp_path, "confounded", 2).tables)
        assert table["estimate"].isna().all()
        assert table["withheld"].str.contains("batch").all()


class TestDeaths:
    def test_the_dead_get_the_lowest_value_seen(self, tmp_path):
        tables = in_world(tmp_path, "survivor", 3).tables
        rows, animals = transplants.recipients(tables), transplants.exposed_animals(tables)[CHIMERISM]
        dead = steps.dead_at_the_lowest(rows, "chimerism", passage=3, week=16)
        last = rows[(rows["passage"] == 3) & (rows["week"] == 16)]
        assert set(dead["chimerism"]) == {last["chimerism"].min()}
        assert not set(dead["recipient"]) & set(last.dropna(subset="chimerism")["recipient"])
        assert set(dead[transplants.UNIT]) - set(animals[transplants.UNIT])
        # The dead of an aged niche had poor grafts: with them the aged niche looks worse than in survivors.
        filled = (
            pd.concat([last, dead]).groupby(["niche", transplants.UNIT])["chimerism"].mean().groupby("niche").mean()
        )
        seen = animals.groupby("niche")["value"].mean()
        assert filled["aged"] - filled["young"] < seen["aged"] - seen["young"]

    def test_where_nobody_died_nothing_is_filled_in(self, tmp_path, drawn):
        alive = drawn[~drawn["recipient"].isin(drawn.loc[drawn["status"] == "died", "recipient"])]
        rows = transplants.recipients(measured(tmp_path, alive).tables)
        assert steps.dead_at_the_lowest(rows, "chimerism", passage=3, week=16).empty


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
    dataset = in_world(tmp_path, world, 2)
    claim = next(entry for entry in Judge(dataset).ledger(judged(dataset))["claims"] if entry["id"] == "C5")
    assert claim["prediction"]["verdict"] == word
