"""Notebooks that compute in public: what stands in them, what a change of a line does, what absent tables do."""

import ast
import os
import re
from collections.abc import Iterator
from pathlib import Path

import jupytext
import nbformat
import pandas as pd
import pytest

from conftest import ROOT
from endomtor import analyses, contract, environment, worlds
from endomtor.analyses import rapamycin
from endomtor.building import forks
from endomtor.building.execute import execute
from endomtor.claims import catalogue, evidence
from endomtor.errors import BuildError

CHAPTERS = tuple(analyses.CHAPTERS)
COMPUTED = CHAPTERS[:5]
LIBRARIES = ("pandas", "scanpy", "seaborn", "statannotations", "pydeseq2")


def notebook_of(name: str) -> nbformat.NotebookNode:
    return jupytext.read(ROOT / "notebooks" / f"{name}.py")


def code_of(name: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in notebook_of(name).cells if cell.cell_type == "code"]


def lines_of(cell) -> int:
    return sum(bool(line.strip()) for line in cell.source.splitlines())


def called(tree: ast.AST) -> Iterator[str]:
    """Return the library of each call in a notebook, by the names that it was imported under."""
    known = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            known |= {(one.asname or one.name).partition(".")[0]: one.name for one in node.names}
        elif isinstance(node, ast.ImportFrom):
            known |= {one.asname or one.name: node.module for one in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            first = node.func
            while isinstance(first, ast.Attribute):
                first = first.value
            if isinstance(first, ast.Name) and first.id in known:
                yield known[first.id].partition(".")[0]


class TestInView:
    def test_the_registry_is_the_table_of_contents_and_has_each_title(self):
        toc = re.findall(r"file: notebooks/(\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8"))
        assert toc == list(CHAPTERS)
        for name, one in analyses.CHAPTERS.items():
            assert notebook_of(name).cells[0].source.split("\n\n") == [f"# {one.title}", f"**{one.question}**"]
            assert set(one.tables) >= set((one.sources or {}).values())

    def test_each_claim_has_a_chapter_and_each_table_of_an_analysis_is_one_of_the_contract(self):
        served = [claim for one in analyses.CHAPTERS.values() for claim in one.claims]
        assert sorted(served) == sorted(claim.id for claim in catalogue.load().claims)
        assert analyses.table_of("C3.marrow.HSC") == "ecko_marrow"
        assert analyses.table_of("C4.premise.LT_HSC") is None

    def test_the_libraries_of_the_field_are_called_in_notebooks(self):
        found = {library for name in COMPUTED for library in called(ast.parse(_source(name)))}
        assert set(LIBRARIES) <= found
        for name in COMPUTED:
            assert {"pandas", "endomtor"} <= set(called(ast.parse(_source(name)))), name

    def test_no_notebook_calls_the_analyses_that_it_is_compared_with(self):
        for name in COMPUTED:
            assert "endomtor.analyses" not in _source(name)

    def test_cells_are_short(self):
        lengths = sorted(lines_of(cell) for name in CHAPTERS for cell in code_of(name))
        assert lengths[-1] <= 30
        assert lengths[int(0.9 * len(lengths))] <= 15

    @pytest.mark.parametrize("name", CHAPTERS[3:])
    def test_no_cell_shows_the_first_rows_of_a_table(self, name):
        shown = [cell.source.splitlines()[-1] for cell in code_of(name)]
        assert not [line for line in shown if re.search(r"\.(head|tail)\(\d*\)|\.(iloc|loc)\[[^=]*$", line)]

    @pytest.mark.parametrize("name", COMPUTED)
    def test_what_uses_a_table_says_so(self, name):
        for cell in code_of(name):
            needed = {f"needs:{table}" for table in re.findall(r'chapter\.table\("(\w+)"\)', cell.source)}
            assert needed <= set(cell.metadata.get("tags", [])), cell.source


def _source(name: str) -> str:
    return "\n".join(cell.source for cell in code_of(name))


# --- running them -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module", autouse=True)
def forked_kernels() -> Iterator[None]:
    """Kernels that need not import the libraries each for itself, as in a build."""
    with forks.offered(os.environ, soon=True) as offer, environment.variables(offer):
        yield


@pytest.fixture(scope="module")
def mice(tmp_path_factory) -> Path:
    """The world `paper`, seed 1."""
    return worlds.simulate("paper", seed=1, out=tmp_path_factory.mktemp("mice") / "paper-1")


