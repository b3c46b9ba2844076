"""Public data: registry, downloads over a real server, parsers, frozen tables against the originals."""

import gzip
import os
import tomllib
from pathlib import Path
from urllib.parse import unquote, urlsplit

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conftest import some_quick
from endomtor import paths, public
from endomtor.building import power_page
from endomtor.calibration import run, sample_size
from endomtor.claims import premises
from endomtor.errors import FetchError
from endomtor.files import sha256_of
from endomtor.public import blood, download, frozen, hsc_aging, originals, registry, single_cells
from endomtor.views import changes
from loopback import serving

MIRROR = os.environ.get("ENDOMTOR_MIRROR", "")
needs_mirror = pytest.mark.skipif(not MIRROR, reason="ENDOMTOR_MIRROR is not set: the originals are not here")
DATA = paths.data()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("ENDOMTOR_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("ENDOMTOR_MIRROR", raising=False)
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def fetched(tmp_path_factory):
    """A cache with every original, filled through the mirror once."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENDOMTOR_CACHE", str(tmp_path_factory.mktemp("cache")))
        assert public.prepare() == []
        yield


def test_registry_names_each_file_once_and_bundled_files_are_the_registered_ones():
    entries = public.load()
    assert len(entries) == 30
    for entry in entries.values():
        path = DATA / "public" / entry.file
        assert path.exists() == entry.bundled, entry.name
        if entry.bundled:
            assert (path.stat().st_size, sha256_of(path)) == (entry.bytes, entry.sha256), entry.file
            assert entry.licence in ("MIT", "BSD-3-Clause")
            assert list((DATA / "public").glob(f"LICENSE-*-{entry.licence}.txt"))


def test_nothing_lies_in_the_data_folders_that_no_list_names():
    public_files = {entry.file for entry in public.load().values() if entry.bundled}
    licences = {path.name for path in (DATA / "public").glob("LICENSE-*")}
    found = {path.name for path in (DATA / "public").iterdir()}
    assert found == public_files | licences | {
        "README.md",
        "msigdb_mtor_hallmarks.gmt",
        "msigdb_inflammation_hallmarks.gmt",
    }
    tables = {derived.file for derived in frozen.TABLES.values()}
    calibrated = {run.FILE, run.SLICE, run.ABOUT, premises.FILE, sample_size.FILE, sample_size.ABOUT, power_page.FILE}
    # The ledger of the last release is there from the first release on.
    found = {path.name for path in (DATA / "derived").iterdir()} - {changes.FILE}
    assert found == tables | {"README.md", frozen.MANIFEST, *calibrated}


GOOD = f"""schema_version = 1
[files.a-file]
file = "a.csv"
address = "https://example.org/o/r/c/a%20b.csv"
bytes = 3
sha256 = "{"0" * 64}"
licence = "MIT"
bundled = false
citations = ["someone"]
description = "A file."
chapters = ["01_mtor_decline"]
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("bytes = 3", "bytes = -3", "bytes is -3, expected a positive number"),
        ("bytes = 3", 'bytes = "3"', "bytes is '3', expected a whole number"),
        ("bytes = 3", "", "bytes is missing, expected a whole number"),
        ("bundled = false", "bundled = 0", "bundled is 0, expected true or false"),
        ("licence =", "license =", "unknown key 'license', did you mean 'licence'?"),
        ("a%20b", "a b", "expected a plain https address"),
        ("/o/r/c", "/../c", "expected a plain https address"),
        ("https:", "http:", "expected a plain https address"),
        ('"a.csv"', '"../a.csv"', "expected a plain file name"),
        ("0" * 64, "0" * 63, "expected 64 lower-case hexadecimal digits"),
        ('["someone"]', "[]", "citations is [], expected a list of texts"),
        ("a-file", "A_file", "lower-case words"),
        ("schema_version = 1", "schema_version = 2", "schema_version is 2, expected 1"),
        ("schema_version = 1", "schema_version = 1\nextra = 1", "unknown key 'extra'"),
        ("schema_version = 1", "schema_version = ", "not a TOML file"),
    ],
)
def test_a_wrong_registry_is_one_sentence(tmp_path, old, new, message):
    path = tmp_path / "registry.toml"
    path.write_text(GOOD, encoding="utf-8")
    assert list(registry.load(path)) == ["a-file"]
    assert old in GOOD
    path.write_text(GOOD.replace(old, new), encoding="utf-8")
    with pytest.raises(FetchError) as caught:
        registry.load(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_two_entries_of_one_file_are_refused(tmp_path):
    path = tmp_path / "registry.toml"
    path.write_text(GOOD + GOOD.split("\n", 1)[1].replace("a-file", "b-file"), encoding="utf-8")
    with pytest.raises(FetchError, match="file of b-file is also that of a-file"):
        registry.load(path)


def test_an_unknown_name_gets_the_nearest():
    with pytest.raises(FetchError, match="did you mean 'ec-heart'"):
        public.available("ec-hart")
    with pytest.raises(FetchError, match="known are gse162607-counts"):
        public.fetch(["qqqq"])
    with pytest.raises(FetchError, match="did you mean 'endothelium_scores'"):
        public.table("endothelium_score")


def test_prepare_stops_at_the_first_sign_of_no_network(cache, monkeypatch):
    tries = []

    def refused(names, **_):
        tries.append(names)
        raise download.NoNetworkError(f"{names[0]}: the host cannot be reached; is there a network?")

    monkeypatch.setattr(frozen, "fetch", refused)
    sentences = public.prepare()
    assert len(tries) == 1
    (sentence,) = sentences
    assert sentence.endswith("(the host cannot be reached; is there a network?); frozen tables are used.")
    needed = {name for derived in frozen.TABLES.values() for name in derived.originals}
    missing = {name for name in needed if not public.load()[name].bundled}
    assert set(sentence.split(":")[0].split(", ")) == missing
    tries.clear()
    assert "an offline build was asked for" in public.prepare(offline=True)[0]
    assert tries == []


def test_prepare_goes_on_after_a_file_that_is_gone(cache, monkeypatch):
    with serving() as host:
        monkeypatch.setenv("ENDOMTOR_MIRROR", host.url)
        sentences = public.prepare()
    assert len(host.asked) == len(sentences) > 20
    assert all("404" in sentence for sentence in sentences)


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[st.integers(0, 10**6)] * 4), min_size=1, max_size=6))
def test_lanes_of_one_mouse_are_added_and_summary_rows_dropped(tmp_path_factory, rows):
    lines = ['"","YH4_1","OH1","YH4_L2","YH1"'] + [
        f'"ENSMUSG{i}",{a},{b},{c},{d}' for i, (a, b, c, d) in enumerate(rows)
    ]
    path = write(tmp_path_factory.mktemp("p") / "c.csv", "\n".join([*lines, '"__no_feature",9,9,9,9']) + "\n")
    counts = originals.endothelial_counts(path)
    assert list(counts.columns) == ["OH1", "YH1", "YH4"]
    assert counts["YH4"].tolist() == [a + c for a, _, c, _ in rows]
    assert counts["OH1"].tolist() == [b for _, b, _, _ in rows]


