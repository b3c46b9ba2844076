"""A laboratory's own tables: templates, the example, workbooks with Excel's traps, remarks, and what the data allow."""

import datetime
import doctest
import gzip
import io
import json
import os
import re
import shlex
import subprocess
import warnings
import zipfile
from math import sqrt
from pathlib import Path

import anndata
import nbformat
import openpyxl
import pandas as pd
import pytest
from statsmodels.stats.power import TTestIndPower

from endomtor import cli, contract, genes, own_data, public, worlds
from endomtor.building import execute
from endomtor.claims import catalogue
from endomtor.contract import excel
from endomtor.contract.tables import CHAPTERS, TABLES
from endomtor.errors import EndomtorError
from endomtor.own_data import design, prospects
from endomtor.public import originals

ROOT = Path(__file__).resolve().parents[1]
ABOUT = 'title = "Test"\nprovenance = "measured"\nsource = "made for a test"\n'


@pytest.fixture(scope="module")
def filled(tmp_path_factory):
    """Return the example directory; tests copy what they change."""
    folder = tmp_path_factory.mktemp("own") / "example"
    own_data.init(folder, example=True)
    return folder


def table(folder: Path, name: str) -> pd.DataFrame:
    return pd.read_csv(folder / TABLES[name].file, dtype=str, keep_default_na=False)


def directory(folder: Path, **tables: pd.DataFrame | bytes) -> Path:
    """Write tables as CSV, or as they are: a keyword with bytes is a workbook."""
    folder.mkdir()
    (folder / "dataset.toml").write_text(ABOUT)
    for name, content in tables.items():
        if isinstance(content, bytes):
            (folder / f"{name}.xlsx").write_bytes(content)
        else:
            content.to_csv(folder / f"{name}.csv", index=False)
    return folder


def found(folder: Path, severity: str | None = None) -> list[contract.Problem]:
    return [one for one in contract.check(folder) if severity in (None, one.severity)]


def test_templates_have_every_column_and_an_example_row_of_each(tmp_path):
    written = own_data.init(tmp_path / "d")
    readme = (tmp_path / "d" / "README.md").read_text()
    csv_tables = [one for one in TABLES.values() if one.suffix == ".csv"]
    assert {path.name for path in written} == {"README.md", "dataset.toml"} | {f"{one.name}.csv" for one in csv_tables}
    for one in TABLES.values():
        section = readme.split(f"## {one.file}\n")[1].split("\n## ")[0]
        assert all(column.meaning in section for column in one.columns)
        shown = [line for line in section.splitlines() if line.startswith("# ")]
        assert len(shown) == 2
        assert not one.unit or f"Unit: {one.unit.replace('_', ' ')}." in section
    for one in csv_tables:
        header = (tmp_path / "d" / f"{one.name}.csv").read_text().strip().split(",")
        assert header == [column.name for column in one.columns]


def test_the_example_rows_of_the_readme_keep_the_contract(tmp_path):
    own_data.init(tmp_path / "d")
    readme = (tmp_path / "d" / "README.md").read_text()
    for name in TABLES:
        if name in ("bmec_cells", "hspc_counts", "hspc_samples"):
            continue
        section = readme.split(f"## {name}.csv\n")[1]
        rows = [line[2:] for line in section.splitlines() if line.startswith("# ")][:2]
        folder = directory(tmp_path / name, **{name: pd.read_csv(io.StringIO("\n".join(rows)), dtype=str)})
        faults = found(folder, "error")
        assert [one for one in faults if one.file != "dataset.toml"] == []


def test_an_untouched_template_has_one_clear_problem_for_each_table(tmp_path):
    own_data.init(tmp_path / "d")
    problems = found(tmp_path / "d")
    assert {one.severity for one in problems} == {"error"}
    of_tables = [one for one in problems if one.file != "dataset.toml"]
    assert all("a header row only" in str(one) for one in of_tables)
    assert {one.file for one in of_tables} == {
        f"{one.name}.csv" for one in TABLES.values() if one.suffix == ".csv" and one.name != "exclusions"
    }
    assert {one.column for one in problems if one.file == "dataset.toml"} == {"title", "source"}


def test_the_template_of_dataset_toml_holds_every_key_and_each_line_is_valid(tmp_path, filled):
    own_data.init(tmp_path / "d", ["01"])
    text = (tmp_path / "d" / "dataset.toml").read_text()
    # world and seed belong to simulated data only.
    keys = [key.name for key in (*contract.DATASET_KEYS, *contract.DESIGN_KEYS) if key.name not in ("world", "seed")]
    assert all(re.search(rf"^(# )?{key} = |^\[{key}\]", text, re.MULTILINE) for key in keys)
    whole = re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE).replace('""', '"x"')
    folder = directory(tmp_path / "e", bmec_signaling=table(filled, "bmec_signaling"))
    (folder / "dataset.toml").write_text(whole)
    assert found(folder) == []
    assert contract.load(folder).provenance.example


