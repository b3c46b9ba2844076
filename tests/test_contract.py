"""The data contract: valid directories load, every broken one is refused in one sentence that names the place."""

import gzip
import hashlib
import json
import os
import socket
import tempfile
import warnings
from dataclasses import replace
from pathlib import Path

import anndata
import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import sparse

from endomtor import cells as single_cells
from endomtor import contract
from endomtor.contract import problems
from endomtor.contract.dataset import DESIGN_KEYS
from endomtor.errors import ContractError
from endomtor.own_data import design

ABOUT = 'title = "Test"\nprovenance = "measured"\nsource = "made for a test"\n'
GROUPS = ("young", "aged", "control", "ecko")
GENES = ("Xist", "Ddx3y", "Eif2s3y", "Kdm5d", "Uty", "Mtor", "Kit", "Actb")


def mice(groups=GROUPS, n=4):
    """Yield animal, group, sex, batch: both sexes and both batches in every group."""
    for group in groups:
        for i in range(n):
            yield {"animal": f"{group}{i}", "group": group, "sex": "FM"[i % 2], "batch": f"b{i // 2 % 2}"}


def treated(n=4):
    for age in ("young", "aged"):
        for treatment in ("vehicle", "rapamycin"):
            for i in range(n):
                yield {
                    "animal": f"r_{age}_{treatment}{i}",
                    "age_group": age,
                    "treatment": treatment,
                    "sex": "FM"[i % 2],
                    "batch": f"b{i // 2 % 2}",
                }


def counts_of(sex, rng):
    counts = rng.integers(50, 500, len(GENES))
    counts[0] = 300 if sex == "F" else 1
    counts[1:5] = 0 if sex == "F" else 80
    return counts


def valid_tables():
    """Return every CSV table with a few sound rows."""
    unmanipulated = ("control", "ecko")
    samples = [{"sample": f"s_{mouse['animal']}", **mouse} for mouse in mice()]
    rng = np.random.default_rng(1)
    counts = {"gene": GENES} | {sample["sample"]: counts_of(sample["sex"], rng) for sample in samples}
    lineages = {"myeloid_pct": 20, "b_pct": 50, "t_pct": 30}
    transplants = [
        {
            "recipient": f"{mouse['animal']}" if passage == 1 else f"w_{mouse['animal']}_{passage}",
            "exposed_animal": mouse["animal"],
            "donor": f"pool{i % 2}",
            "niche": mouse["group"],
            "passage": passage,
            "week": 16,
            "donor_chimerism_pct": 60,
            **lineages,
            "batch": mouse["batch"],
        }
        for i, mouse in enumerate(mice())
        for passage in (1, 2)
    ]
    frames = {
        "bmec_signaling": [{**m, "marker": "pS6_S235_236", "mfi": 900 + i} for i, m in enumerate(mice())],
        "rapamycin_blood": [
            {**m, "day": 0, "analyte": "platelets", "value": 900, "unit": "10^3/uL"} for m in treated()
        ],
        "rapamycin_marrow": [{**m, "population": "HSC", "value": 3000, "unit": "per femur"} for m in treated()],
        "ecko_blood": [{**m, **lineages} for m in mice()],
        "ecko_marrow": [{**m, "population": "HSC", "value": 0.01, "unit": "% of live"} for m in mice()],
        "ecko_cells": [
            {**{k: m[k] for k in ("animal", "group", "batch")}, "cell": c, "assay": assay, "value": value}
            for m in mice()
            for c in range(2)
            for assay, value in (("polarity", c), ("gH2AX_foci", 3 * c))
        ],
        "ecko_limiting_dilution": [
            {"group": m["group"], "donor": m["animal"], "dose": d, "tested": 10, "positive": p, "cell_type": "WBM"}
            for m in mice(n=4)
            for d, p in ((1e4, 2), (1e5, 8))
        ],
        "competitive_transplants": [
            {
                "recipient": f"h_{m['animal']}_{host}",
                "donor": m["animal"],
                "donor_group": m["group"],
                "week": week,
                "donor_chimerism_pct": 50,
                **lineages,
            }
            for m in mice()
            for host in (1, 2)
            for week in (8, 16)
        ],
        "ecko_verification": [
            {
                "animal": m["animal"],
                "group": m["group"],
                "cell_type": "BMEC",
                "measure": "recombined_allele_pct",
                "value": 90 if m["group"] == "ecko" else 0,
                "unit": "%",
            }
            for m in mice(unmanipulated)
        ],
        "hspc_counts": counts,
        "hspc_samples": samples,
        "serial_transplants": transplants,
        "survival": [
            {"animal": m["animal"], "experiment": "ecko", "group": m["group"], "day": 30, "event": "censored"}
            for m in mice(n=5)
        ],
        "exclusions": [{"table": "survival", "animal": "aged4", "reason": "sick at sampling"}],
    }
    return {name: pd.DataFrame(rows) for name, rows in frames.items()}


def cells(n_cells=6, **changes):
    """Return a small AnnData of BMECs of every mouse."""
    rng = np.random.default_rng(2)
    obs = pd.DataFrame([mouse for mouse in mice() for _ in range(n_cells)])
    obs.index = [f"cell{i}" for i in range(len(obs))]
    counts = np.vstack([counts_of(sex, rng) for sex in obs["sex"]]) // 10
    data = anndata.AnnData(sparse.csr_matrix(counts.astype(np.float32)), obs=obs, var=pd.DataFrame(index=list(GENES)))
    for name, value in changes.items():
        data.obs[name] = value
    return data


def write(folder: Path, tables: dict, about: str = ABOUT, h5ad=None) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "dataset.toml").write_text(about)
    for name, content in tables.items():
        if isinstance(content, pd.DataFrame):
            content.to_csv(folder / (f"{name}.csv.gz" if name == "hspc_counts" else f"{name}.csv"), index=False)
        elif isinstance(content, bytes):
            (folder / name).write_bytes(content)
        else:
            (folder / name).write_text(content)
    if h5ad is not None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            h5ad.write_h5ad(folder / "bmec_cells.h5ad")
    return folder


def errors(folder):
    return [problem for problem in contract.check(folder) if problem.severity == "error"]


def remarks(folder):
    return [problem for problem in contract.check(folder) if problem.severity == "warning"]


def one(found, **fields):
    """Return the only problem with these fields."""
    hits = [p for p in found if all(getattr(p, name) == value for name, value in fields.items())]
    assert len(hits) == 1, [str(p) for p in found]
    return hits[0]


@pytest.fixture
def tables():
    return valid_tables()


@pytest.fixture
def valid(tmp_path, tables):
    return write(tmp_path / "d", tables, h5ad=cells())


