"""Planted faults: each is put into a copy of the book, and build or suite must go red and name it."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import jupytext
import nbformat
import pytest

from endomtor import worlds
from endomtor.building.site import render
from endomtor.errors import BuildError
from test_building import build, small_book

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[1]
# Chapters 01 to 05 without their figures, then what the world demands of the ledger.
STRICT = """
from endomtor import worlds
from endomtor.calibration import cohorts
from endomtor.analyses.judge import Judge
from endomtor import ledger
data = worlds.dataset("paper", 1, names=cohorts.TABLES)
judge = Judge(data)
print(*ledger.strict_faults(judge.ledger(judge.records())), sep="\\n")
"""


@pytest.fixture(scope="module")
def clone(tmp_path_factory) -> Path:
    """The files of this repository that a change may touch."""
    root = tmp_path_factory.mktemp("guards") / "book"
    for name in ("src", "data", "notebooks", "tests", "book", "scripts", "workflow"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__", "reference"))
    for name in ("pyproject.toml", "_config.yml", "_toc.yml", "CHANGELOG.md", "CITATION.cff", "README.md"):
        shutil.copy(ROOT / name, root / name)
    return root


@pytest.fixture
def plant(clone):
    """A function that puts a fault into a file of the clone, which is as it was after the test."""
    before: dict[Path, bytes] = {}

    def change(name: str, old: str | bytes, new: str | bytes) -> None:
        path = clone / name
        before.setdefault(path, path.read_bytes())
        old, new = (one.encode() if isinstance(one, str) else one for one in (old, new))
        assert path.read_bytes().count(old) == 1, f"{name} does not hold the text once: {old!r}"
        path.write_bytes(path.read_bytes().replace(old, new))

    yield change
    for path, content in before.items():
        path.write_bytes(content)


def python(clone: Path, *arguments: str) -> tuple[int, str]:
    """Run Python with the clone's package; return exit status and all that was said."""
    surroundings = {**os.environ, "PYTHONPATH": str(clone / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    surroundings.pop("ENDOMTOR_BUILD", None)
    ran = subprocess.run([sys.executable, *arguments], cwd=clone, env=surroundings, capture_output=True, text=True)
    return ran.returncode, ran.stdout + ran.stderr


def suite(clone: Path, test: str) -> str:
    """Run one test of the clone's own suite, which must fail, and return what it says."""
    status, said = python(clone, "-m", "pytest", "-q", "-p", "no:cacheprovider", test)
    assert status == 1, said
    return said


def test_without_a_fault_the_analyses_pass(clone):
    status, said = python(clone, "-c", STRICT)
    assert (status, [line for line in said.splitlines() if not line.startswith(("C4", "C3.premise"))]) == (0, [])


def test_groups_swapped(clone, plant):
    right = '"a": "aged", "b": "young", "unit": "animal"'
    plant("src/endomtor/analyses/mtor_decline.py", right, right.replace('aged", "b": "young', 'young", "b": "aged'))
    _, said = python(clone, "-c", STRICT)
    assert "C1: missed (opposite), but world 'paper' demands 'recovered'" in said


def test_recipients_used_as_n(clone, plant):
    plant(
        "src/endomtor/analyses/transplants.py",
        'return nested.one_value_per_unit(rows, value="value", unit=UNIT, carry=["niche", "donor", "batch"])',
        "return rows",
    )
    status, said = python(clone, "-c", STRICT)
    assert status == 1
    assert re.search(r"UnitError: .*exposed animal.* n would be 59 where 40 is right", said), said


def test_one_byte_changed_in_a_public_file(clone, plant):
    path = clone / "data" / "public" / "Svendsen_mouse_aging_signature.csv"
    first = path.read_bytes()[:40]
    plant(f"data/public/{path.name}", first, first[:-1] + bytes([first[-1] ^ 1]))
    said = suite(
        clone, "tests/test_public.py::test_registry_names_each_file_once_and_bundled_files_are_the_registered_ones"
    )
    assert path.name in said


def test_a_number_typed_into_a_sentence(clone, plant):
    title = "# # Aged attributes in young ECKO mice\n"
    plant("notebooks/03_ecko_phenotypes.py", title, f"{title}#\n# HSCs rose by 43 %.\n")
    said = suite(clone, "tests/test_repository.py::test_no_result_is_typed_into_a_sentence[03_ecko_phenotypes]")
    assert "03_ecko_phenotypes types 43 %" in said


def test_outputs_committed(clone, plant):
    path = clone / "notebooks" / "01_mtor_decline.ipynb"
    notebook = nbformat.read(path, as_version=4)
    cell = next(cell for cell in notebook.cells if cell.cell_type == "code")
    cell.outputs = [nbformat.v4.new_output("stream", text="phi = 0.7")]
    plant(f"notebooks/{path.name}", path.read_bytes(), nbformat.writes(notebook))
    said = suite(clone, "tests/test_repository.py::test_no_outputs_are_committed[01_mtor_decline]")
    assert "test_no_outputs_are_committed[01_mtor_decline]" in said


def test_a_pair_out_of_sync(clone, plant):
    plant("notebooks/02_rapamycin.py", "# # Rapamycin", "# # Sirolimus")
    said = suite(clone, "tests/test_repository.py::test_the_halves_of_a_pair_are_equal[02_rapamycin]")
    assert "run `make pairs`" in said
    assert jupytext.read(clone / "notebooks" / "02_rapamycin.py").cells[0].source.startswith("# Sirolimus")


def test_a_claim_without_a_decision_rule(clone, plant):
    entry = 'id = "C3.marrow.HSC"\nkind = "prediction"\nrole = "primary"\nrule = "phi"\n'
    plant("data/claims.toml", entry, entry.replace('rule = "phi"\n', ""))
    status, said = python(clone, "-c", "from endomtor.claims import catalogue; catalogue.load()")
    assert status == 1
    assert re.search(r"ClaimsError: .*claims\.toml.*C3\.marrow\.HSC.*'rule'", said)


def test_a_rule_changed_without_a_line_in_the_changelog(clone, plant):
    source = (clone / "data/claims.toml").read_text(encoding="utf-8")
    start = source.index('id = "C3.limiting_dilution.WBM"')
    rule = source[start : source.index("[[", start)]
    assert "smallest = 0.25" in rule
    plant("data/claims.toml", rule, rule.replace("smallest = 0.25", "smallest = 0.2"))
    said = suite(clone, "tests/test_claims.py::TestCatalogue::test_rules_do_not_change_without_a_line_in_the_changelog")
    assert "CHANGELOG.md lacks: Rules of `data/claims.toml`" in said


def test_a_simulated_table_declared_measured(clone, tmp_path):
    folder = worlds.simulate("paper", 1, tmp_path / "mice")
    sheet = folder / "dataset.toml"
    text = re.sub(r"^(world|seed) = .*\n", "", sheet.read_text(encoding="utf-8"), flags=re.M)
    sheet.write_text(text.replace('provenance = "simulated"', 'provenance = "measured"'), encoding="utf-8")
    status, said = python(clone, "-c", f"from endomtor.cli import main; main(['build', '--data', {str(folder)!r}])")
    assert status == 1
    assert re.search(r"bmec_signaling\.csv, row 2, column \"animal\".*sim-", said)


# --- on a small book --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    """A small book whose first chapter records the evidence for C1 in world `paper`."""
    root = small_book(tmp_path_factory.mktemp("guarded") / "book")
    path = root / "notebooks" / "01_one.ipynb"
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[2].source = (
        "from endomtor.analyses import CHAPTERS\n"
        "from endomtor.chapter import open_chapter\n\n"
        'chapter = open_chapter("01_mtor_decline", data_dir, world, seed)\n'
        "for name, answer in CHAPTERS[chapter.name].answers(chapter.dataset.tables).items():\n"
        "    chapter.record(name, answer.estimate)\n"
        'chapter.name = "01_one"\n'
        "chapter.write()"
    )
    nbformat.write(notebook, path)
    build(root)
    return root


def claims(root: Path, *options: str) -> tuple[int, str]:
    surroundings = {**os.environ, "ENDOMTOR_BUILD": str(root / "_build")}
    command = [str(Path(sys.executable).with_name("endomtor")), "claims", *options]
    ran = subprocess.run(command, cwd=root, env=surroundings, capture_output=True, text=True)
    return ran.returncode, ran.stderr


def test_a_verdict_edited_by_hand(built):
    path = built / "_build" / "ledger.json"
    whole = path.read_text(encoding="utf-8")
    ledger = json.loads(whole)
    assert claims(built) == (0, "")
    entry = next(claim for claim in ledger["claims"] if claim["id"] == "C5")
    assert entry["prediction"]["verdict"] == "not testable here"
    entry["prediction"]["verdict"] = "recovered"
    path.write_text(json.dumps(ledger), encoding="utf-8")
    status, said = claims(built)
    path.write_text(whole, encoding="utf-8")
    assert status == 1
    assert "does not follow from the evidence of its build (C5)" in said


def test_an_evidence_record_dropped(built):
    path = built / "_build" / "evidence" / "01_one.json"
    records = json.loads(path.read_text(encoding="utf-8"))
    assert len(records) > 2
    path.write_text(json.dumps(records[1:]), encoding="utf-8")
    status, said = claims(built)
    assert status == 1
    assert "does not follow from the evidence of its build (C1)" in said
    with pytest.raises(BuildError, match=r"01_one\.json is not what 01_one\.ipynb left"):
        build(built)
    # The next build makes it again.
    build(built)
    assert json.loads(path.read_text(encoding="utf-8")) == records


def test_a_stale_executed_notebook(built):
    path = built / "notebooks" / "02_two.ipynb"
    whole = path.read_text(encoding="utf-8")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source += "\n\nAnother sentence."
    nbformat.write(notebook, path)
    # Past Snakemake, which would execute it again: somebody copied an old `_build` here.
    with pytest.raises(BuildError, match=r"02_two\.ipynb was executed from another text than is committed \(cell 1"):
        render(built, built / "_build")
    path.write_text(whole, encoding="utf-8")