def test_templates_of_chapters_named(tmp_path):
    written = own_data.init(tmp_path / "d", ["04", "05_serial_transplants"])
    tables = {f"{name}.csv" for name in ("exclusions", "hspc_counts", "hspc_samples", "serial_transplants", "survival")}
    assert {path.name for path in written} == {"README.md", "dataset.toml"} | tables
    for wrong, hint in (("03_ecko_phenotype", "did you mean '03_ecko_phenotypes'"), ("07", "expected 01_mtor_decline")):
        with pytest.raises(EndomtorError, match=hint):
            own_data.init(tmp_path / "e", [wrong])
    assert not (tmp_path / "e").exists()


def test_every_table_belongs_to_a_chapter():
    assert set(CHAPTERS) == {claim.chapter for claim in catalogue.load().claims if claim.evidence}


def test_an_empty_folder_is_filled_where_it_is(tmp_path, monkeypatch):
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path / "empty")
    written = own_data.init(Path("."), ["01"])
    assert {"README.md", "bmec_signaling.csv"} < set(os.listdir()) == {path.name for path in written}
    assert os.listdir(tmp_path) == ["empty"]


def test_the_example_is_clean_and_says_that_it_is_one(filled):
    dataset, problems = contract.examine(filled)
    assert problems == []
    assert set(dataset.tables) == set(TABLES) - {"exclusions"}
    assert (dataset.provenance.kind, dataset.provenance.example) == ("measured", True)
    assert "invented" in dataset.provenance.source
    assert sum(path.stat().st_size for path in filled.iterdir()) < 2e6


def test_the_example_names_no_simulated_animal(filled):
    assert not [path for path in filled.iterdir() if b"sim-" in _content(path)]
    cells = anndata.read_h5ad(filled / "bmec_cells.h5ad")
    assert "endomtor_provenance" not in cells.uns
    assert not cells.obs_names.str.contains("sim-").any()
    assert cells.obs["animal"].str.startswith("example-").all()


def _content(path: Path) -> bytes:
    content = path.read_bytes()
    return gzip.decompress(content) if path.suffix == ".gz" else content


def test_the_example_is_the_same_each_time(filled, tmp_path):
    own_data.init(tmp_path / "again", example=True)
    for path in filled.iterdir():
        # An h5ad file holds the time of its writing.
        if path.suffix != ".h5ad":
            assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes()


@pytest.mark.parametrize("n", [2, 3, 4, 6, 10, 40])
def test_the_detectable_effect_is_that_of_statsmodels(n):
    expected = TTestIndPower().solve_power(nobs1=n, alpha=0.05, power=0.8)
    assert prospects.detectable(sqrt(2 / n), 2 * n - 2) == pytest.approx(expected, rel=1e-4)


def test_every_prediction_of_the_catalogue_is_judged(filled):
    judged = own_data.allowed(contract.load(filled))
    named = {
        rule.id
        for claim in catalogue.load().claims
        for rule in claim.evidence
        # What ends so is asked of data without ECKO mice only.
        if rule.kind == "prediction" and not rule.id.endswith(("*", ".aging"))
    }
    assert named <= {one.rule.id for one in judged}
    # The transplants of the example end with the second passage: nothing there can be said to last.
    assert {one.rule.claim for one in judged if one.why_not} == {"C5b"}
    by_id = {one.rule.id: one for one in judged}
    hsc = by_id["C3.marrow.HSC"].contrasts
    assert [one.name for one in hsc] == ["ecko - control", "aged - young"]
    assert hsc[0].n == {"ecko": 6, "control": 6}
    assert hsc[0].smallest_p == pytest.approx(2 / 924)
    four = by_id["C2.marrow.HSC"].contrasts[0]
    assert sorted(four.n) == ["aged rapamycin", "aged vehicle", "young rapamycin", "young vehicle"]
    assert four.smallest_p == pytest.approx(2 / 252**2)


def test_the_effect_on_the_scale_of_analysis_comes_from_the_interval(filled):
    from scipy import stats

    from endomtor.analyses import mtor_decline

    dataset = contract.load(filled)
    answer = mtor_decline.answers(dataset.tables)["C1.signaling.pS6_S240_244"].estimate
    se = (answer.ci_high - answer.estimate) / stats.t.ppf(0.975, answer.df)
    shown = {one.rule.id: one for one in own_data.allowed(dataset)}["C1.signaling.pS6_S240_244"].contrasts[0]
    assert shown.effect == pytest.approx(prospects.detectable(se, answer.df))