def test_a_valid_directory_of_every_table_loads_without_a_remark(valid):
    ds = contract.load(valid)
    assert contract.check(valid) == []
    assert set(ds.tables) == set(valid_tables()) - {"exclusions"} | {"bmec_cells"}
    assert ds.provenance.kind == "measured"
    assert ds.design == {}
    assert dict(ds.design_rows())["strain"] == "not stated"
    assert ds.confounding == []
    assert ds.get("nothing") is None


@pytest.mark.parametrize("name", [name for name in valid_tables() if name != "exclusions"])
def test_each_table_stands_alone_or_with_its_partner(tmp_path, tables, name):
    names = {name} | ({"hspc_counts", "hspc_samples"} if name.startswith("hspc") else set())
    folder = write(tmp_path / "d", {one: tables[one] for one in names})
    assert set(contract.load(folder).tables) == names
    # Every column of the valid table is in the contract, and every required one is in the valid table.
    required = {column.name for column in contract.TABLES[name].columns if column.required}
    assert required <= set(tables[name])


def test_types_ids_and_blanks(tmp_path, tables):
    blood = tables["ecko_blood"].assign(animal=[f"{i:03d}" for i in range(16)], batch="", week="", litter="")
    blood.loc[3, ["myeloid_pct", "b_pct", "t_pct"]] = np.nan
    cells_table = tables["ecko_cells"].assign(blinded="TRUE")
    frames = contract.load(write(tmp_path / "d", {"ecko_blood": blood, "ecko_cells": cells_table})).tables
    assert frames["ecko_blood"]["animal"].iloc[1] == "001"
    assert set(frames["ecko_blood"]["batch"]) == {""}
    assert "week" not in frames["ecko_blood"]
    assert "litter" not in frames["ecko_blood"]
    assert frames["ecko_blood"]["t_pct"].dtype == float
    assert frames["ecko_cells"]["blinded"].all()


def test_counts_are_genes_by_samples_in_the_order_of_the_sheet(tmp_path, tables):
    sheet = tables["hspc_samples"].iloc[::-1]
    ds = contract.load(write(tmp_path / "d", {"hspc_counts": tables["hspc_counts"], "hspc_samples": sheet}))
    counts = ds.tables["hspc_counts"]
    assert list(counts.columns) == list(sheet["sample"])
    assert list(counts.index) == list(GENES)
    assert (counts.dtypes == np.int64).all()
    assert counts.loc["Kit", "s_aged2"] == tables["hspc_counts"].set_index("gene").loc["Kit", "s_aged2"]


def test_bom_crlf_gzip_blank_rows_and_trailing_commas_are_tolerated(tmp_path, tables):
    blood = tables["ecko_blood"]
    text = blood[blood.columns[::-1]].to_csv(index=False).replace("\n", ",,\r\n") + "\r\n,,,,,,,,\r\n"
    ds = contract.load(write(tmp_path / "d", {"ecko_blood.csv.gz": gzip.compress(b"\xef\xbb\xbf" + text.encode())}))
    # Columns may come in any order.
    pd.testing.assert_frame_equal(ds.tables["ecko_blood"], blood.astype({"t_pct": float}), check_dtype=False)


def test_exclusions_and_empty_cells_are_taken_out_and_counted(tmp_path, tables):
    marrow = tables["ecko_marrow"].astype({"value": object})
    marrow.loc[5, "value"] = ""
    transplants = tables["serial_transplants"].astype({"donor_chimerism_pct": object})
    transplants.loc[1, "donor_chimerism_pct"] = ""
    exclusions = pd.DataFrame(
        {
            "table": ["ecko_blood", "serial_transplants", "hspc_samples", "bmec_cells", "ecko_marrow"],
            "animal": ["aged0", "young0", "ecko1", "ecko1", "nobody"],
            "reason": "sick",
        }
    )
    frames = tables | {"ecko_marrow": marrow, "serial_transplants": transplants, "exclusions": exclusions}
    folder = write(tmp_path / "d", frames, h5ad=cells())
    ds = contract.load(folder)
    assert list(ds.excluded["rows"]) == [1, 2, 1, 6, 0]
    assert "aged0" not in set(ds.tables["ecko_blood"]["animal"])
    assert "s_ecko1" not in ds.tables["hspc_counts"]
    assert "ecko1" not in set(ds.tables["bmec_cells"].obs["animal"])
    # young0's empty chimerism went with young0; the empty value is a missing row of aged1.
    assert ds.missing.values.tolist() == [["ecko_marrow", "aged1", "value", 1]]
    assert len(ds.tables["ecko_marrow"]) == 15
    assert one(ds.warnings, file="exclusions.csv").row == 6
    said = " ".join(ds.describe(["ecko_blood", "ecko_marrow"]))
    assert "unit animal; n: young 4, aged 3, control 4, ecko 4" in said
    assert "aged0 left out (sick), 1 row." in said
    assert "1 empty cell in value left out (1 animal)" in said


def test_sha256_is_over_the_names_and_hashes_of_the_files_read(tmp_path, tables):
    folder = write(tmp_path / "d", {"ecko_blood": tables["ecko_blood"], "README.md": "not read"})
    lines = "".join(
        f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n"
        for name in ("dataset.toml", "ecko_blood.csv")
    )
    expected = hashlib.sha256(lines.encode()).hexdigest()
    assert contract.load(folder).provenance.sha256 == expected
    assert contract.provenance_of(folder) == contract.load(folder).provenance


def test_the_rest_of_low_lineages_becomes_other(tmp_path, tables):
    blood = tables["ecko_blood"].astype({"t_pct": float})
    blood.loc[2, "t_pct"] = 20.0
    blood.loc[3, "t_pct"] = 29.0
    ds = contract.load(write(tmp_path / "d", {"ecko_blood": blood}))
    assert ds.tables["ecko_blood"]["other_pct"].dropna().to_dict() == {2: 10.0}
    assert "the rest becomes other (1 row)" in str(one(ds.warnings, row=4))


SIMULATED = ABOUT.replace("measured", "simulated")


@pytest.mark.parametrize(
    ("about", "column", "part"),
    [
        ('title = "x"\nsource = "y"\n', "provenance", "this key"),
        (ABOUT.replace("measured", "mesured"), "provenance", 'did you mean "measured"?'),
        (ABOUT + 'license = "MIT"\n', "license", 'did you mean "licence"?'),
        (ABOUT + "example = 1\n", "example", "true or false"),
        (ABOUT + "[design]\nrandomized = true\n", "design.randomized", 'did you mean "randomised"?'),
        (ABOUT + "[design]\nyoung_weeks = 12\n", "design.young_weeks", "two ages in weeks"),
        (ABOUT + "design = 3\n", "design", "a section [design]"),
        (ABOUT.replace('"Test"', '""'), "title", "text that is not empty"),
        (SIMULATED + 'world = "paper"\n', "seed", "since the data are simulated"),
        (SIMULATED + 'world = "paper"\nseed = "1"\n', "seed", "an integer"),
        (ABOUT + 'world = "paper"\n', "world", "simulated data only"),
    ],
)
def test_dataset_toml_faults(tmp_path, tables, about, column, part):
    folder = write(tmp_path / "d", {"ecko_blood": tables["ecko_blood"]}, about)
    fault = one(errors(folder), file="dataset.toml", column=column)
    assert part in str(fault)
    with pytest.raises(ContractError):
        contract.provenance_of(folder)


