"""Which modules a chapter uses is found from the sources, and nothing else of the package runs in it."""

import ast
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from endomtor.building import code, workflow
from endomtor.building.workflow import Settings

CHAPTERS = sorted((ROOT / "notebooks").glob("[0-9][0-9]_*.ipynb"))


def names(source: str) -> set[str]:
    return {str(path.relative_to(code.PACKAGE)) for path in code.used_by(source)}


def test_a_name_that_a_package_hands_on_counts_where_it_is_defined():
    found = names("from endomtor import figures\nfigures.volcano(frame)")
    assert {"figures/__init__.py", "figures/genes.py", "figures/style.py"} <= found
    assert not {"figures/animals.py", "figures/forest.py"} & found


def test_a_package_that_is_handed_on_as_a_whole_counts_as_a_whole():
    assert {"figures/genes.py", "figures/forest.py"} <= names("from endomtor import figures\nprint(figures)")


def test_imports_inside_functions_and_parents_count():
    found = names("def later():\n    from endomtor.public import geo\n")
    assert {"__init__.py", "public/__init__.py", "public/geo.py", "public/ncbi.py", "errors.py"} <= found


def test_what_only_type_checkers_read_does_not_count():
    source = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from endomtor import worlds\n"
    assert names(source) == set()


@pytest.mark.parametrize("source", ["import numpy", "", "from endomtorium import figures"])
def test_others_modules_do_not_count(source):
    assert names(source) == set()


def test_only_packages_that_hand_on_import_relatively():
    for path in code.PACKAGE.rglob("*.py"):
        if path.name != "__init__.py":
            found = [node.lineno for node in ast.walk(ast.parse(path.read_text())) if getattr(node, "level", 0)]
            assert found == [], (
                f"{path}, lines {found}: `code` follows whole names, as in `from endomtor.stats import linear`"
            )


def test_each_chapter_uses_its_analysis_and_not_those_of_others():
    for notebook in CHAPTERS[:5]:
        name = notebook.stem.partition("_")[2]
        used = {path.stem for path in code.of_notebook(notebook) if path.parent.name == "analyses"}
        analyses = {path.stem.partition("_")[2] for path in CHAPTERS[:5]} & used
        assert len(used & {"mtor_decline", "rapamycin", "ecko_phenotypes", "transcriptome", "transplants"}) == 1, name
        assert len(analyses) <= 1


# Runs cells and prints the files of the package in which a function was called. A module and the body of a
# class run when a package that hands them on is imported: no function, for Python optimises its names.
_TRACED = """
import inspect, json, sys
called = set()
def note(frame, event, _):
    code = frame.f_code
    if event == "call" and code.co_flags & inspect.CO_OPTIMIZED and not code.co_name.startswith("<"):
        called.add(frame.f_code.co_filename)
import IPython
shell = IPython.core.interactiveshell.InteractiveShell.instance()
cells = json.loads(sys.argv[1])
sys.setprofile(note)
for cell in cells:
    exec(compile(cell, "cell", "exec"), shell.user_ns)
sys.setprofile(None)
print("\\n" + json.dumps(sorted(called)))
"""


def ran_in(cells: list[str], folder: Path, build: Path) -> set[Path]:
    """Run cells in a folder and return the files of the package in which a function was called."""
    ran = subprocess.run(
        [sys.executable, "-c", _TRACED, json.dumps(cells)],
        cwd=folder,
        capture_output=True,
        text=True,
        env={**os.environ, "ENDOMTOR_BUILD": str(build), "OPENBLAS_NUM_THREADS": "1"},
    )
    assert ran.returncode == 0, ran.stderr[-2000:]
    called = {Path(name) for name in json.loads(ran.stdout.splitlines()[-1])}
    own = {path for path in called if path.is_relative_to(code.PACKAGE)}
    assert own
    return own


@pytest.mark.slow
@pytest.mark.parametrize("notebook", CHAPTERS[:5], ids=lambda path: path.stem)
def test_nothing_runs_in_a_chapter_that_it_is_not_said_to_use(notebook, tmp_path):
    cells = json.loads(notebook.read_text(encoding="utf-8"))["cells"]
    sources = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    assert ran_in(sources, notebook.parent, tmp_path) <= set(code.of_notebook(notebook))


@pytest.mark.slow
def test_nothing_makes_the_data_that_they_are_not_said_to_depend_on(tmp_path):
    data = str(tmp_path / "data")
    calls = {"simulate": f"simulate('paper', seed=1, out={data!r})", "check": f"load({data!r})"}
    for job, call in calls.items():
        imported = workflow.MAKES_DATA[job]
        assert ran_in([imported, call], ROOT, tmp_path) <= set(code.used_by(imported)), job


@pytest.fixture
def settings(tmp_path) -> Settings:
    return Settings(root=str(ROOT), build=str(tmp_path))


def test_a_module_that_a_chapter_does_not_use_leaves_its_fingerprint(settings, monkeypatch, tmp_path):
    volcano = code.PACKAGE / "figures" / "genes.py"
    assert volcano not in settings.code_of("02_rapamycin")
    assert volcano in settings.code_of("04_transcriptome_resemblance")
    assert code.PACKAGE / "building" / "execute.py" in settings.code_of("02_rapamycin")


def test_what_was_found_is_kept_until_the_package_or_the_notebook_changes(settings, tmp_path):
    found = settings.code_of("02_rapamycin")
    kept = tmp_path / "code" / "02_rapamycin.json"
    known = json.loads(kept.read_text())
    kept.write_text(json.dumps(known | {"files": ["errors.py"]}))
    assert settings.code_of("02_rapamycin")[0] == code.PACKAGE / "errors.py"
    kept.write_text(json.dumps(known | {"of": "other"}))
    assert settings.code_of("02_rapamycin") == found