def test_what_is_not_testable_says_why(tmp_path, filled):
    marrow, blood = table(filled, "ecko_marrow"), table(filled, "ecko_blood")
    signaling = table(filled, "bmec_signaling")
    rapamycin = table(filled, "rapamycin_marrow")
    folder = directory(
        tmp_path / "d",
        ecko_marrow=marrow[marrow["group"] != "aged"],
        ecko_blood=blood.assign(batch=blood["group"].map({"ecko": "2"}).fillna("1")),
        bmec_signaling=signaling[signaling["marker"] != "pS6_S240_244"],
        rapamycin_marrow=rapamycin[rapamycin["treatment"] == "vehicle"],
    )
    dataset = contract.load(folder)
    judged = {one.rule.id: one for one in own_data.allowed(dataset)}
    assert judged["C3.marrow.HSC"].why_not == "no aged units in ecko_marrow.csv"
    assert "confounded" in judged["C3.blood.myeloid_balance"].why_not
    assert judged["C1.signaling.pS6_S240_244"].why_not == "nothing of it in bmec_signaling.csv"
    assert judged["C1.signaling.pS6_S235_236"].why_not == ""
    assert judged["C1.cells.mTORC1_hallmark"].why_not == "no bmec_cells.h5ad"
    assert judged["C5.transplant.chimerism"].why_not == "no serial_transplants.csv"
    assert judged["C2.marrow.HSC"].why_not
    text = own_data.report(list(judged.values()), dataset)
    assert "05_serial_transplants: not testable, none of its tables is here" in text
    assert "C3.marrow.HSC: not testable, no aged units in ecko_marrow.csv" in text


def test_cells_of_one_animal_a_group_are_not_testable(tmp_path, filled):
    cells = anndata.read_h5ad(filled / "bmec_cells.h5ad")
    first = cells.obs["animal"].isin(["example-ec-young-01", "example-ec-aged-01"]) | (cells.obs["group"] == "young")
    folder = directory(tmp_path / "d")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cells[first.to_numpy()].copy().write_h5ad(folder / "bmec_cells.h5ad")
    judged = {one.rule.id: one for one in own_data.allowed(contract.load(folder))}
    assert judged["C1.cells.mTORC1_hallmark"].why_not == "1 aged with cells, at least two are needed"


def test_a_cohort_in_the_design_of_the_data_has_their_units(tmp_path, filled):
    marrow, blood, grafts = (table(filled, name) for name in ("ecko_marrow", "rapamycin_blood", "serial_transplants"))
    gone = marrow["animal"].isin(["example-ecko-aged-01", "example-ecko-aged-02"]) | (marrow["group"] == "control")
    arm = (blood["age_group"] == "aged") & (blood["treatment"] == "vehicle")
    folder = directory(
        tmp_path / "d",
        ecko_marrow=marrow[~gone],
        rapamycin_blood=blood[~arm | (blood["animal"] == blood.loc[arm, "animal"].iloc[0])],
        serial_transplants=grafts,
        hspc_counts=table(filled, "hspc_counts"),
        hspc_samples=table(filled, "hspc_samples"),
    )
    dataset = contract.load(folder)
    world = worlds.load("paper", design.changes(dataset))
    names = tuple(dataset.tables)
    drawn = design.as_in(dataset, worlds.simulate_tables(world, 3, names))
    cohort = worlds.dataset(world, 3, tables=drawn)
    assert design.sizes(cohort) == design.sizes(dataset)
    assert design.sizes(dataset)["ecko_marrow"] == {("aged",): 4, ("ecko",): 6, ("young",): 6}
    assert design.sizes(dataset)["rapamycin_blood"]["aged", "vehicle"] == 1
    assert set(drawn["rapamycin_blood"]["day"]) == {0, 14, 28}
    assert drawn["serial_transplants"]["passage"].max() == 2
    assert set(drawn["serial_transplants"]["week"]) == {8, 16}
    assert drawn["serial_transplants"]["donor"].nunique() == 3
    assert list(drawn["hspc_counts"].columns[1:]) == list(drawn["hspc_samples"]["sample"])


def test_limiting_dilutions_are_drawn_with_the_doses_of_the_data(filled):
    dataset = contract.load(filled)
    drawn = worlds.simulate_tables(worlds.load("null", design.changes(dataset)), 1, ["ecko_limiting_dilution"])
    by = ["group", "cell_type", "dose"]
    ours, theirs = (
        frame.groupby(by)["tested"].sum()
        for frame in (drawn["ecko_limiting_dilution"], dataset.get("ecko_limiting_dilution"))
    )
    pd.testing.assert_series_equal(ours, theirs, check_dtype=False)


def test_support_in_a_design_is_counted_of_what_the_data_can_test(tmp_path, filled):
    signaling, marrow = table(filled, "bmec_signaling"), table(filled, "ecko_marrow")
    folder = directory(tmp_path / "d", bmec_signaling=signaling, ecko_marrow=marrow[marrow["group"] != "aged"])
    found = design.support(contract.load(folder), 3).set_index(["scenario", "id"])
    assert set(found.index.get_level_values("id")) == {
        "C1.signaling.pS6_S240_244",
        "C1.signaling.pS6K_T389",
        "C1.signaling.p4EBP1_T37_46",
    }
    assert not found.loc["edge", "planted"].any()
    assert found.loc["paper", "planted"].all()
    assert (found["of"] == 3).all()
    assert found.loc["edge", "supported"].sum() < found.loc["paper", "supported"].sum()
    # Clopper and Pearson of 0 and of 3 in 3.
    for row in found.itertuples():
        limits = {0: (0, 1 - 0.025 ** (1 / 3)), 3: (0.025 ** (1 / 3), 1)}.get(row.supported)
        assert limits is None or (row.low, row.high) == pytest.approx(limits)