def test_no_dataset_toml(tmp_path, tables):
    folder = write(tmp_path / "d", {"ecko_blood": tables["ecko_blood"]})
    (folder / "dataset.toml").unlink()
    assert one(errors(folder), file="dataset.toml").value == "no such file"


def test_the_design_is_shown(tmp_path, tables):
    about = ABOUT + '[design]\nstrain = "C57BL/6J"\nyoung_weeks = [10, 14]\nrandomised = true\ndose = ""\n'
    rows = contract.load(write(tmp_path / "d", {"ecko_blood": tables["ecko_blood"]}, about)).design_rows()
    assert len(rows) == len(DESIGN_KEYS)
    shown = dict(rows)
    assert (shown["strain"], shown["young weeks"], shown["randomised"]) == ("C57BL/6J", "10 to 14", "yes")
    assert shown["dose"] == shown["blinded"] == "not stated"


def test_what_the_design_means_for_a_verdict_is_told_beside_its_value(tmp_path, tables):
    about = ABOUT + '[design]\ninducible = false\nhost_conditioning = "9.5 Gy"\n'
    told = contract.load(write(tmp_path / "d", {"ecko_blood": tables["ecko_blood"]}, about)).design_tells
    of_hosts = [line for line in told("05_serial_transplants") if line.startswith("host conditioning (9.5 Gy): ")]
    assert "strongest rival of claim C5" in " ".join(of_hosts)
    assert not any(line.startswith("host conditioning") for line in told("03_ecko_phenotypes"))
    assert any(line.startswith("inducible (no): ") for line in told("03_ecko_phenotypes"))
    assert any(line.startswith("tamoxifen (not stated): ") for line in told("03_ecko_phenotypes"))
    assert told("01_mtor_decline") == []


def recipients(tables, **changes):
    """Survival of the recipients of `serial_transplants`, each with the group of its exposed animal."""
    rows = tables["serial_transplants"].drop_duplicates("recipient")
    rows = rows.rename(columns={"recipient": "animal", "niche": "group"})[["animal", "group"]]
    return rows.assign(experiment="transplant", day=100, event="censored", **changes)


def test_the_unit_of_a_recipient_is_its_exposed_animal(tmp_path, tables):
    others = tables["survival"].assign(animal="challenged-" + tables["survival"]["animal"])
    survival = pd.concat([others, recipients(tables, exposed_animal="")])
    folder = write(tmp_path / "d", {"serial_transplants": tables["serial_transplants"], "survival": survival})
    read = contract.load(folder)
    found = read.get("survival").query("experiment == 'transplant'").set_index("animal")["exposed_animal"]
    grafts = tables["serial_transplants"].drop_duplicates("recipient").set_index("recipient")
    assert found.to_dict() == grafts["exposed_animal"].to_dict()
    (line,) = read.describe(["survival"])
    assert "n in ecko: young 5, aged 5, control 5, ecko 5; n in transplant: young 4, aged 4, control 4, ecko 4" in line


def test_recipients_of_unknown_exposed_animals_have_no_n(tmp_path, tables):
    survival = pd.concat([tables["survival"].tail(5), recipients(tables).head(4)]).drop_duplicates("animal")
    folder = write(tmp_path / "d", {"survival": survival})
    (line,) = contract.load(folder).describe(["survival"])[:1]
    assert line == "survival: unit animal; n in ecko: ecko 5; n in transplant: not known."
    assert "without it they have no n (4 rows)" in str(one(remarks(folder), column="exposed_animal"))


@pytest.mark.parametrize(
    ("change", "column", "part"),
    [
        ({"exposed_animal": "young1"}, "exposed_animal", "as animal"),
        ({"group": "aged"}, "group", "as exposed_animal"),
    ],
)
def test_survival_agrees_with_the_transplants(tmp_path, tables, change, column, part):
    survival = recipients(tables, exposed_animal="").query("animal == 'w_young0_2'").assign(**change)
    if column == "group":
        survival["exposed_animal"] = "young0"
    folder = write(tmp_path / "d", {"serial_transplants": tables["serial_transplants"], "survival": survival})
    assert any(one.file == "survival.csv" and one.column == column and part in str(one) for one in errors(folder))


def test_exclusions_take_the_recipients_of_an_exposed_animal(tmp_path, tables):
    frames = {"serial_transplants": tables["serial_transplants"], "survival": recipients(tables)}
    lines = pd.DataFrame({"table": ["survival"], "animal": ["young0"], "reason": ["sick"]})
    read = contract.load(write(tmp_path / "d", frames | {"exclusions": lines}))
    assert not set(read.get("survival")["animal"]) & {"young0", "w_young0_2"}
    assert read.excluded["rows"].tolist() == [2]


HEADER = "animal,group,sex,batch,myeloid_pct,b_pct,t_pct"
ROW = "m1,young,F,b1,20,50,30"
TWO = f"{HEADER}\n{ROW}\n"


@pytest.mark.parametrize(
    ("name", "content", "row", "part"),
    [
        ("ecko_blood.csv", TWO.replace(",", "\t").encode(), None, "cells separated by tabs"),
        ("ecko_blood.csv", (TWO + "m2,young,F\n").encode(), 3, 'found "3 cells", expected 7 cells'),
        ("ecko_blood.csv", (TWO + ROW + ",9\n").encode(), 3, 'found "8 cells", expected 7 cells'),
        ("ecko_blood.csv", TWO.replace("sex", "").encode(), 1, "a name for column 3"),
        ("ecko_blood.csv", TWO.replace("sex", "Sex").encode(), 1, 'did you mean "Sex"?'),
        ("ecko_blood.csv", gzip.compress(TWO.encode(), mtime=0), None, "found a gzip file"),
        ("ecko_blood.csv", b"PK\x03\x04xlsx", None, "found an Excel or zip file"),
        ("ecko_blood.csv.gz", gzip.compress(TWO.encode(), mtime=0)[:-8] + b"\0" * 8, None, "a damaged gzip stream"),
        ("ecko_blod.csv", TWO.encode(), None, 'did you mean "ecko_blood.csv"?'),
        ("ecko_blood.CSV", TWO.encode(), None, "this table as ecko_blood.csv"),
        ("mice.xlsx", b"PK", None, "the name of a table of the contract"),
        ("bmec_cells.csv", TWO.encode(), None, "this table as bmec_cells.h5ad"),
        ("ecko_blood.h5ad", b"\x89HDF\r\n\x1a\n", None, "this table as ecko_blood.csv"),
        ("bmec_cell.h5ad", b"\x89HDF\r\n\x1a\n", None, 'did you mean "bmec_cells.h5ad"?'),
        ("bmec_cells.h5ad", b"not HDF5", None, "an HDF5 (AnnData) file"),
    ],
)
def test_a_broken_file_is_one_sentence(tmp_path, tables, name, content, row, part):
    folder = write(tmp_path / "d", {"ecko_marrow": tables["ecko_marrow"], name: content})
    fault = one([problem for problem in errors(folder) if problem.file == name], row=row)
    assert part in str(fault)
    assert "\n" not in str(fault)
    with pytest.raises(ContractError) as caught:
        contract.load(folder)
    assert caught.value.problems == errors(folder)