def test_single_cells_are_tab_separated_with_spaces_in_names(tmp_path):
    path = write(tmp_path / "c.csv", "\tGSM1_4m\t GSM2_18m\nSelp\t0\t3\nERCC-00002\t5\t6\n")
    counts, months = originals.single_hsc_counts(path)
    assert list(counts.columns) == ["GSM1_4m", "GSM2_18m"]
    assert months.tolist() == [4, 18]
    assert counts.loc["Selp"].tolist() == [0, 3]


def hsc_files(folder: Path, counts: pd.DataFrame) -> tuple[Path, Path]:
    matrix = folder / "m.txt"
    counts.to_csv(matrix, sep="\t", index_label="gene_id")
    sheet = "".join(f"{name},{name.rsplit('_', 1)[0]},1\n" for name in counts.columns)
    return matrix, write(folder / "s.csv", "\ufeffids,covariate,adjustvars\n" + sheet.rstrip("\n"))


def test_hsc_counts_get_todays_symbols_and_the_sheets_groups(tmp_path):
    counts = pd.DataFrame({"Young_HSC_1": [1, 2], "Aged_CLP_2": [3, 4]}, index=["Sdpr", "Selp"])
    read, sheet = originals.hsc_counts(*hsc_files(tmp_path, counts))
    assert list(read.index) == ["Cavin2", "Selp"]
    assert sheet["group"].tolist() == ["young_HSC", "aged_CLP"]
    matrix, samples = hsc_files(tmp_path, counts)
    write(samples, "ids,covariate\nYoung_HSC_1,Young_HSC\n")
    with pytest.raises(FetchError, match="Aged_CLP_2.*the same samples"):
        originals.hsc_counts(matrix, samples)
    write(samples, "ids,covariate\nYoung_HSC_1,Young_HSC\nAged_CLP_2,Old_CLP\n")
    with pytest.raises(FetchError, match="'Old_CLP', expected Young_ or Aged_"):
        originals.hsc_counts(matrix, samples)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (",YH1\nENS1,1.5\n", "gene ENS1, column YH1: '1.5', expected a count"),
        (",YH1\nENS1,-1\n", "gene ENS1, column YH1: '-1', expected a count"),
        (",YH1\nENS1,x\n", "gene ENS1, column YH1: 'x', expected a count"),
        (",YH1\nENS1,1\nENS1,1\n", "gene 'ENS1' comes twice"),
        (",ZH1\nENS1,1\n", "column 'ZH1', expected the name of an old"),
        ("", "cannot be read as a table"),
        ("gene\nENS1\n", "no sample column"),
    ],
)
def test_a_wrong_count_table_is_one_sentence(tmp_path, text, message):
    with pytest.raises(FetchError) as caught:
        originals.endothelial_counts(write(tmp_path / "c.csv", text))
    assert message in str(caught.value)