def test_check_groups_by_file_and_its_json_is_a_list_of_problems(tmp_path, filled, capsys):
    blood, marrow = table(filled, "ecko_blood"), table(filled, "ecko_marrow")
    blood.loc[[7, 2], "group"] = "Aged"
    marrow.loc[4, "value"] = "1,5"
    folder = directory(tmp_path / "d", ecko_blood=blood, ecko_marrow=marrow)
    with pytest.raises(SystemExit) as ended:
        cli.main(["check", str(folder)])
    shown = capsys.readouterr()
    assert ended.value.code == 1
    blocks = shown.out.split("\n\n")
    assert [line.split(",")[1] for line in blocks[0].splitlines()] == [" row 4", " row 9"]
    assert blocks[0].count('did you mean "aged"?') == 2
    assert blocks[1].startswith('error: ecko_marrow.csv, row 6, column "value"')
    assert 'did you mean "1.5"?' in blocks[1]
    assert "WHAT THE DATA ALLOW" not in shown.out
    with pytest.raises(SystemExit):
        cli.main(["check", "--json", str(folder)])
    listed = json.loads(capsys.readouterr().out)
    assert {frozenset(one) for one in listed} == {
        frozenset(("severity", "file", "row", "column", "value", "expected", "suggestion"))
    }
    with pytest.raises(SystemExit) as ended:
        cli.main(["check", "--json", str(filled)])
    assert ended.value.code == 0
    assert json.loads(capsys.readouterr().out) == []


def _console_blocks() -> list[tuple[str, str]]:
    """Return (command, what it prints) of the page, in order."""
    page = (ROOT / "book" / "bring-your-own-data.md").read_text(encoding="utf-8")
    pairs = []
    for block in re.findall(r"^```console\n(.*?)^```$", page, flags=re.MULTILINE | re.DOTALL):
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, _, printed = part.partition("\n")
            pairs.append((command, printed))
    return pairs


def test_the_page_prints_what_its_commands_print(tmp_path, monkeypatch, capsys):
    pairs = _console_blocks()
    assert {command.split()[1] for command, _ in pairs if command.startswith("endomtor")} == {
        *("init", "check", "build", "report")
    }
    monkeypatch.chdir(tmp_path)
    compare = doctest.OutputChecker().check_output
    for command, printed in pairs:
        program, *arguments = shlex.split(command)
        if program != "endomtor":
            subprocess.run(command, shell=True, check=True)
        # What `build --data` and `report` do has tests of its own.
        elif arguments[0] not in ("build", "report"):
            with pytest.raises(SystemExit) as ended:
                cli.main(arguments)
            shown = capsys.readouterr()
            assert compare(printed, shown.out + shown.err, doctest.ELLIPSIS), f"{command}\n{shown.out}{shown.err}"
            assert ended.value.code == int("breaks the data contract" in printed)