def test_no_table_or_only_exclusions(tmp_path, tables):
    assert "at least one table" in str(one(errors(write(tmp_path / "a", {}))))
    folder = write(tmp_path / "b", {"exclusions": tables["exclusions"]})
    assert "at least one table" in str(one(errors(folder)))


def test_other_files_are_left_alone(tmp_path, tables):
    others = {".~lock.ecko_blood.csv#": "", "~$ecko.xlsx": "", "._ecko_blood.csv": "", "notes.md": "", "plate.png": ""}
    folder = write(tmp_path / "d", {"ecko_blood": tables["ecko_blood"]} | others)
    assert errors(folder) == []


# table, change of its last row, column that must be named, part of the sentence
CELLS = [
    ("ecko_blood", {"group": "Young"}, "group", 'did you mean "young"?'),
    ("ecko_blood", {"sex": ""}, "sex", "found an empty cell"),
    ("ecko_blood", {"t_pct": "NA"}, "t_pct", "a number from 0 to 100, or an empty cell"),
    ("ecko_blood", {"t_pct": "30,5"}, "t_pct", "a number from 0 to 100"),
    ("ecko_blood", {"t_pct": "٣٠"}, "t_pct", "a number from 0 to 100"),
    ("ecko_blood", {"t_pct": "nan"}, "t_pct", "a number from 0 to 100"),
    ("ecko_blood", {"t_pct": "-1"}, "t_pct", "a number from 0 to 100"),
    ("ecko_blood", {"myeloid_pct": 0, "b_pct": 0, "t_pct": "101"}, "t_pct", "a number from 0 to 100"),
    ("ecko_blood", {"t_pct": ""}, "t_pct", "all of myeloid, B and T cells, or none"),
    ("ecko_blood", {"t_pct": 32.5}, "myeloid_pct, b_pct, t_pct", "a sum of 102.5"),
    ("ecko_blood", {"animal": "young0"}, "animal", "row 2 has the same"),
    ("bmec_signaling", {"mfi": 0}, "mfi", "a number above 0"),
    ("bmec_signaling", {"animal": "young0", "marker": "pAKT_S473"}, "group", "the group of animal"),
    ("rapamycin_blood", {"day": "1.5"}, "day", "an integer"),
    ("rapamycin_blood", {"value": 0}, "value", "a number above 0, or an empty cell"),
    ("rapamycin_marrow", {"value": 101, "unit": "% of LSK"}, "value", "at most 100"),
    ("ecko_cells", {"value": 2, "assay": "polarity"}, "value", "0 or 1"),
    ("ecko_cells", {"value": 2.5, "assay": "gH2AX_foci"}, "value", "an integer"),
    ("ecko_cells", {"blinded": "maybe"}, "blinded", "true or false"),
    ("ecko_limiting_dilution", {"tested": 0, "positive": 0}, "tested", "an integer of at least 1"),
    ("ecko_limiting_dilution", {"dose": 0}, "dose", "a number above 0"),
    ("competitive_transplants", {"donor_group": "wildtype"}, "donor_group", "expected young, aged, control or ecko"),
    ("competitive_transplants", {"donor_group": "aged"}, "donor_group", 'expected "ecko", the donor_group of donor'),
    ("competitive_transplants", {"donor": "ecko2"}, "donor", 'expected "ecko3", the donor of recipient "h_ecko3_2"'),
    ("competitive_transplants", {"week": 0}, "week", "expected a number above 0"),
    ("competitive_transplants", {"week": 8}, "recipient, week", "one row for each recipient and week, and row 64"),
    ("competitive_transplants", {"t_pct": 33}, "myeloid_pct, b_pct, t_pct", "a sum of 103"),
    ("competitive_transplants", {"b_pct": ""}, "b_pct", "all of myeloid, B and T cells, or none"),
    ("competitive_transplants", {"donor_chimerism_pct": 101}, "donor_chimerism_pct", "a number from 0 to 100"),
    ("competitive_transplants", {"tissue": "spleen"}, "tissue", "expected PB or BM"),
    ("ecko_verification", {"value": 101}, "value", "a number from 0 to 100"),
    ("ecko_verification", {"measure": "pS6", "value": 0}, "value", "a number above 0"),
    ("ecko_verification", {"measure": "leakage", "value": 0}, "value", "a number above 0"),
    ("ecko_verification", {"measure": "apoptosis_pct", "value": 101}, "value", "a number from 0 to 100"),
    ("serial_transplants", {"passage": 6}, "passage", "an integer from 1 to 5"),
    ("serial_transplants", {"recipient": "young0", "week": 4}, "exposed_animal", "the exposed_animal of recipient"),
    ("serial_transplants", {"week": 0}, "week", "a number above 0"),
    ("serial_transplants", {"exposed_animal": "young0"}, "niche", "the niche of exposed_animal"),
    ("serial_transplants", {"recipient": "ecko3", "week": 8}, "passage", "the passage of recipient"),
    ("serial_transplants", {"recipient": "ecko3", "week": 8, "donor": "x"}, "donor", "the donor of recipient"),
    ("survival", {"group": "rapamycin"}, "group", "outside the rapamycin experiment"),
    ("survival", {"day": -1}, "day", "an integer of at least 0"),
    ("survival", {"age_group": "old"}, "age_group", "young or aged"),
    ("survival", {"sex": "female"}, "sex", "F, M, mixed or unknown"),
    ("hspc_counts", {"s_aged0": ""}, "s_aged0", "a raw count"),
    ("hspc_counts", {"s_aged0": -1}, "s_aged0", "a raw count"),
    ("hspc_counts", {"gene": "Kit"}, "gene", "row 8 has the same"),
    ("exclusions", {"table": "ecko_blod"}, "table", 'did you mean "ecko_blood"?'),
]


