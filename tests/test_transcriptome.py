"""Chapter 04's analysis: unit, population, phi on the published axis, and what it says when parts are missing."""

import numpy as np
import pandas as pd
import pytest

from endomtor import contract, figures
from endomtor.analyses import transcriptome
from endomtor.chapter import Chapter
from endomtor.public import hsc_aging
from endomtor.stats import expression, resemblance
from endomtor.worlds import simulation


def tables(world: str, seed: int, genes: int | None = None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Counts (first column gene) and sheet of one cohort; with `genes`, that many of the signature and of the rest."""
    drawn = simulation.simulate_tables(world, seed, ("hspc_counts", "hspc_samples"))
    counts, sheet = drawn["hspc_counts"], drawn["hspc_samples"]
    if genes is not None:
        inside = counts["gene"].isin(hsc_aging.signature()[0].index)
        counts = pd.concat([counts[inside].head(genes), counts[~inside].head(genes)])
    return counts, sheet


def chapter_on(folder, counts: pd.DataFrame, sheet: pd.DataFrame, world: str | None = None, seed: int = 0) -> Chapter:
    """A chapter on these two tables: of a simulated world, or else as if they were measured (ids renamed)."""
    folder.mkdir(parents=True, exist_ok=True)
    kind = f'"simulated"\nworld = "{world}"\nseed = {seed}' if world else '"measured"'
    (folder / "dataset.toml").write_text(f'title = "T"\nsource = "a test"\nprovenance = {kind}\n', encoding="utf-8")
    if not world:
        counts = counts.rename(columns=lambda name: name.removeprefix("sim-"))
        sheet = sheet.assign(**{name: sheet[name].str.removeprefix("sim-") for name in ("sample", "animal")})
    counts[["gene", *sheet["sample"]]].to_csv(folder / "hspc_counts.csv.gz", index=False)
    sheet.to_csv(folder / "hspc_samples.csv", index=False)
    return Chapter("04_transcriptome_resemblance", contract.load(folder))


def run(chapter: Chapter):
    data = transcriptome.transcriptomes(chapter)
    scores = transcriptome.scores(data)
    return data, scores, transcriptome.phi(chapter, data, scores)


def whole(chapter: Chapter) -> None:
    """Every cell of the notebook that works on the chapter's own tables."""
    data, scores, phi = run(chapter)
    transcriptome.show_values(chapter, data)
    results = transcriptome.differential(data)
    transcriptome.say_called(data, results)
    for name in ("aging", "ecko"):
        transcriptome.show_volcano(chapter, data, results, name)
    transcriptome.show_scores(chapter, data, scores, phi)
    equal = transcriptome.equal_weights(chapter, data, scores)
    transcriptome.show_scores(chapter, data, scores, equal, "up_down")
    genes = transcriptome.phi_genes(chapter, data)
    transcriptome.show_scatter(chapter, data, results, genes)
    transcriptome.show_phi(chapter, {"a": phi, "b": equal, "c": genes})
    ranks = transcriptome.overlap(results)
    transcriptome.show_overlap(chapter, data, ranks)
    transcriptome.show_quadrants(chapter, ranks)
    transcriptome.show_trap(chapter, transcriptome.trap(data, results))


@pytest.fixture(scope="module")
def small():
    return tables("paper", 1, genes=60)


@pytest.fixture(scope="module")
def fitted(tmp_path_factory, small):
    data = transcriptome.transcriptomes(chapter_on(tmp_path_factory.mktemp("fit"), *small))
    return data, transcriptome.differential(data)


@pytest.fixture
def said(monkeypatch):
    """What the page says and shows, as a list of texts."""
    texts: list[str] = []
    monkeypatch.setattr(transcriptome.reporting, "say", texts.append)
    monkeypatch.setattr(figures, "show", lambda fig, *, caption, alt, **_: texts.extend([caption, alt]))
    monkeypatch.setattr(figures, "table", lambda frame, *, caption, **_: texts.append(caption))
    yield texts
    figures.publish.plt.close("all")


class TestWorlds:
    @pytest.mark.parametrize(
        ("world", "word"),
        [
            ("paper", "recovered"),
            ("bystander", "rightly silent"),
            ("toxic", "rightly silent"),
            ("null", "rightly silent"),
        ],
    )
    def test_the_claim(self, tmp_path, world, word):
        chapter = chapter_on(tmp_path, *tables(world, 2), world, 2)
        data, _, _ = run(chapter)
        transcriptome.phi_genes(chapter, data)
        claim = next(entry for entry in chapter.ledger()["claims"] if entry["id"] == "C4")
        assert claim["prediction"]["verdict"] == word
        assert [record.verdict for record in chapter.records] == [word, word]

    def test_a_confounded_design_has_no_verdict_and_no_drawn_phi(self, tmp_path, said):
        chapter = chapter_on(tmp_path, *tables("confounded", 1, genes=60), "confounded", 1)
        data, scores, phi = run(chapter)
        assert chapter.records[0].verdict == "not testable here"
        assert phi.withheld
        assert transcriptome.equal_weights(chapter, data, scores).withheld
        assert any(text.startswith("No verdict: ") for text in said)


class TestUnit:
    def test_phi_is_that_of_the_scores(self, tmp_path, small):
        chapter = chapter_on(tmp_path, *small)
        _, scores, phi = run(chapter)
        direct = resemblance.phi(
            scores, value="score", group="group", unit="animal", direction="greater", block="batch"
        )
        assert (phi.estimate, phi.ci_low, phi.ci_high) == pytest.approx(
            (direct.estimate, direct.ci_low, direct.ci_high)
        )
        assert phi.n == {"young": 6, "aged": 6, "control": 6, "ecko": 6}

    def test_lanes_of_an_animal_are_added_not_counted(self, tmp_path, small):
        counts, sheet = small
        half = sheet["sample"].iloc[0]
        lanes = counts.assign(**{half: counts[half] // 2, "sim-lane": counts[half] - counts[half] // 2})
        extra = pd.concat([sheet, sheet.iloc[[0]].assign(sample="sim-lane")], ignore_index=True)
        one, two = run(chapter_on(tmp_path / "one", counts, sheet)), run(chapter_on(tmp_path / "two", lanes, extra))
        pd.testing.assert_frame_equal(one[0].counts, two[0].counts)
        assert one[2] == two[2]

    def test_one_population_is_analysed_and_the_other_named(self, tmp_path, small, said):
        counts, sheet = small
        other = sheet.assign(sample=sheet["sample"] + "-mpp", population="AMPP")
        both = pd.concat([counts, counts[sheet["sample"]].add_suffix("-mpp")], axis=1)
        chapter = chapter_on(tmp_path, both, pd.concat([other, sheet], ignore_index=True))
        data = transcriptome.transcriptomes(chapter)
        assert (data.population, data.left_out, len(data.animals)) == ("HSC", ("AMPP",), 24)
        # Where HSCs were sequenced in fewer groups, the population of all groups is taken.
        partly = pd.concat([other, sheet[sheet["group"] != "ecko"]], ignore_index=True)
        data = transcriptome.transcriptomes(chapter_on(tmp_path / "partly", both, partly))
        assert (data.population, data.left_out) == ("AMPP", ("HSC",))
        transcriptome.show_values(chapter, data)
        assert "Population analysed: AMPP (HSC left out)." in said


class TestMissingParts:
    def test_without_the_tables_one_sentence_and_nothing_else(self, tmp_path, said):
        folder = tmp_path / "other"
        folder.mkdir()
        (folder / "dataset.toml").write_text('title = "T"\nprovenance = "measured"\nsource = "s"\n', encoding="utf-8")
        rows = {"animal": ["a", "b"], "group": ["young", "aged"], "sex": "F", "batch": "", "marker": "pS6_S235_236"}
        pd.DataFrame(rows | {"mfi": [10, 20]}).to_csv(folder / "bmec_signaling.csv", index=False)
        chapter = Chapter("04_transcriptome_resemblance", contract.load(folder))
        whole(chapter)
        assert (chapter.records, said) == ([], [])

    @pytest.mark.parametrize(
        ("kept", "sentence", "recorded"),
        [
            (("young", "aged", "ecko"), "young stands in for control", True),
            (("young", "control", "ecko"), "No aging reference", False),
            (("control", "ecko"), "No aging reference", False),
            (("young", "aged"), "No ECKO animals", False),
            (("aged", "ecko"), "No aging reference", False),
        ],
    )
    def test_groups(self, tmp_path, small, said, kept, sentence, recorded):
        counts, sheet = small
        chapter = chapter_on(tmp_path, counts, sheet[sheet["group"].isin(kept)].drop(columns=["population"]))
        whole(chapter)
        assert any(sentence in text for text in said)
        assert [record.id for record in chapter.records] == (
            ["C4.transcriptome.phi", "C4.transcriptome.phi_genes"] if recorded else []
        )

    def test_one_ecko_animal_is_not_testable(self, tmp_path, small, said):
        counts, sheet = small
        few = sheet[(sheet["group"] != "ecko") | (sheet.groupby("group").cumcount() == 0)].assign(batch="")
        chapter = chapter_on(tmp_path, counts, few)
        whole(chapter)
        assert {record.verdict for record in chapter.records} == {"not testable here"}

    def test_one_animal_a_group_leaves_nothing_to_fit(self, tmp_path, small, said):
        counts, sheet = small
        chapter = chapter_on(tmp_path, counts, sheet[sheet.groupby("group").cumcount() == 0].assign(batch=""))
        whole(chapter)
        assert any("DESeq2 cannot be fitted" in text for text in said)
        assert {record.verdict for record in chapter.records} == {"not testable here"}

    def test_other_gene_names_say_so(self, tmp_path, small, said):
        counts, sheet = small
        chapter = chapter_on(tmp_path, counts.assign(gene=[f"ENSMUSG{i:011d}" for i in range(len(counts))]), sheet)
        data, scores, phi = run(chapter)
        assert (scores, phi, chapter.records) == (None, None, [])
        assert any("signature cannot be scored" in text for text in said)


class TestGenes:
    def test_one_fit_serves_every_contrast(self, fitted):
        data, results = fitted
        assert set(results) == {"aging", "ecko", "ecko_young", "control_young"}
        assert results["aging"].attrs["design"] == "~group + batch"
        np.testing.assert_allclose(
            results["ecko_young"]["log2FoldChange"],
            results["ecko"]["log2FoldChange"] + results["control_young"]["log2FoldChange"],
            atol=1e-6,
        )
        direct = expression.deseq(
            data.counts, data.animals, contrasts={"x": ("group", "aged", "young")}, sample="animal", block="batch"
        )["x"]
        padj = direct["padj"]
        up = int(((padj <= 0.05) & (direct["log2FoldChange"] > 0)).sum())
        assert transcriptome.called(results["aging"], 0.05)[0] == up > 0

    def test_the_trap_springs_where_animals_are_shared(self, tmp_path):
        """Where there is no effect the naive correlation with a shared reference is near one half and phi is silent."""
        data = transcriptome.transcriptomes(chapter_on(tmp_path, *tables("null", 1, genes=150)))
        table = transcriptome.trap(data, transcriptome.differential(data)).set_index("contrast")
        assert (table.loc[["ECKO - young", "control - young"], "r"] > 0.3).all()
        assert abs(table.at["ECKO - control", "r"]) < 0.25
        assert not any(one.ci_low > 0 for one in table["phi"])

    def test_quadrants_count_each_gene_once(self, fitted):
        _, results = fitted
        ranks = transcriptome.overlap(results)
        table = transcriptome.quadrants(ranks).set_index("quadrant")
        assert table["genes"].sum() == ranks.genes
        assert table["expected"].sum() == pytest.approx(ranks.genes)
        both = pd.concat([results["aging"]["stat"], results["ecko"]["stat"]], axis=1).dropna()
        step = ranks.ranks[0]
        agree = int(((both > 0).all(axis=1)).sum())
        assert abs(table.at["up with age, up in ECKO", "genes"] - agree) <= 2 * step
        assert table["peak"].idxmax() == "up with age, up in ECKO"


class TestPublic:
    def test_premises_are_over_studies_and_enter_the_claim(self, tmp_path, small):
        chapter = chapter_on(tmp_path, *small)
        transcriptome.populations(chapter)
        records = {record.id: record for record in chapter.records}
        assert len(records) == 9
        assert {record.unit for record in records.values()} == {"study"}
        for name in ("C4.premise.HSC", "C4.premise.specificity"):
            assert (records[name].kind, records[name].verdict) == ("premise", "supported")
            assert records[name].n == {"studies": 12}
        assert {record.kind for name, record in records.items() if "context" in name} == {"context"}
        claim = next(entry for entry in chapter.ledger()["claims"] if entry["id"] == "C4")
        assert claim["premise"]["verdict"] == "supported"
        assert set(claim["premise"]["evidence"]) == {"C4.premise.HSC", "C4.premise.specificity"}

    def test_the_gene_level_slope_and_what_carries_it(self):
        table = transcriptome.public.frozen_table("hsc_aging_lfc")
        slopes = transcriptome.gene_level_slopes(table)
        signature, _ = hsc_aging.signature()
        ours = table.set_index("gene").join(signature["average"], how="inner")
        w = 1 / (ours["se_HSC"] ** 2 + 0.25)
        direct = (w * ours["average"] * ours["lfc_HSC"]).sum() / (w * ours["average"] ** 2).sum()
        assert slopes.at["HSC", "slope"] == pytest.approx(direct)
        assert (slopes["low"] < slopes["slope"]).all()
        # What the page says: without ten genes little is left in the controls, most in HSCs.
        assert slopes.loc[list(hsc_aging.CONTROLS), "rest"].abs().max() < 0.1
        assert slopes.at["HSC", "rest"] > 0.8 * slopes.at["HSC", "slope"]

    def test_single_cells_are_described_without_p_or_interval(self, said):
        transcriptome.say_cells()
        transcriptome.show_cells("group")
        transcriptome.show_cells("score")
        text = " ".join(said)
        assert "not replicates" in text
        assert "p =" not in text
        assert "interval" not in text