@pytest.fixture(scope="module")
def one_table(mice, tmp_path_factory) -> Path:
    """The same mice in one table only."""
    folder = tmp_path_factory.mktemp("one") / "mice"
    folder.mkdir()
    for name in ("dataset.toml", "bmec_signaling.csv"):
        (folder / name).write_bytes((mice / name).read_bytes())
    return folder


def run(notebook: nbformat.NotebookNode, name: str, data: Path, folder: Path, *, calibrated_only: bool = False):
    """Execute a notebook as a chapter, and return it with the records that it made."""
    folder.mkdir(parents=True)
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    done, found = folder / "executed" / path.name, folder / "evidence.json"
    execute(
        path,
        parameters={"data_dir": str(data), "world": "paper", "seed": 1},
        build=folder / "build",
        executed=done,
        evidence=found,
        failed=folder / "failed.ipynb",
        calibrated_only=calibrated_only,
    )
    return nbformat.read(done, as_version=4), {record.id: record for record in evidence.read(found)}


def edited(name: str, old: str, new: str) -> nbformat.NotebookNode:
    notebook = notebook_of(name)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code" and old in cell.source]
    assert len(cells) == 1, f"{old!r} stands in {len(cells)} cells of {name}, expected one"
    cells[0].source = cells[0].source.replace(old, new)
    return notebook


# A line of preparation or test, what a newcomer makes of it, a record, and the verdict that it has then.
EDITS = {
    "01_mtor_decline": (
        'comparison = {"group": "group", "a": "aged", "b": "young"',
        'comparison = {"group": "group", "a": "young", "b": "aged"',
        "C1.signaling.pS6_S240_244",
        "missed",
    ),
    "02_rapamycin": (
        'blood["log2"] = np.log2(blood["value"])',
        'blood["log2"] = -np.log2(blood["value"])',
        "C2.blood.platelets",
        "missed",
    ),
    "03_ecko_phenotypes": (
        'blood["myeloid_balance"] = stats.lineage_balance(blood)',
        'blood["myeloid_balance"] = -stats.lineage_balance(blood)',
        "C3.blood.myeloid_balance",
        "missed",
    ),
    "04_transcriptome_resemblance": (
        "map(resemblance.project(logs, average))",
        "map(-resemblance.project(logs, average))",
        "C4.transcriptome.phi",
        "missed",
    ),
    "05_serial_transplants": (
        'grafts["chimerism"] = stats.logit_percent(',
        'grafts["chimerism"] = -stats.logit_percent(',
        "C5.transplant.chimerism",
        "missed",
    ),
    "04_transcriptome_resemblance, public": (
        "answer = difference(lt_hscs, **compared)",
        'answer = difference(lt_hscs.assign(score=-lt_hscs["score"]), **compared)',
        "C4.premise.LT_HSC",
        "contradicted",
    ),
}


@pytest.mark.parametrize(
    "edit", [pytest.param(edit, marks=[pytest.mark.slow] if edit != COMPUTED[0] else []) for edit in EDITS]
)
def test_a_line_that_is_changed_moves_record_and_verdict(edit, mice, one_table, tmp_path):
    old, new, moved, verdict = EDITS[edit]
    name = edit.partition(",")[0]
    mice = one_table if name == COMPUTED[0] else mice
    notebook = edited(name, old, new)
    executed, records = run(notebook, name, mice, tmp_path / "run")
    assert records[moved].changed
    assert records[moved].verdict == verdict
    outputs = (output for cell in executed.cells for output in cell.get("outputs", []))
    shown = " ".join(output.get("data", {}).get("text/html", "") for output in outputs)
    assert "not the calibrated analysis" in shown
    # The same change fails a build.
    with pytest.raises(BuildError, match=rf"ClaimsError: {moved[:4].replace('.', '[.]')}.*not the calibrated analysis"):
        run(notebook, name, mice, tmp_path / "build", calibrated_only=True)


@pytest.mark.slow
def test_the_courses_of_chapter_02_are_those_that_calibration_counts(mice, tmp_path):
    notebook, wanted = notebook_of("02_rapamycin"), tmp_path / "courses.csv"
    last = [place for place, cell in enumerate(notebook.cells) if "over_days = pd.concat(" in cell.source]
    save = f"pd.concat(courses).drop(columns='contrast').to_csv({str(wanted)!r}, index=False)"
    notebook.cells.insert(last[0] + 1, nbformat.v4.new_code_cell(save))
    run(notebook, "02_rapamycin", mice, tmp_path / "run", calibrated_only=True)
    shown = pd.read_csv(wanted).replace({"age_group": {"mean of both": "averaged"}})
    shown = shown.rename(columns={"age_group": "contrast", "lower": "low", "upper": "high", "changing": "p_course"})
    columns = ["analyte", "contrast", "estimate", "low", "high", "df", "p", "p_course"]
    counted = rapamycin.over_days({"rapamycin_blood": contract.load(mice).get("rapamycin_blood")})
    ours, theirs = (table[columns].sort_values(columns[:2], ignore_index=True) for table in (shown, counted))
    assert len(ours) == 3 * len(rapamycin.ANALYTES)
    pd.testing.assert_frame_equal(ours, theirs, rtol=1e-8)