@pytest.mark.parametrize(("table", "change", "column", "part"), CELLS)
def test_a_broken_cell_is_named(tmp_path, tables, table, change, column, part):
    """Change the last row of one table of an otherwise valid directory."""
    beside = ("hspc_counts", "hspc_samples") if table.startswith("hspc") else ("survival",)
    frame = tables[table].astype(object)
    last = frame.index[-1]
    for name, value in change.items():
        if name not in frame:
            frame[name] = ""
        frame.loc[last, name] = value
    file = contract.TABLES[table].file
    found = errors(write(tmp_path / "d", {name: tables[name] for name in beside} | {table: frame}))
    fault = one([problem for problem in found if problem.row == len(frame) + 1], file=file, column=column)
    assert part in str(fault)
    if column in change:
        assert fault.value == str(change[column])
    assert json.loads(json.dumps(fault.as_dict()))["row"] == len(frame) + 1


def test_all_faults_of_all_files_are_listed_in_order(tmp_path, tables):
    tables["ecko_blood"] = tables["ecko_blood"].astype(object)
    tables["ecko_blood"].loc[[2, 7], "t_pct"] = "much"
    tables["ecko_blood"].loc[4, "sex"] = "f"
    tables["survival"]["event"] = "gone"
    found = errors(write(tmp_path / "d", tables, ABOUT + "colour = 1\n"))
    places = [(problem.file, problem.row) for problem in found]
    assert places == [("dataset.toml", None), ("ecko_blood.csv", 4), ("ecko_blood.csv", 6), ("ecko_blood.csv", 9)] + [
        ("survival.csv", row) for row in range(2, 22)
    ]


def test_a_faulty_cell_does_not_cause_further_faults(tmp_path, tables):
    marrow = tables["ecko_marrow"]
    marrow = pd.concat([marrow, marrow.assign(unit="per femur")], ignore_index=True)
    marrow.loc[20, "group"] = "yuong"
    assert len(errors(write(tmp_path / "d", {"ecko_marrow": marrow}))) == 1


@pytest.mark.parametrize(
    ("table", "column"),
    [("ecko_marrow", "group"), ("serial_transplants", "niche"), ("competitive_transplants", "donor_group")],
)
def test_an_animal_in_two_groups_over_two_tables(tmp_path, tables, table, column):
    frame = tables[table]
    frame.loc[frame[contract.TABLES[table].unit] == "young0", column] = "aged"
    fault = one(errors(write(tmp_path / "d", {"ecko_blood": tables["ecko_blood"], table: frame})))
    assert (fault.file, fault.row, fault.column) == (f"{table}.csv", 2, column)
    assert "ecko_blood.csv, row 2" in fault.expected


def test_counts_and_sheet_must_match(tmp_path, tables):
    counts = tables["hspc_counts"].rename(columns={"s_aged0": "s_aged_0"})
    found = errors(write(tmp_path / "d", {"hspc_counts": counts, "hspc_samples": tables["hspc_samples"]}))
    assert one(found, file="hspc_samples.csv").suggestion == "s_aged_0"
    assert one(found, file="hspc_counts.csv.gz").suggestion == "s_aged0"
    assert len(found) == 2


@pytest.mark.parametrize("name", ["hspc_counts", "hspc_samples"])
def test_counts_and_sheet_come_together(tmp_path, tables, name):
    fault = one(errors(write(tmp_path / "d", {name: tables[name], "ecko_blood": tables["ecko_blood"]})))
    assert "beside it" in str(fault)


def forty_genes(tables, change):
    """Return the tables of a transcriptome of forty genes, its counts changed."""
    samples = list(tables["hspc_samples"]["sample"])
    counts = np.random.default_rng(1).negative_binomial(2, 0.001, (40, len(samples)))
    frame = pd.DataFrame(change(counts.astype(float)), columns=samples)
    frame.insert(0, "gene", [f"Gene{i}" for i in range(len(frame))])
    return {"hspc_samples": tables["hspc_samples"], "hspc_counts": frame}


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        (lambda counts: counts / 37, "RPKM, FPKM"),
        (lambda counts: np.log2(counts + 0.3), "RPKM, FPKM"),
        (lambda counts: 1e6 * counts / counts.sum(axis=0), "TPM or CPM"),
        (lambda counts: np.round(1e6 * counts / counts.sum(axis=0)).astype(int), "TPM or CPM"),
    ],
)
def test_normalised_values_are_refused_in_one_sentence(tmp_path, tables, change, kind):
    fault = one(errors(write(tmp_path / "d", forty_genes(tables, change))))
    assert f"these look like {kind}" in fault.expected
    assert fault.row is None


def test_single_decimals_among_counts_are_told_one_by_one(tmp_path, tables):
    def slip(counts):
        counts[3, 2] += 0.5
        return counts

    fault = one(errors(write(tmp_path / "d", forty_genes(tables, slip))))
    assert (fault.row, fault.expected) == (5, "a raw count, an integer of at least 0")


def test_rows_of_a_counting_program_that_are_no_genes_are_left_out(tmp_path, tables):
    made = forty_genes(tables, lambda counts: counts.astype(int))
    made["hspc_counts"].loc[0, "gene"], made["hspc_counts"].loc[1, "gene"] = "N_unmapped", "__no_feature"
    dataset = contract.load(write(tmp_path / "d", made))
    assert len(dataset.tables["hspc_counts"]) == 38
    assert any("reads is left out" in one.expected for one in dataset.warnings)


def test_many_faults_of_one_kind_take_few_lines():
    found = [problems.error("x.csv", "a number", row=row, column=f"s{row % 5}", value="?") for row in range(1000)]
    told = problems.lines([problems.error("a.csv", "this key"), *found])
    assert len(told) == 1 + problems.SHOWN + 1
    assert told[-1].endswith('997 more of the same, in column "s3", "s4" and "s0" and 2 more columns.')


def test_sheet_sex_against_expression_sex(tmp_path, tables):
    sheet = tables["hspc_samples"]
    sheet.loc[0, "sex"] = "M"
    fault = one(errors(write(tmp_path / "d", {"hspc_counts": tables["hspc_counts"], "hspc_samples": sheet})))
    assert (fault.row, fault.column, fault.value) == (2, "sex", "M")
    assert "Xist 300, Y genes 0" in fault.expected


def test_a_sex_that_is_not_stated_or_not_seen_in_the_counts_is_not_judged(tmp_path, tables):
    for sex in ("mixed", "unknown"):
        sheet = tables["hspc_samples"].assign(sex=sex)
        assert errors(write(tmp_path / sex, {"hspc_counts": tables["hspc_counts"], "hspc_samples": sheet})) == []
    counts = tables["hspc_counts"].set_index("gene")
    sheet = tables["hspc_samples"].assign(sex="M")
    counts.loc["Xist"] = 15
    counts.loc[["Ddx3y", "Eif2s3y", "Kdm5d", "Uty"]] = 0
    assert errors(write(tmp_path / "a", {"hspc_counts": counts.reset_index(), "hspc_samples": sheet})) == []
    counts.loc["Xist"], counts.loc["Uty"] = 300, 100
    assert errors(write(tmp_path / "b", {"hspc_counts": counts.reset_index(), "hspc_samples": sheet})) == []
    without = counts.drop(index=["Ddx3y", "Eif2s3y", "Kdm5d", "Uty"]).reset_index()
    assert errors(write(tmp_path / "c", {"hspc_counts": without, "hspc_samples": sheet})) == []