def workbook(frame: pd.DataFrame, change=None) -> bytes:
    """Return a workbook of a table, numbers as numbers, after `change(workbook, sheet)`."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append(list(frame.columns))
    for row in frame.itertuples(index=False):
        sheet.append([_cell(value) for value in row])
    if change:
        change(book, sheet)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def _cell(value):
    if not isinstance(value, str):
        return value
    try:
        number = float(value)
    except ValueError:
        return value or None
    return int(number) if number.is_integer() else number


def test_a_workbook_loads_as_its_csv(tmp_path, filled):
    names = [name for name in TABLES if name not in ("bmec_cells", "exclusions")]
    tables = {name: table(filled, name) for name in names}
    tables["hspc_counts"] = tables["hspc_counts"].head(400)
    folder = directory(tmp_path / "d", **{name: workbook(frame) for name, frame in tables.items()})
    dataset, problems = contract.examine(folder)
    assert problems == []
    csv = directory(tmp_path / "csv", **tables)
    expected = contract.load(csv)
    for name in names:
        pd.testing.assert_frame_equal(dataset.tables[name], expected.tables[name])
    assert dataset.provenance.sha256 == contract.provenance_of(folder).sha256


def test_a_workbook_beside_a_csv_is_refused(tmp_path, filled):
    blood = table(filled, "ecko_blood")
    folder = directory(tmp_path / "d", ecko_blood=blood)
    (folder / "ecko_blood.xlsx").write_bytes(workbook(blood))
    assert "one format only" in str(found(folder, "error")[0])
    (folder / "ecko_blood.csv").unlink()
    (folder / "bmec_cells.xlsx").write_bytes(workbook(blood))
    assert "this table as bmec_cells.h5ad." in str(found(folder, "error")[0])


def _place(sheet, name: str, row: int):
    names = [cell.value for cell in sheet[1]]
    return sheet.cell(row=row, column=names.index(name) + 1)


def _put(name, row, value, number_format=None):
    def change(_, sheet):
        cell = _place(sheet, name, row)
        cell.value = value
        if number_format:
            cell.number_format = number_format

    return change


DAY = datetime.datetime(2024, 9, 2)
# What was done to ecko_blood.xlsx, where it is named, part of the sentence.
TRAPS = [
    (_put("t_pct", 4, "12,5"), (4, "t_pct"), 'did you mean "12.5"?'),
    (_put("t_pct", 4, 0.125, "0.0%"), (4, "t_pct"), "the format shows 12.5%, the cell holds 0.125; did you mean"),
    (_put("t_pct", 4, DAY), (4, "t_pct"), "a number, not a date"),
    (_put("animal", 4, DAY), (4, "animal"), "a name, not a date"),
    (_put("t_pct", 4, "=1+1"), (4, "t_pct"), "the formula has no stored result"),
    (_put("t_pct", 4, "#DIV/0!"), (4, "t_pct"), "not an error of Excel"),
    # Merged cells are empty but for the first: the column of B5:B8 is named for its three empty cells as well.
    (lambda _, sheet: sheet.merge_cells("B5:B8"), (5, "group"), 'found "B5:B8", expected cells that are not merged'),
    (lambda _, sheet: setattr(sheet.row_dimensions[6], "hidden", True), (6, None), "a row that can be seen"),
    (lambda _, sheet: setattr(sheet.column_dimensions["C"], "hidden", True), (1, "sex"), "a column that can be seen"),
    (lambda book, _: book.create_sheet("plates").append([7]), (None, None), "2 sheets (Sheet and plates)"),
    (lambda _, sheet: sheet.insert_rows(1), (1, None), "the names of the columns"),
]


@pytest.mark.parametrize(("change", "place", "part"), TRAPS)
def test_a_trap_of_excel_is_named_once_with_its_place(tmp_path, filled, change, place, part):
    blood = table(filled, "ecko_blood")
    folder = directory(tmp_path / "d", ecko_blood=workbook(blood, change))
    of_file = [one for one in found(folder, "error") if one.file == "ecko_blood.xlsx"]
    named = [one for one in of_file if (one.row, one.column) == place]
    assert len(named) == 1, [str(one) for one in of_file]
    assert part in str(named[0])
    assert len(of_file) == 1 or "merged" in part


def test_numbers_stored_as_text_are_read_and_remarked_on(tmp_path, filled):
    blood = table(filled, "ecko_blood").astype(str)

    def as_text(_, sheet):
        for row in (3, 5):
            cell = _place(sheet, "t_pct", row)
            cell.value = str(cell.value)

    folder = directory(
        tmp_path / "d", ecko_blood=workbook(blood, as_text), ecko_verification=table(filled, "ecko_verification")
    )
    dataset, problems = contract.examine(folder)
    remark = [one for one in problems if one.file == "ecko_blood.xlsx"]
    assert [(one.severity, one.row, one.column) for one in remark] == [("warning", 3, "t_pct")]
    assert "2 in this column" in str(remark[0])
    assert dataset.tables["ecko_blood"]["t_pct"].tolist() == blood["t_pct"].astype(float).tolist()


def test_blank_rows_an_empty_second_sheet_and_padded_ids_are_fine(tmp_path, filled):
    blood = table(filled, "ecko_blood")

    def harmless(book, sheet):
        for row in range(2, len(blood) + 2):
            cell = _place(sheet, "animal", row)
            cell.value, cell.number_format = row, "000"
        sheet.cell(row=200, column=3).number_format = "0.00"
        sheet.cell(row=300, column=1).value = " "
        sheet.row_dimensions[250].hidden = True
        book.create_sheet("Sheet2")

    folder = directory(
        tmp_path / "d", ecko_blood=workbook(blood, harmless), ecko_verification=table(filled, "ecko_verification")
    )
    dataset, problems = contract.examine(folder)
    assert problems == []
    assert dataset.tables["ecko_blood"]["animal"].iloc[0] == "002"


def test_a_formula_with_a_stored_result_is_read(tmp_path, filled):
    content = workbook(table(filled, "ecko_blood"), _put("t_pct", 2, "=10+2"))
    # openpyxl stores no results; what Excel writes is <f>10+2</f><v>12</v>.
    stream, source = io.BytesIO(), zipfile.ZipFile(io.BytesIO(content))
    with zipfile.ZipFile(stream, "w") as target:
        for name in source.namelist():
            data = source.read(name)
            if name == "xl/worksheets/sheet1.xml":
                assert data.count(b"<f>10+2</f><v></v>") + data.count(b"<f>10+2</f><v />") == 1
                data = re.sub(rb"<f>10\+2</f><v(></v>| />)", b"<f>10+2</f><v>12</v>", data)
            target.writestr(name, data)
    folder = directory(tmp_path / "d", ecko_blood=stream.getvalue())
    grid = excel.read("ecko_blood.xlsx", (folder / "ecko_blood.xlsx").read_bytes(), TABLES["ecko_blood"])
    assert grid.problems == []
    assert grid.rows[2][grid.rows[1].index("t_pct")] == "12"


@pytest.mark.parametrize("as_workbook", [True, False])
def test_genes_that_became_dates_are_counted(tmp_path, filled, as_workbook):
    counts, samples = table(filled, "hspc_counts").head(40), table(filled, "hspc_samples")
    lost = {10: datetime.datetime(2024, 9, 2), 20: datetime.datetime(2024, 3, 7), 30: datetime.datetime(2024, 3, 1)}
    if as_workbook:

        def change(_, sheet):
            for row, value in lost.items():
                sheet.cell(row=row, column=1).value = value

        folder = directory(tmp_path / "d", hspc_counts=workbook(counts, change), hspc_samples=samples)
    else:
        for row, value in lost.items():
            counts.loc[row - 2, "gene"] = f"{value.day}-{value:%b}"
        folder = directory(tmp_path / "d", hspc_counts=counts, hspc_samples=samples)
    (remark,) = [one for one in found(folder) if one.column == "gene"]
    assert (remark.severity, remark.row, remark.value, remark.suggestion) == ("warning", 10, "2-Sep", "Sept2")
    assert "3 genes of this file" in remark.expected


@pytest.mark.parametrize(
    ("text", "lost"),
    [("Mar-01", True), ("2024-09-02", True), ("2.31E+19", True)]
    + [(gene, False) for gene in ("Sept2", "Dec1", "H2-K1", "2310009E13Rik")],
)
def test_what_is_taken_for_a_date(tmp_path, filled, text, lost):
    counts = table(filled, "hspc_counts").head(40)
    counts.loc[0, "gene"] = text
    folder = directory(tmp_path / "d", hspc_counts=counts, hspc_samples=table(filled, "hspc_samples"))
    # H2-K1 may be there already, which is a fault.
    assert [one.value for one in found(folder, "warning") if one.column == "gene"] == ([text] if lost else [])


@pytest.mark.parametrize(
    ("content", "part"),
    [
        (b"", "an empty file"),
        (b"PK\x03\x04 cut off", "a whole Excel workbook (BadZipFile"),
        (workbook(pd.DataFrame()), "an empty workbook"),
    ],
)
def test_a_broken_workbook_is_one_sentence(tmp_path, content, part):
    folder = directory(tmp_path / "d", ecko_blood=content)
    (fault,) = [one for one in found(folder, "error") if one.file == "ecko_blood.xlsx"]
    assert part in str(fault)
    assert "\n" not in str(fault)


def test_a_workbook_that_unpacks_beyond_all_measure_is_refused_unread(tmp_path, monkeypatch):
    content = workbook(pd.DataFrame({"animal": ["x"] * 50}))
    monkeypatch.setattr(excel, "LARGEST_UNPACKED", 1000)
    folder = directory(tmp_path / "d", ecko_blood=content)
    assert "expected a workbook of at most" in str(found(folder, "error")[0])


def remark(folder: Path, column: str | None) -> contract.Problem:
    (one,) = [one for one in found(folder, "warning") if one.column == column and "ecko_verification" not in one.file]
    return one


@pytest.fixture
def sequenced():
    """Return counts and sample sheet of six animals a group in which aging is real."""
    tables = worlds.simulate_tables("paper", 5, ("hspc_counts", "hspc_samples"))
    counts = tables["hspc_counts"].rename(columns=lambda name: name.replace("sim-", ""))
    samples = tables["hspc_samples"].replace(r"^sim-", "", regex=True)
    return counts, samples


def sequenced_directory(folder: Path, counts: pd.DataFrame, samples: pd.DataFrame) -> Path:
    return directory(folder, hspc_counts=counts, hspc_samples=samples)


def test_swapped_samples_are_suspected(tmp_path, sequenced):
    counts, samples = sequenced
    whole = sequenced_directory(tmp_path / "a", counts, samples)
    assert [one for one in found(whole) if one.file == "hspc_samples.csv"] == []
    young, aged = (samples.index[samples["group"] == group][1] for group in ("young", "aged"))
    # The label only: sex stays with the sample, so that only expression can tell.
    samples.loc[[young, aged], ["group"]] = ["aged", "young"]
    swapped = [one for one in found(sequenced_directory(tmp_path / "b", counts, samples)) if one.column == "sample"]
    assert {one.value for one in swapped} <= set(samples.loc[[young, aged], "sample"])
    assert swapped
    assert "samples or labels may be swapped" in str(swapped[0])


def test_swaps_are_not_suspected_where_groups_do_not_differ(tmp_path):
    for seed in range(4):
        tables = worlds.simulate_tables("null", 100 + seed, ("hspc_counts", "hspc_samples"))
        folder = tmp_path / str(seed)
        sequenced_directory(
            folder,
            tables["hspc_counts"].rename(columns=lambda name: name.replace("sim-", "")),
            tables["hspc_samples"].replace(r"^sim-", "", regex=True),
        )
        assert [str(one) for one in found(folder) if one.column == "sample"] == []


def test_outlying_libraries_and_equal_samples(tmp_path, sequenced):
    counts, samples = sequenced
    first, second, third = samples.loc[samples["sex"] == "F", "sample"].iloc[[0, 4, 8]]
    counts[first] = counts[first] // 5
    folder = sequenced_directory(tmp_path / "a", counts, samples)
    one = remark(folder, first)
    assert "expected a library within 3 times the median" in str(one)
    animal = samples.loc[samples["sample"] == first, "animal"]
    exclusions = pd.DataFrame({"table": "hspc_samples", "animal": animal, "reason": "failed"})
    exclusions.to_csv(folder / "exclusions.csv", index=False)
    assert [one for one in found(folder) if one.column == first] == []
    counts[third] = counts[second]
    (equal,) = [one for one in found(sequenced_directory(tmp_path / "b", counts, samples)) if one.column == third]
    assert "the same count of every gene" in str(equal)
    assert f'expected other counts than column "{second}" has' in str(equal)


def test_old_symbols_are_read_as_todays_and_counted(tmp_path, sequenced):
    counts, samples = sequenced
    assert {"Cavin2", "Grk2"} <= set(counts["gene"])
    old = counts.replace({"gene": {"Cavin2": "Sdpr", "Grk2": "Adrbk1"}})
    folder = sequenced_directory(tmp_path / "a", old, samples)
    dataset = contract.load(folder)
    (one,) = [one for one in dataset.warnings if one.column == "gene"]
    assert "2 older gene symbols" in str(one)
    assert "Adrbk1 = Grk2, Sdpr = Cavin2" in str(one)
    assert str(one) in dataset.describe(["hspc_counts"])
    expected = contract.load(sequenced_directory(tmp_path / "b", counts, samples)).tables["hspc_counts"]
    pd.testing.assert_frame_equal(dataset.tables["hspc_counts"].sort_index(), expected.sort_index())
    both = pd.concat([counts, counts[counts["gene"] == "Cavin2"].replace({"gene": {"Cavin2": "Sdpr"}})])
    kept = contract.load(sequenced_directory(tmp_path / "c", both, samples))
    assert {"Sdpr", "Cavin2"} <= set(kept.tables["hspc_counts"].index)
    assert [one for one in kept.warnings if one.column == "gene"] == []


def test_old_symbols_of_cells_are_read_as_todays(tmp_path, filled):
    cells = anndata.read_h5ad(filled / "bmec_cells.h5ad")
    cells.var_names = ["Eprs" if gene == "Eprs1" else gene for gene in cells.var_names]
    assert "Eprs" in cells.var_names
    folder = directory(tmp_path / "d")
    cells.write_h5ad(folder / "bmec_cells.h5ad")
    dataset = contract.load(folder)
    assert "Eprs1" in dataset.tables["bmec_cells"].var_names
    assert "Eprs = Eprs1" in str(remark(folder, "gene"))


def test_each_renamed_symbol_has_a_source_that_holds_it():
    lines = pd.read_csv(ROOT / "data" / "genesets" / genes.FILE)
    assert dict(zip(lines["old"], lines["new"], strict=True)) == genes.renamed()
    hallmarks = {gene for names in originals.mtor_hallmarks().values() for gene in names}
    signature = set(originals.aging_signature(ROOT / "data/public/Svendsen_mouse_aging_signature.csv").index)
    symbols = set(originals.ensembl_symbols(ROOT / "data/genesets/mouse_ensembl_symbols.csv"))
    for line in lines.itertuples():
        assert ("hallmark" in line.source) == (line.new in hallmarks), line
        assert ("signature" in line.source) == (line.new in signature), line
        assert "BioMart" not in line.source or line.new in symbols, line
        assert line.old not in hallmarks


def test_chimerism_that_leaps(tmp_path, filled):
    frame = table(filled, "serial_transplants")
    first = frame[(frame["recipient"] == frame["recipient"].iloc[0])].index
    assert len(first) == 2
    frame.loc[first, "donor_chimerism_pct"] = ["20", "75"]
    folder = directory(tmp_path / "a", serial_transplants=frame)
    leap = remark(folder, "donor_chimerism_pct")
    assert (leap.row, leap.value) == (first[1] + 2, "75")
    assert f"less than 50 points from the 20 of week 8, row {first[0] + 2}" in str(leap)
    frame.loc[first, "donor_chimerism_pct"] = ["20", "70"]
    folder = directory(tmp_path / "b", serial_transplants=frame)
    assert [one for one in found(folder) if one.column == "donor_chimerism_pct"] == []


def test_a_column_like_another(tmp_path, filled):
    blood = table(filled, "ecko_blood")
    half = ((100 - blood["myeloid_pct"].astype(float)) / 2).round(4).astype(str)
    blood = blood[["animal", "group", "sex", "batch", "myeloid_pct"]].assign(b_pct=half, t_pct=half)
    one = remark(directory(tmp_path / "a", ecko_blood=blood), "t_pct")
    assert 'found "the same number in every row", expected other values than column "b_pct" has' in str(one)
    blood["myeloid_pct"], blood["b_pct"], blood["t_pct"] = "20", "40", "40"
    assert [one for one in found(directory(tmp_path / "b", ecko_blood=blood)) if one.column == "t_pct"] == []


@pytest.mark.parametrize(("sexes", "said"), [("FFFM FMMM", True), ("FFMM FMMM", False), ("FFFM FFFM", False)])
def test_unequal_sexes_are_on_the_page(tmp_path, filled, sexes, said):
    blood = table(filled, "ecko_blood")
    blood = blood[blood["group"].isin(["young", "aged"])].groupby("group").head(4).sort_values("group")
    blood["sex"] = list(sexes.replace(" ", ""))
    dataset = contract.load(directory(tmp_path / "d", ecko_blood=blood))
    lines = [line for line in dataset.describe(["ecko_blood"]) if "unequal sexes" in line]
    assert bool(lines) == said
    assert not said or "aged 3 F and 1 M; young 1 F and 3 M" in lines[0]
    assert dataset.confounding == []


@pytest.fixture(scope="module")
def by_others(mirror, tmp_path_factory) -> Path:
    """HSCs of GSE162607 as `hspc_*`: two young and two aged mice."""
    folder = tmp_path_factory.mktemp("gse162607")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ENDOMTOR_CACHE", str(folder / "cache"))
        paths = public.fetch(["gse162607-counts", "gse162607-samples"])
    counts, sheet = originals.hsc_counts(paths["gse162607-counts"], paths["gse162607-samples"])
    sheet = sheet[sheet["population"] == "HSC"]
    samples = pd.DataFrame(
        {"sample": sheet.index, "animal": sheet.index, "group": sheet["age"], "sex": "F", "batch": ""}
    )
    about = 'title = "GSE162607, HSC"\nprovenance = "public"\nsource = "GEO GSE162607"\n'
    directory(folder / "d", hspc_counts=counts[list(sheet.index)].reset_index(), hspc_samples=samples)
    (folder / "d" / "dataset.toml").write_text(about)
    return folder / "d"


def test_an_experiment_by_others_passes_with_the_warnings_that_it_deserves(by_others):
    dataset, problems = contract.examine(by_others)
    warned = {(one.severity, one.file, one.column): str(one) for one in problems}
    assert set(warned) == {("warning", "hspc_counts.csv", "gene"), ("warning", "hspc_samples.csv", "animal")}
    # The published table itself went through Excel.
    assert 'found "3-Mar"' in warned["warning", "hspc_counts.csv", "gene"]
    few = warned["warning", "hspc_samples.csv", "animal"]
    assert "found 2 aged against 2 young, expected enough for a permutation p below 0.05" in few
    (phi,) = [one for one in own_data.allowed(dataset) if one.rule.id == "C4.transcriptome.phi"]
    assert phi.why_not == "no ecko units in hspc_samples.csv"


@pytest.mark.slow
def test_chapter_04_says_what_two_young_and_two_aged_mice_can_report(by_others, tmp_path):
    executed, evidence = tmp_path / "04.ipynb", tmp_path / "evidence.json"
    execute.execute(
        ROOT / "notebooks" / "04_transcriptome_resemblance.ipynb",
        parameters={"data_dir": str(by_others), "world": "paper", "seed": 1},
        build=tmp_path,
        executed=executed,
        evidence=evidence,
        failed=tmp_path / "failed.ipynb",
    )
    predictions = [one["id"] for one in json.loads(evidence.read_text()) if one["kind"] == "prediction"]
    assert predictions == ["C4.transcriptome.phi.aging"]
    outputs = [output for cell in nbformat.read(executed, as_version=4).cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    said = "\n".join(str(output.get("data", "")) for output in outputs)
    for words in (
        "n: young 2, aged 2",
        "Phi needs ECKO mice and, as its yardstick, young and aged ones: it is not testable here.",
        "the smallest possible here is 0.33",
        "Prediction: not testable here. Premise: supported by public data.",
    ):
        assert words in said
    assert "SIMULATED" not in said