class TestAbsentTables:
    def test_a_section_without_its_table_is_one_sentence(self, one_table, tmp_path):
        executed, records = run(
            notebook_of(COMPUTED[0]), COMPUTED[0], one_table, tmp_path / "run", calibrated_only=True
        )
        assert {one.split(".")[1] for one in records} == {"signaling", "context"}
        said = [
            output["data"]["text/plain"]
            for cell in executed.cells
            for output in cell.get("outputs", [])
            if "endomtor-missing" in output.get("data", {}).get("text/html", "")
        ]
        assert said == ["These data have no bmec_cells: this section is not testable here."]
        left_out = [cell for cell in executed.cells if "remove-cell" in cell.metadata.get("tags", [])]
        assert left_out
        assert all("needs:bmec_cells" in cell.metadata["tags"] and not cell.outputs for cell in left_out)

    def test_where_a_result_is_impossible_what_needs_it_is_left_out(self, mice, tmp_path):
        cells = [
            nbformat.v4.new_code_cell(
                "from endomtor.errors import NotTestable\nraise NotTestable('Too few genes.')",
                metadata={"tags": ["needs:bmec_cells", "needs:genes"]},
            ),
            nbformat.v4.new_code_cell("1 / 0", metadata={"tags": ["needs:genes"]}),
            nbformat.v4.new_code_cell("print('goes on')", metadata={"tags": ["needs:bmec_cells"]}),
        ]
        parameters = nbformat.v4.new_code_cell(
            "data_dir = ''\nworld = 'paper'\nseed = 1", metadata={"tags": ["parameters"]}
        )
        kernel = {"kernelspec": {"name": "python3", "language": "python", "display_name": "Python 3"}}
        whole = nbformat.v4.new_notebook(cells=[parameters, *cells], metadata=kernel)
        executed, _ = run(whole, "01_x", mice, tmp_path / "run")
        *_, first, second, third = executed.cells
        assert first.outputs[0]["data"]["text/plain"] == "Too few genes."
        assert second.outputs == []
        assert third.outputs[0]["text"] == "goes on\n"


SURVIVAL = {
    "02_rapamycin": "Unit: animal; aged, challenge: 5FU: n: rapamycin 10, vehicle 10; young, challenge: 5FU: n:",
    "03_ecko_phenotypes": "Unit: animal; challenge: 5FU: n: aged 10, control 10, ECKO 10, young 10. Descriptive.",
    "05_serial_transplants": "Unit: exposed animal; exposed animals, irradiation lethal: n: aged 10, control 10, "
    "ECKO 10, young 10; later recipients, irradiation lethal: n: aged 10, control 10, ECKO 10, young 10.",
}


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name[1] != "5")) for name in SURVIVAL])
def test_survival_of_an_experiment_is_shown_with_its_units(name, mice, tmp_path):
    folder = tmp_path / "mice"
    folder.mkdir()
    for file in ("dataset.toml", "survival.csv"):
        (folder / file).write_bytes((mice / file).read_bytes())
    executed, records = run(notebook_of(name), name, folder, tmp_path / "run", calibrated_only=True)
    cells = [cell for cell in executed.cells if "needs:survival" in cell.metadata.get("tags", [])]
    assert len(cells) == 2
    assert not any("remove-cell" in cell.metadata["tags"] for cell in cells)
    assert SURVIVAL[name] in str(cells[0].outputs)
    tested = cells[1].outputs[0]["data"]["text/markdown"]
    assert "against" in tested
    assert "later recipients" not in tested
    assert not any("survival" in one for one in records)


def test_a_record_that_is_left_out_fails_a_build(one_table, tmp_path):
    notebook = edited(
        COMPUTED[0], "for marker, answer in answers.items():", "for marker, answer in list(answers.items())[1:]:"
    )
    with pytest.raises(BuildError, match=r"does not record C1\.signaling\."):
        run(notebook, COMPUTED[0], one_table, tmp_path / "run", calibrated_only=True)