@pytest.mark.parametrize("untold", ["mixed", "unknown"])
def test_a_sex_that_is_not_stated_is_taken_from_expression(tmp_path, tables, untold):
    told, counts = tables["hspc_samples"].set_index("sample"), tables["hspc_counts"].set_index("gene")
    aside = set(told["group"]) - {"ecko", "control"}
    told.loc[told["group"] == "ecko", "sex"] = "F"
    told.loc[told["group"] == "control", "sex"] = "M"
    for name, sex in told["sex"].items():
        counts.loc["Xist", name], counts.loc["Ddx3y", name] = (300, 0) if sex == "F" else (0, 300)
        counts.loc[["Eif2s3y", "Kdm5d", "Uty"], name] = 0
    sheets = {"hspc_counts": counts.reset_index(), "hspc_samples": told.reset_index()}
    reasons = contract.load(write(tmp_path / "told", sheets)).withheld("hspc_samples", "ecko", "control", *aside)
    assert "sex" in reasons
    sheets["hspc_samples"]["sex"] = untold
    dataset = contract.load(write(tmp_path / "untold", sheets))
    assert dataset.withheld("hspc_samples", "ecko", "control", *aside) == reasons
    assert list(dataset.tables["hspc_samples"]["sex"]) == list(told["sex"])
    [said] = [one for one in dataset.warnings if one.column == "sex" and "are believed" in one.expected]
    assert said.value == untold


@pytest.mark.parametrize("dense", [True, False])
def test_sex_of_cells_is_judged_per_animal(tmp_path, dense):
    data = cells()
    data.obs.loc[data.obs["animal"] == "aged1", "sex"] = "F"
    if dense:
        data.X = data.X.toarray()
    fault = one(errors(write(tmp_path / "d", {}, h5ad=data)), column="sex")
    assert 'animal "aged1"' in str(fault)
    assert fault.value == "F"


def test_simulated_ids_are_refused_in_measured_and_public_data(tmp_path, tables):
    frames = {name: tables[name].copy() for name in ("ecko_blood", "ecko_limiting_dilution", "serial_transplants")}
    frames["ecko_blood"]["animal"] = "sim-" + frames["ecko_blood"]["animal"]
    frames["ecko_limiting_dilution"].loc[3, "donor"] = "SIM-1"
    frames["serial_transplants"]["recipient"] = "sim-" + frames["serial_transplants"]["recipient"]
    for kind in ("measured", "public"):
        found = errors(write(tmp_path / kind, frames, ABOUT.replace("measured", kind)))
        assert [(p.file, p.column) for p in found] == [
            ("ecko_blood.csv", "animal"),
            ("ecko_limiting_dilution.csv", "donor"),
            ("serial_transplants.csv", "recipient"),
        ]
    about = SIMULATED + 'world = "paper"\nseed = 1\n'
    ds = contract.load(write(tmp_path / "s", {"ecko_blood": frames["ecko_blood"]}, about))
    assert (ds.provenance.world, ds.provenance.seed) == ("paper", 1)
    noted = remarks(write(tmp_path / "t", {"ecko_marrow": tables["ecko_marrow"]}, about))
    assert "begins with sim- in simulated data (16 rows without)" in str(one(noted, column="animal"))


def test_simulated_cells_are_refused_in_measured_data(tmp_path):
    data = cells()
    about = SIMULATED + 'world = "paper"\nseed = 1\n'
    assert one(remarks(write(tmp_path / "d", {}, about, h5ad=data)), column="uns")
    data.uns["endomtor_provenance"] = {"kind": "simulated", "world": "paper", "seed": 1}
    assert one(errors(write(tmp_path / "d", {}, h5ad=data))).column == "uns"
    assert errors(write(tmp_path / "d", {}, about, h5ad=data)) == []


def test_cells_load_as_raw_counts_with_text_obs(tmp_path):
    data = cells(leiden="3", ec_subtype="sinusoidal")
    data.obs["batch"] = pd.Categorical([1] * 48 + [2] * 48)
    data.layers["log"] = np.log1p(data.X.toarray())
    got = contract.load(write(tmp_path / "d", {}, h5ad=data)).tables["bmec_cells"]
    assert got.shape == (96, len(GENES))
    assert set(got.obs["batch"]) == {"1", "2"}
    assert got.obs["ec_subtype"].iloc[0] == "sinusoidal"
    np.testing.assert_array_equal(got.X.toarray(), data.X.toarray())


@pytest.mark.parametrize(
    ("spoil", "column", "part"),
    [
        (lambda data: setattr(data, "X", np.full(data.shape, np.nan)), "X", "found nan"),
        (lambda data: setattr(data, "X", -data.X.toarray()), "X", "raw counts in X"),
        (lambda data: setattr(data, "X", None), "X", "found no X"),
        (lambda data: setattr(data, "var_names", ["Xist", "Xist", *GENES[2:]]), "gene symbol", "each gene symbol once"),
        (lambda data: data.obs.rename(columns={"group": "Group"}, inplace=True), "group", 'did you mean "Group"?'),
        (lambda data: data.obs.iloc.__setitem__((0, 1), "old"), "group", 'found "old"'),
        (lambda data: data.obs.iloc.__setitem__((0, 0), None), "animal", "found an empty cell"),
        (lambda data: data.obs.iloc.__setitem__((1, 1), "aged"), "group", "the group of animal"),
    ],
)
def test_broken_cells_are_one_sentence(tmp_path, spoil, column, part):
    data = cells()
    spoil(data)
    assert part in str(one(errors(write(tmp_path / "d", {}, h5ad=data)), column=column))


def test_a_table_of_which_nothing_is_left_is_as_good_as_absent(tmp_path, tables):
    sheet = tables["hspc_samples"]
    exclusions = pd.DataFrame({"table": "hspc_counts", "animal": sheet["animal"], "reason": "degraded RNA"})
    frames = {name: tables[name] for name in ("hspc_counts", "hspc_samples", "survival")} | {"exclusions": exclusions}
    ds = contract.load(write(tmp_path / "d", frames | {"ecko_marrow": tables["ecko_marrow"].assign(value="")}))
    assert set(ds.tables) == {"survival"}
    assert len([p for p in ds.warnings if p.value == "nothing left"]) == 2


def test_young_stand_in_for_absent_controls_with_a_remark(tmp_path, tables):
    blood = tables["ecko_blood"].query("group != 'control'")
    noted = remarks(write(tmp_path / "d", {"ecko_blood": blood, "ecko_verification": tables["ecko_verification"]}))
    assert "young mice stand in" in str(one(noted))