def test_other_parsers_refuse_another_file(tmp_path):
    other = write(tmp_path / "o.csv", "a,b\n1,2\n")
    for parser in (originals.aging_signature, originals.blood_effects):
        with pytest.raises(FetchError, match="is missing, expected"):
            parser(other)
    with pytest.raises(FetchError, match="line 1: no genes"):
        originals.gene_sets(write(tmp_path / "s.gmt", "NAME\thttps://example.org\n"))


def test_signature_and_hallmarks_are_as_described():
    signature, provenance = hsc_aging.signature()
    assert signature.shape == (220, 13)
    assert (signature["average"] > 0).sum() == 181
    assert np.allclose(signature[list(originals.STUDIES)].mean(axis=1), signature["average"], atol=1e-6)
    assert provenance.kind == "public"
    assert not provenance.frozen
    sets = originals.mtor_hallmarks()
    assert {name: len(genes) for name, genes in sets.items()} == {originals.MTORC1: 199, originals.PI3K_AKT_MTOR: 105}
    # Genes that the study Kirschner alone brought over the signature's threshold are gone without it.
    without = single_cells.signature_without(signature)
    assert {"Jun", "Zfp36", "Btg2"}.isdisjoint(without.index)
    assert {"Selp", "Nupr1"} <= set(without.index)


def test_blood_effects_agree_with_the_facts():
    table, _ = blood.effects("age")
    effect = table.set_index("trait")["effect"]
    facts = {"n.neut": 0.066, "nlr": 0.021, "rbc": -0.027, "hgb": -0.070, "plt": 13.5}
    for trait, value in facts.items():
        assert effect[trait] == pytest.approx(value, rel=0.02)
    assert table["name"].notna().all()
    hemoglobin = blood.estimate(table, "hgb")
    assert hemoglobin.ci_low < hemoglobin.estimate < hemoglobin.ci_high < 0
    assert hemoglobin.n == {"mice": 521}
    assert len(blood.effects("sex")[0]) == 17


@pytest.mark.filterwarnings("ignore:The trend of dispersion over mean was not found")
def test_the_joint_fit_has_pydeseq2s_own_errors():
    from pydeseq2.default_inference import DefaultInference
    from pydeseq2.ds import DeseqStats

    rng = np.random.default_rng(1)
    groups = [f"{age}_{population}" for age in ("young", "aged") for population in originals.POPULATIONS] * 2
    mean = rng.uniform(50, 2000, (60, 1)) * rng.uniform(0.7, 1.4, (1, 32))
    names = [f"s{i}" for i in range(32)]
    counts = pd.DataFrame(rng.negative_binomial(20, 20 / (20 + mean)), [f"g{i:02}" for i in range(60)], names)
    fit = hsc_aging.joint_fit(counts, pd.Series(groups))
    table = hsc_aging.contrasts(fit)
    for population in ("HSC", "CLP"):
        contrast = (fit.obsm["design_matrix"].columns == f"aged_{population}").astype(float)
        contrast -= fit.obsm["design_matrix"].columns == f"young_{population}"
        theirs = DeseqStats(fit, contrast=contrast, quiet=True, inference=DefaultInference(n_cpus=1))
        theirs.run_wald_test()
        assert np.allclose(table[f"lfc_{population}"], theirs.LFC @ theirs.contrast_vector / np.log(2), atol=1e-6)
        assert np.allclose(table[f"se_{population}"], theirs.SE / np.log(2), rtol=1e-3)


def test_slopes_are_those_of_a_line():
    signature, _ = hsc_aging.signature()
    rng = np.random.default_rng(2)
    # In each population the fold changes are k times the published average of the study "Sun".
    genes = signature.index[signature["Sun"].notna()]
    table = pd.DataFrame({"gene": genes})
    for k, population in enumerate(originals.POPULATIONS):
        table[f"lfc_{population}"] = k * signature.loc[genes, "Sun"].to_numpy()
        table[f"se_{population}"] = rng.uniform(0.1, 3, len(genes))
    for weighted in (True, False):
        for intercept in (True, False):
            slopes = hsc_aging.signature_slopes(table, signature, weighted=weighted, intercept=intercept)
            assert np.allclose(slopes.loc["Sun", list(originals.POPULATIONS)].astype(float), range(8))
    # A gene that is hardly measured moves a weighted slope less.
    table.loc[0, ["lfc_HSC", "se_HSC"]] = [50.0, 10.0]
    moved = [hsc_aging.signature_slopes(table, signature, weighted=w).loc["Sun", "HSC"] for w in (True, False)]
    assert 0 < abs(moved[0]) < abs(moved[1]) / 5


def test_the_facts_of_hsc_aging_are_reproduced():
    baseline = public.frozen_table("hspc_gene_baseline").set_index("gene")
    facts = {
        "Selp": 3.5,
        "Nupr1": 2.9,
        "Clu": 3.0,
        "Gpr183": 4.0,
        "Mt1": 3.0,
        "Aldh1a1": 1.8,
        "Vwf": 0.9,
        "Slamf1": 0.4,
    }
    for gene, value in facts.items():
        assert baseline.at[gene, "aging_lfc"] == pytest.approx(value, abs=0.25), gene
    table = public.frozen_table("hsc_aging_lfc")
    signature, _ = hsc_aging.signature()
    ours = table.set_index("gene")
    up = ours.loc[ours.index.intersection(signature.index[signature["average"] > 0])]
    assert (up["lfc_HSC"] > 0).mean() >= 0.97
    assert all((up[f"lfc_{population}"] > 0).mean() < 0.6 for population in hsc_aging.CONTROLS)


def test_the_slopes_on_the_signature():
    table = public.frozen_table("hsc_aging_lfc")
    signature, _ = hsc_aging.signature()
    slopes = hsc_aging.signature_slopes(table, signature)
    transfer, specificity = hsc_aging.population_slopes(slopes)["HSC"], hsc_aging.specificity(slopes)
    assert transfer.n == specificity.n == {"studies": 12, "young pools": 2, "aged pools": 2}
    assert transfer.ci_low > 0.25
    assert specificity.ci_low > 0.25
    order = pd.Series({name: one.estimate for name, one in hsc_aging.population_slopes(slopes).items()})
    assert order["HSC"] > order["MPP1"] > order["MPP2"] > order[list(hsc_aging.CONTROLS)].max()
    # Neither hangs on how the line is drawn.
    choices = hsc_aging.slope_choices(table, signature)
    assert len(choices) == 4
    assert (choices[["HSC_low", "specificity_low"]] > 0).all(axis=None)