def test_complete_confounding_withholds_only_its_contrast(tmp_path, tables):
    blood = tables["ecko_blood"]
    blood["batch"] = blood["group"].map({"young": "1", "aged": "2", "control": "3", "ecko": "3"})
    folder = write(tmp_path / "d", {"ecko_blood": blood, "ecko_verification": tables["ecko_verification"]})
    ds = contract.load(folder)
    noted = one(ds.warnings, column="batch")
    assert "complete confounding (aged in 2; young in 1)" in str(noted)
    assert str(noted).endswith("so the verdict is withheld.")
    assert [one.table for one in ds.confounding] == ["ecko_blood"]
    assert ds.withheld("ecko_blood", "ecko", "control") == ""
    assert ds.withheld("ecko_blood", "aged", "young") == ds.confounding[0].reason
    assert ds.withheld("ecko_blood", "ecko", "control", "aged", "young")
    assert ds.withheld("ecko_marrow", "aged", "young") == ""


def test_sex_confounding_of_treatment_and_niche(tmp_path, tables):
    marrow = tables["rapamycin_marrow"]
    marrow.loc[marrow["age_group"] == "aged", "sex"] = marrow["treatment"].map({"vehicle": "F", "rapamycin": "M"})
    transplants = tables["serial_transplants"]
    transplants["batch"] = transplants["niche"]
    ds = contract.load(write(tmp_path / "d", {"rapamycin_marrow": marrow, "serial_transplants": transplants}))
    assert "among aged mice" in ds.withheld("rapamycin_marrow", "rapamycin", "vehicle")
    assert ds.withheld("serial_transplants", "ecko", "control")


@pytest.mark.parametrize(
    ("batches", "said"),
    [
        ("aabbccdd", "complete confounding"),  # batches nested in groups
        ("abcdefgh", ""),  # a batch of each animal's own
        (" " * 8, ""),
        ("aabbaaaa", "partial confounding"),
    ],
)
def test_what_confounding_is(tmp_path, tables, batches, said):
    blood = tables["ecko_blood"].iloc[:8].assign(batch=[one.strip() for one in batches])
    ds = contract.load(write(tmp_path / "d", {"ecko_blood": blood}))
    assert bool(ds.confounding) == said.startswith("complete")
    assert [said in str(one) for one in ds.warnings if one.column == "batch"] == [True] * bool(said)


def test_one_unit_and_too_few_units(tmp_path, tables):
    blood = tables["ecko_blood"].iloc[[0, 4, 5, 6, 8, 9, 10, 12, 13, 14]]
    noted = [str(p) for p in remarks(write(tmp_path / "d", {"ecko_blood": blood})) if p.column == "animal"]
    assert len(noted) == 2
    assert any("one animal in young" in line and "not testable here" in line for line in noted)
    assert any("3 ecko against 3 control" in line and "smallest possible here is 0.1" in line for line in noted)


def test_other_remarks(tmp_path, tables):
    signaling = tables["bmec_signaling"].assign(fmo_mfi=100.0)
    signaling.loc[2, "fmo_mfi"] = 2000.0
    signaling.loc[3, "marker"] = "pS6_S235"
    transplants = tables["serial_transplants"].assign(donor="pool", status="alive")
    transplants.loc[[1, 31], "status"] = "died"
    dilution = tables["ecko_limiting_dilution"].assign(died_before_readout=0)
    dilution.loc[0, "died_before_readout"] = 2
    blood = tables["ecko_blood"].assign(nk=0)
    marrow = tables["ecko_marrow"].assign(population="HSCs")
    rapamycin = tables["rapamycin_blood"].astype({"unit": object})
    rapamycin.loc[4, "unit"] = "10^9/L"
    folder = write(
        tmp_path / "d",
        {
            "bmec_signaling": signaling,
            "serial_transplants": transplants,
            "ecko_limiting_dilution": dilution,
            "ecko_blood": blood,
            "ecko_marrow": marrow,
            "rapamycin_blood": rapamycin,
        },
    )
    ds = contract.load(folder)
    said = "\n".join(map(str, ds.warnings))
    assert contract.shared_background(signaling)
    assert "one background tube per group and day" in said
    assert "an mfi above its background fmo_mfi of 2000 (1 row below)" in said
    assert 'row 5, column "marker": found "pS6_S235"' in said
    assert 'did you mean "pS6_S235_236"?' in said
    assert "deaths before the read-out (1 in ecko and 1 in young)" in said
    assert "deaths before the read-out (0 in aged, 0 in control, 0 in ecko and 2 in young)" in said
    assert "one donor only (pool)" in said
    assert "niche attribution not verified" in said
    assert 'column "nk": expected a column of the contract (this one is ignored); did you mean "nk_pct"?' in said
    assert "nk" not in ds.tables["ecko_blood"]
    assert 'did you mean "HSC"?' in said
    assert '"10^3/uL" throughout platelets' in said
    assert "niche attribution not verified" in " ".join(ds.describe(["ecko_blood"]))
    assert "niche attribution not verified" not in " ".join(ds.describe(["rapamycin_blood"]))


def test_the_vocabulary_maps_markers_and_directions():
    known = contract.vocabulary()
    assert known.markers["pS6_S235_236"] == "mTORC1"
    assert known.markers["pAKT_S473"] == "mTORC2"
    assert {"femur_cellularity", "MPP4", "CFU"} <= set(known.populations)
    levels = contract.TABLES["ecko_limiting_dilution"].column("cell_type").levels
    assert set(known.cell_types) == set(levels)
    assert (known.cell_types["WBM"], known.cell_types["HSC"]) == ("up", "down")


def test_the_page_names_every_table_column_and_key():
    page = contract.contract_markdown()
    for table in contract.TABLES.values():
        section = page.split(f"### {table.file}\n")[1].split("\n### ")[0]
        for column in table.columns:
            assert f"| `{column.name}` |" in section
            assert column.meaning in section
    assert all(f"`{key.name}`" in page for key in DESIGN_KEYS)
    assert not [line for line in page.splitlines() if not line.startswith(("|", "#", "-")) and ". " in line]
    for rule in (
        "Excel workbook",
        "recipients with more than one `donor`",
        "50 points",
        "may be swapped",
        "older gene",
    ):
        assert rule in page


def test_a_new_table_needs_its_definition_and_nothing_else(tmp_path, tables, monkeypatch):
    old = contract.TABLES["ecko_marrow"]
    monkeypatch.setitem(contract.TABLES, "ecko_spleen", replace(old, name="ecko_spleen", holds="Spleens."))
    spleen = tables["ecko_marrow"].assign(batch=lambda frame: frame["group"])
    folder = write(tmp_path / "d", {"ecko_spleen": spleen})
    dataset, found = contract.examine(folder)
    assert dataset.withheld("ecko_spleen", "ecko", "control")
    assert "ecko_spleen: unit animal; n: young 4, aged 4, control 4, ecko 4." in dataset.describe(["ecko_spleen"])
    assert "niche attribution not verified" in " ".join(dataset.describe(["ecko_spleen"]))
    spleen.loc[3, ["unit", "value"]] = ["% of live", 101]
    assert one(errors(write(folder, {"ecko_spleen": spleen}))).row == 5
    assert "### ecko_spleen.csv\n\nSpleens." in contract.contract_markdown()
    assert design.sizes(dataset)["ecko_spleen"] == {(group,): 4 for group in sorted(GROUPS)}