def test_endothelium_genes_and_mice_look_at_one_number():
    scores, genes = public.frozen_table("endothelium_scores"), public.frozen_table("endothelium_genes")
    heart_genes = genes[genes["tissue"] == "heart"].groupby("mtorc1")["lfc"].mean()
    heart = scores[scores["tissue"] == "heart"].groupby("group")["relative"].mean()
    assert heart_genes[1] - heart_genes[0] == pytest.approx(heart["aged"] - heart["young"], abs=1e-3)


def test_single_cells_are_described():
    cells = public.frozen_table("single_hscs")
    assert cells["months"].value_counts().to_dict() == {18: 86, 4: 80}
    assert cells.loc[cells["kept"] == 0, "score"].isna().all()
    medians = cells.groupby("months")["score"].median()
    assert medians[18] > medians[4]


def test_baselines_hold_what_the_worlds_need():
    hspc, cells = public.frozen_table("hspc_gene_baseline"), public.frozen_table("ec_gene_baseline")
    assert list(hspc.columns) == ["gene", "mean", "dispersion", "aging_lfc"]
    assert list(cells.columns) == ["gene", "mean", "dispersion", "mtorc1"]
    for table in (hspc, cells):
        assert table["gene"].is_unique
        assert table.notna().all(axis=None)
        assert (table[["mean", "dispersion"]] > 0).all(axis=None)
        assert {"Xist", "Ddx3y", "Eif2s3y", "Kdm5d", "Uty"} <= set(table["gene"])
    assert len(hspc) == 3000
    assert cells["mtorc1"].sum() > 190
    assert {"Cdh5", "Pecam1", "Emcn", "Kdr", "Ly6a", "Stab2", "Vwf"} <= set(cells["gene"])


def test_the_manifest_names_the_files():
    manifest = frozen.manifest()
    assert list(manifest) == list(frozen.TABLES)
    for name, entry in manifest.items():
        assert entry["sha256"] == sha256_of(DATA / "derived" / entry["file"])
        assert entry["inputs"] == frozen._inputs(name)
        assert entry["version"] == frozen.TABLES[name].version
    assert sum(path.stat().st_size for path in (DATA / "derived").iterdir()) < 2_500_000


def test_without_originals_the_frozen_table_is_read(cache):
    table, provenance = public.table("endothelium_scores")
    assert provenance.frozen
    assert provenance.kind == "public"
    assert provenance.sha256 == sha256_of(DATA / "derived" / "endothelium_scores.csv")
    assert len(table) == 18
    with pytest.raises(FetchError, match="an original is not here"):
        public.freeze(("endothelium_scores",))


def test_a_changed_frozen_table_is_refused(cache, tmp_path, monkeypatch):
    for name in ("derived", "public", "genesets", "registry.toml"):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / name).symlink_to(DATA / name)
    (tmp_path / "data" / "derived").unlink()
    (tmp_path / "data" / "derived").mkdir()
    for path in (DATA / "derived").iterdir():
        (tmp_path / "data" / "derived" / path.name).write_bytes(path.read_bytes())
    monkeypatch.setattr(paths, "data", lambda: tmp_path / "data")
    (tmp_path / "data" / "derived" / "single_hscs.csv").write_text("cell\n", encoding="utf-8")
    with pytest.raises(FetchError, match="single_hscs.csv: not the table that MANIFEST.toml names"):
        public.table("single_hscs")
    (tmp_path / "data" / "derived" / "single_hscs.csv").unlink()
    with pytest.raises(FetchError, match="the frozen table is missing"):
        public.table("single_hscs")


def test_written_tables_are_rounded_and_the_same_each_time():
    frame = pd.DataFrame(
        {"gene": ["Nan", "b"], "lfc_HSC": [-0.00001, 1.23456], "mean": [1234567.8, np.nan], "n": [1, 2]}
    )
    plain, packed = frozen._serialised(frame, False), frozen._serialised(frame, True)
    assert plain.decode() == "gene,lfc_HSC,mean,n\nNan,0.0000,1.23457e+06,1\nb,1.2346,,2\n"
    assert gzip.decompress(packed) == plain
    assert packed == frozen._serialised(frame, True)


# A fit of thirty-two samples takes some ten seconds, and these tables rest on such.
SOME_QUICK = some_quick(
    frozen.TABLES, frozen.TABLES.keys() - {"hsc_aging_lfc", "ec_gene_baseline", "hspc_gene_baseline"}
)


@needs_mirror
@pytest.mark.parametrize("name", SOME_QUICK)
def test_frozen_equals_a_recomputation_from_the_originals(fetched, name):
    """The long one: the joint fit of `hsc_aging_lfc` takes some 12 s; the others use its cached result."""
    again, provenance = public.table(name)
    assert not provenance.frozen
    old = public.frozen_table(name)
    assert list(again) == list(old)
    assert len(again) == len(old)
    for column in old:
        if not pd.api.types.is_float_dtype(old[column]):
            assert again[column].tolist() == old[column].tolist(), column
            continue
        a, b = again[column].to_numpy(), old[column].to_numpy()
        assert (np.isnan(a) == np.isnan(b)).all(), column
        # Where the likelihood of a gene is flat, an optimizer on another processor stops elsewhere: a few genes in 100.
        near = np.isclose(a, b, rtol=1e-3, atol=1e-3, equal_nan=True)
        assert near.mean() > 0.97, (column, near.mean())
        assert np.nanmedian(np.abs(a - b) / np.maximum(np.abs(b), 1e-3)) < 1e-3, column


@needs_mirror
def test_freeze_writes_what_is_in_the_repository(fetched, tmp_path, monkeypatch):
    for name in ("public", "genesets", "registry.toml"):
        (tmp_path / name).symlink_to(DATA / name)
    monkeypatch.setattr(paths, "data", lambda: tmp_path)
    (path,) = public.freeze(("endothelium_scores",))
    assert path == tmp_path / "derived" / "endothelium_scores.csv"
    entry = frozen.manifest()["endothelium_scores"]
    whole = tomllib.loads((DATA / "derived" / frozen.MANIFEST).read_text(encoding="utf-8"))["endothelium_scores"]
    assert {**entry, "sha256": ""} == {**whole, "sha256": ""}
    assert entry["sha256"] == sha256_of(path)


@needs_mirror
@pytest.mark.slow
def test_premises_are_the_same_from_originals(fetched):
    signature, _ = hsc_aging.signature()
    both = []
    for table in (public.table("hsc_aging_lfc")[0], public.frozen_table("hsc_aging_lfc")):
        slopes = hsc_aging.signature_slopes(table, signature)
        both.append([hsc_aging.population_slopes(slopes)["HSC"].estimate, hsc_aging.specificity(slopes).estimate])
    # As above: the processor moves the slopes by some ten-thousandths, their standard errors are above 0.1.
    assert both[0] == pytest.approx(both[1], abs=2e-3)


@needs_mirror
def test_the_bundled_hallmarks_are_an_extract_of_the_original(fetched):
    path = public.fetch(["msigdb-mouse-hallmarks"])["msigdb-mouse-hallmarks"]
    whole = originals.gene_sets(path)
    assert len(whole) == 50
    for name, genes in (originals.mtor_hallmarks() | originals.inflammation_hallmarks()).items():
        assert whole[name] == genes


@needs_mirror
def test_every_address_has_its_twin_in_the_mirror():
    if "://" in MIRROR:
        pytest.skip("the mirror is a URL")
    for entry in public.load().values():
        twin = Path(MIRROR) / unquote(urlsplit(entry.address).path).lstrip("/")
        assert sha256_of(twin) == entry.sha256