@pytest.mark.parametrize(
    ("name", "near"),
    [("HS C", "HSC"), ('"><svg/onload=alert(3)>', None), ("a.b", None), ("H&E", None), ("[x](y)", None)],
)
def test_names_of_which_ids_are_made_hold_no_markup(tmp_path, tables, name, near):
    marrow = tables["ecko_marrow"].assign(population=name)
    found = one(errors(write(tmp_path / "d", {"ecko_marrow": marrow})))
    assert (found.row, found.column, found.value, found.suggestion) == (2, "population", name, near)
    assert "a name of letters, digits and + - _ / ( ) , without blanks" in str(found)


@pytest.mark.parametrize("name", ["CD150+CD48-", "Lin−Sca1+", "MPP-Mk/E", "γδT", "HSC(ESLAM)"])
def test_names_that_laboratories_use_are_let_through_with_a_warning(tmp_path, tables, name):
    folder = write(tmp_path / "d", {"ecko_marrow": tables["ecko_marrow"].assign(population=name)})
    assert not errors(folder)
    assert one(remarks(folder), column="population").value == name


@pytest.mark.parametrize(
    ("column", "table", "name", "near"),
    [
        ("population", "ecko_marrow", "MMP4", "MPP4"),
        ("marker", "bmec_signaling", "pS6_S235_326", "pS6_S235_236"),
    ],
)
def test_the_data_box_names_what_an_unknown_name_may_mean(tmp_path, tables, column, table, name, near):
    """It is in no verdict, and a typing error must not take a primary endpoint away in silence."""
    dataset = contract.load(write(tmp_path / "d", {table: tables[table].assign(**{column: name})}))
    told = " ".join(dataset.describe([table]))
    assert f"found '{name}'" in told.replace('"', "'")
    assert f"did you mean '{near}'?" in told.replace('"', "'")


NEVER_ENDING = {
    "pipe": os.mkfifo,
    "device": lambda path: os.symlink("/dev/zero", path),
    "socket": lambda path: socket.socket(socket.AF_UNIX).bind(str(path)),
}


@pytest.mark.parametrize("kind", NEVER_ENDING)
@pytest.mark.parametrize("name", ["dataset.toml", "ecko_blood.csv", "bmec_cells.h5ad", "ecko_blood.xlsx"])
def test_what_never_ends_is_refused_before_it_is_opened(tmp_path, tables, name, kind):
    folder = write(tmp_path / "d", {"survival": tables["survival"]})
    (folder / name).unlink(missing_ok=True)
    NEVER_ENDING[kind](folder / name)
    found = one(errors(folder), file=name)
    assert "a file that can be read (it is a pipe, a socket or a device)" in str(found)


NAMES = [name for name in ("dataset.toml", *(table.file for table in contract.TABLES.values()))]
CELL = st.one_of(
    st.sampled_from(
        ["", "m1", "young", "aged", "F", "0", "1", "100", "-3", "1e400", "nan", '"', "\r", "\n", ";", "sim-1"]
    ),
    st.text(max_size=8),
)


def check_bytes(name, content):
    with tempfile.TemporaryDirectory() as folder:
        tables = {name: content} if name != "dataset.toml" else {}
        write(Path(folder), tables)
        (Path(folder) / name).write_bytes(content)
        for problem in contract.check(folder):
            assert "\n" not in str(problem)
            json.dumps(problem.as_dict(), allow_nan=False)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(NAMES), st.binary(max_size=300), st.sampled_from([b"", b"\x1f\x8b\x08", b"\x89HDF\r\n\x1a\n"]))
def test_no_bytes_raise_anything_but_our_own(name, content, magic):
    check_bytes(name, magic + content)
    check_bytes(name, gzip.compress(content))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_no_cells_raise_anything_but_our_own(data):
    table = data.draw(st.sampled_from([table for table in contract.TABLES.values() if table.suffix == ".csv"]))
    columns = [column.name for column in table.columns] + (["s1", "s2"] if table.name == "hspc_counts" else [])
    sound = {column.name: st.sampled_from(column.levels) for column in table.columns if column.levels}
    rows = data.draw(st.lists(st.tuples(*(st.one_of(CELL, sound.get(c, CELL)) for c in columns)), max_size=5))
    text = "\n".join([",".join(columns), *(",".join(row) for row in rows)])
    content = text.encode("utf-8", "surrogatepass")
    check_bytes(table.file, gzip.compress(content) if table.file.endswith(".gz") else content)


@pytest.mark.parametrize("in_file", [False, True])
@pytest.mark.parametrize(("part", "value"), [("indices", 10**6), ("indices", -5), ("indptr", 10**7), ("indptr", -3)])
def test_a_matrix_whose_values_lie_elsewhere_is_damaged(tmp_path, monkeypatch, part, value, in_file):
    write(tmp_path, {}, h5ad=cells())
    with h5py.File(tmp_path / "bmec_cells.h5ad", "a") as file:
        file[f"X/{part}"][1] = value
    if in_file:
        monkeypatch.setattr(single_cells, "LARGEST_IN_MEMORY", 0)
    [problem] = [one for one in contract.check(tmp_path) if one.file == "bmec_cells.h5ad"]
    assert "a whole AnnData file" in problem.expected


@pytest.mark.parametrize("fault", ["endless", "crash"])
def test_a_damaged_h5ad_neither_hangs_nor_ends_python(tmp_path, fault):
    packed = Path(__file__).parent / "fixtures" / "h5ad" / f"{fault}.h5ad.gz"
    write(tmp_path, {})
    (tmp_path / "bmec_cells.h5ad").write_bytes(gzip.decompress(packed.read_bytes()))
    assert any("a whole AnnData file" in problem.expected for problem in contract.check(tmp_path))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.integers(0, 10**6), st.binary(min_size=1, max_size=8))
def test_a_damaged_h5ad_never_raises(tmp_path_factory, place, patch):
    folder = tmp_path_factory.getbasetemp() / "damaged"
    if not folder.exists():
        write(folder, {}, h5ad=cells(n_cells=1))
        (folder / "sound").write_bytes((folder / "bmec_cells.h5ad").read_bytes())
    content = (folder / "sound").read_bytes()
    place %= len(content)
    (folder / "bmec_cells.h5ad").write_bytes(content[:place] + patch + content[place + len(patch) :])
    assert isinstance(contract.check(folder), list)
