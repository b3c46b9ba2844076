"""What the workflows promise beyond their form (test_repository.py), and the scripts and hooks behind them."""

import hashlib
import json
import re
import shlex
import shutil
import subprocess
import sys
import zipfile
from functools import cache
from pathlib import Path

import launch_branch
import nbformat
import newest
import pytest
import release
import yaml

from conftest import ROOT
from endomtor.errors import BuildError
from test_repository import PROJECT, _workflow

FOLDER = ROOT / ".github" / "workflows"
NAMES = ("comment", "deploy", "links", "nightly", "preview", "release", "test")


@cache
def flow(name: str) -> dict:
    return _workflow(FOLDER / f"{name}.yml")


def steps(name: str) -> list[dict]:
    return [step for job in flow(name)["jobs"].values() for step in job["steps"]]


def scripts() -> list[tuple[str, str]]:
    return [(name, step["run"]) for name in NAMES for step in steps(name) if "run" in step]


def test_the_workflows_are_these():
    assert sorted(path.stem for path in FOLDER.glob("*.yml")) == sorted(NAMES)
    triggers = {name: set(flow(name)["on"]) for name in NAMES}
    assert triggers["test"] == {"push", "pull_request"}
    assert triggers["preview"] == {"pull_request"}
    assert flow("comment")["on"]["workflow_run"] == {"workflows": [flow("preview")["name"]], "types": ["completed"]}
    assert flow("deploy")["on"]["push"] == {"branches": ["main"]}
    assert flow("release")["on"] == {"push": {"tags": ["v*"]}}
    assert "schedule" in triggers["nightly"] & triggers["links"]
    assert all("pull_request_target" not in found for found in triggers.values())


def test_the_matrix_is_the_pythons_of_pyproject():
    pythons = [line.rsplit(" ", 1)[1] for line in PROJECT["project"]["classifiers"] if re.search(r":: 3\.\d+$", line)]
    assert flow("test")["jobs"]["test"]["strategy"]["matrix"]["python"] == pythons


@pytest.mark.parametrize("name", ["test", "preview"])
def test_a_pull_request_gets_nothing_that_can_write(name):
    """Its code runs in these: they may read the repository, keep no token, and are given no secret."""
    for job in flow(name)["jobs"].values():
        assert job["permissions"] == {"contents": "read"}
    text = (FOLDER / f"{name}.yml").read_text(encoding="utf-8")
    assert not re.search(r"secrets\.|github\.token|GITHUB_TOKEN", text)


def test_what_may_write_runs_no_code_of_a_pull_request():
    for step in steps("comment"):
        if step.get("uses", "").startswith("actions/checkout@"):
            # Without a ref this is main: the workflow runs there.
            assert set(step["with"]) == {"persist-credentials"}
        if step.get("uses", "").startswith("actions/download-artifact@"):
            # Beside the clone, so that an artifact cannot lie over its code.
            assert step["with"]["path"].startswith("${{ runner.temp }}/")
    assert flow("comment")["jobs"]["comment"]["permissions"] == {
        "actions": "read",
        "contents": "read",
        "pull-requests": "write",
    }


def test_no_expression_is_put_into_a_script():
    """What GitHub knows reaches a script as a variable: a branch may be called `$(rm -rf .)`."""
    assert not [(name, script) for name, script in scripts() if "${{" in script]


@pytest.mark.parametrize(("name", "script"), scripts())
def test_a_script_is_shell(name, script):
    assert subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True).stderr == ""


def test_what_is_built_is_built_by_make():
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, flags=re.M))
    called = {target for _, script in scripts() for target in re.findall(r"^make ([a-z-]+)", script, flags=re.M)}
    assert called == {"book", "environment", "launch", "newest", "release-archive", "test", "test-oldest"}
    assert called <= targets


def test_caches_are_keyed_by_lock_and_data_sums_and_no_release_uses_one():
    for name in NAMES:
        for step in steps(name):
            if step.get("uses", "").startswith("actions/cache@"):
                assert "hashFiles('data/registry.toml')" in step["with"]["key"]
            if "cache" in step.get("with", {}):
                assert step["with"]["cache-dependency-path"] == "requirements.lock"
    for name in ("release", "deploy", "comment"):
        assert "cache" not in str(steps(name))


# --- the oldest and the newest packages -------------------------------------------------------------------------------


def test_every_direct_dependency_has_a_lower_bound():
    extras = [line for lines in PROJECT["project"]["optional-dependencies"].values() for line in lines]
    assert not [line for line in (*PROJECT["project"]["dependencies"], *extras) if ">=" not in line]


class TestNewest:
    def test_versions_that_moved_are_told(self):
        lock = "numpy==2.3.1 \\\n    --hash=sha256:0\npandas==2.3.0 \\\nruamel_yaml==1 \\\n"
        assert newest.moved_versions(lock, "Pandas==2.4.0\nnumpy==2.3.1\nonly-here==1\nruamel-yaml==2\n") == [
            "pandas 2.3.0 -> 2.4.0",
            "ruamel-yaml 1 -> 2",
        ]


# --- the branch for Colab ---------------------------------------------------------------------------------------------


class TestLaunchBranch:
    COMMIT = "0123456789abcdef0123456789abcdef01234567"

    def test_each_notebook_begins_with_the_installation(self, tmp_path):
        written = launch_branch.write(tmp_path, "https://github.com/some-one/a.book/", self.COMMIT)
        assert [path.name for path in written] == [path.name for path in sorted((ROOT / "notebooks").glob("*.ipynb"))]
        for path in written:
            first, *rest = nbformat.read(path, as_version=4).cells
            nbformat.validate(nbformat.read(path, as_version=4))
            assert f"checkout --quiet {self.COMMIT}" in first.source
            assert "https://github.com/some-one/a.book " in first.source
            assert rest == nbformat.read(ROOT / "notebooks" / path.name, as_version=4).cells
        readme = (tmp_path / "README.md").read_text(encoding="utf-8")
        assert readme.count("https://colab.research.google.com/github/some-one/a.book/blob/launch/notebooks/") == len(
            written
        )

    def test_the_shell_of_the_cell_brings_the_commit(self, tmp_path):
        """Its `!` lines, run on a repository at hand: afterwards the package finds its book from `notebooks/`."""
        subprocess.run(["git", "rev-parse", "--git-dir"], cwd=ROOT, check=True, capture_output=True)
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True
        ).stdout
        cell = launch_branch.install_cell(ROOT.as_uri(), commit.strip())
        lines = [line[1:] for line in cell["source"].splitlines() if line.startswith("!")]
        subprocess.run(["bash", "-euc", "\n".join(lines)], cwd=tmp_path, check=True, capture_output=True)
        folder = tmp_path / launch_branch.CLONE / "notebooks"
        code = "from endomtor import paths; print(paths.root())"
        found = subprocess.run(
            [sys.executable, "-c", code], cwd=folder, check=True, capture_output=True, text=True
        ).stdout
        assert found.strip() == str(folder.parent)

    @pytest.mark.parametrize(
        ("repository", "commit", "words"),
        [
            ("https://github.com/a/b; rm -rf .", COMMIT, "expected https://github.com/OWNER/NAME"),
            ("git@github.com:a/b", COMMIT, "expected https://github.com/OWNER/NAME"),
            ("https://github.com/a/b", "main", "expected 40 hexadecimal digits"),
        ],
    )
    def test_what_could_run_is_refused(self, tmp_path, capsys, repository, commit, words):
        assert launch_branch.main([str(tmp_path / "out"), "--repository", repository, "--commit", commit]) == 1
        assert words in capsys.readouterr().err
        assert not (tmp_path / "out").exists()


# --- the archive of a release -----------------------------------------------------------------------------------------


def git(folder: Path, *command: str) -> None:
    about = ["-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", *about, *command], cwd=folder, check=True, capture_output=True)


@pytest.fixture
def clone(tmp_path) -> Path:
    """A small repository that is ready for a release: what the check reads, and the notebooks."""
    folder = tmp_path / "clone"
    folder.mkdir()
    for name in ("pyproject.toml", "CITATION.cff", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns(".*"))
    version = PROJECT["project"]["version"]
    (folder / "CHANGELOG.md").write_text(f"# Changelog\n\n## [{version}] - 2026-01-02\n", encoding="utf-8")
    git(folder, "init", "--quiet")
    git(folder, "add", ".")
    git(folder, "commit", "--quiet", "--message", "all")
    return folder


class TestRelease:
    TAG = f"v{PROJECT['project']['version']}"

    def test_what_is_ready_has_no_fault(self, clone):
        assert release.faults(clone, self.TAG) == []
        assert release.faults(clone, None) == []
        said = f"the tag is 'v9.9.9', expected '{self.TAG}', the version in pyproject.toml"
        assert release.faults(clone, "v9.9.9") == [said]

    @pytest.mark.parametrize(
        ("file", "old", "new", "words"),
        [
            ("CITATION.cff", "version: 0", "version: 9.0", "CITATION.cff has version"),
            ("CHANGELOG.md", "2026-01-02", "unreleased", "expected a heading"),
            ("CHANGELOG.md", "## [", "## [9", "has 'nothing' for the date"),
        ],
    )
    def test_what_is_not_ready_is_said(self, clone, file, old, new, words):
        text = (clone / file).read_text(encoding="utf-8")
        assert old in text
        (clone / file).write_text(text.replace(old, new, 1), encoding="utf-8")
        said = release.faults(clone, self.TAG)
        assert any(words in sentence for sentence in said)
        assert "the working tree holds changes that are in no commit, expected none" in said

    @pytest.mark.slow
    def test_the_archive_holds_all_and_its_sums_are_right(self, clone, built_book, tmp_path):
        path = release.archive(clone, built_book, tmp_path / "out")
        assert path.read_bytes() == release.archive(clone, built_book, tmp_path / "again").read_bytes()
        top = f"endomtor-{PROJECT['project']['version']}/"
        with zipfile.ZipFile(path) as packed:
            names = {name.removeprefix(top) for name in packed.namelist()}
            sums = dict(reversed(line.split("  ", 1)) for line in packed.read(f"{top}SHA256SUMS").decode().splitlines())
            assert set(sums) == names - {"SHA256SUMS"}
            assert all(hashlib.sha256(packed.read(top + name)).hexdigest() == found for name, found in sums.items())
            crate = json.loads(packed.read(f"{top}results/ro-crate-metadata.json"))
        described = {f"results/{one['@id']}" for one in crate["@graph"] if one["@type"] == "File"}
        assert described <= names
        assert {"source/requirements.lock", "source/CITATION.cff", "results/ledger.json"} <= names
        assert sum(name.startswith("results/executed/notebooks/") for name in names) == 7

    @pytest.mark.slow
    def test_a_notebook_that_was_edited_since_is_no_release(self, clone, built_book, tmp_path):
        path = clone / "notebooks" / "01_mtor_decline.ipynb"
        path.write_text(path.read_text(encoding="utf-8").replace("seed = 1", "seed = 2"), encoding="utf-8")
        git(clone, "commit", "--quiet", "--all", "--message", "edited")
        with pytest.raises(BuildError, match="executed from another text than is committed"):
            release.archive(clone, built_book, tmp_path)

    @pytest.mark.slow
    def test_another_world_is_no_release(self, clone, bystander_book, tmp_path):
        with pytest.raises(BuildError, match="expected world 'paper', seed 1"):
            release.archive(clone, bystander_book, tmp_path)


# --- hooks before a commit --------------------------------------------------------------------------------------------


def hooks() -> dict[str, dict]:
    config = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    [repository] = config["repos"]
    assert repository["repo"] == "local"
    return {hook["id"]: hook for hook in repository["hooks"]}


@pytest.fixture
def small(tmp_path) -> Path:
    """A folder with one file for each hook, and the environment of the clone."""
    (tmp_path / ".venv").mkdir()
    # A folder of its own for the stamp of `make`, which must not lie in the real one.
    for name in ("bin", "lib", "pyvenv.cfg"):
        (tmp_path / ".venv" / name).symlink_to(Path(sys.prefix) / name)
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, tmp_path)
    (tmp_path / "notebooks").mkdir()
    for ending in (".py", ".ipynb"):
        shutil.copy(ROOT / "notebooks" / f"01_mtor_decline{ending}", tmp_path / "notebooks")
    (tmp_path / "a.py").write_text("print(1)\n", encoding="utf-8")
    (tmp_path / "a.md").write_text("A sentence.\n", encoding="utf-8")
    return tmp_path


def hook(folder: Path, name: str, *names: str) -> int:
    found = hooks()[name]
    assert found["language"] == "system"
    assert all(re.search(found.get("files", ""), one) for one in names)
    command = shlex.split(found["entry"]) + ([*names] if found.get("pass_filenames", True) else [])
    # `make` would find the lock newer than a stamp that is not there, and install.
    (folder / ".venv" / ".installed").touch()
    return subprocess.run(command, cwd=folder, capture_output=True).returncode


def test_the_hooks_are_these():
    assert set(hooks()) == {"ruff-check", "ruff-format", "pairs", "codespell", "prose", "workflows"}


@pytest.mark.parametrize("name", ["ruff-check", "ruff-format"])
def test_the_clone_itself_passes(name):
    command = [*shlex.split(hooks()[name]["entry"])[1:], "."]
    ran = subprocess.run([Path(sys.executable).with_name("ruff"), *command], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 0, ran.stdout


def test_hooks_stop_what_is_not(small):
    (small / "a.py").write_text("import os\nx = {  'a':1}\n", encoding="utf-8")
    assert hook(small, "ruff-check", "a.py")
    assert hook(small, "ruff-format", "a.py")
    (small / "a.md").write_text("A sentence.\n".replace("ten", "tan"), encoding="utf-8")
    assert hook(small, "codespell", "a.md")


@pytest.mark.slow
def test_the_hook_of_the_pairs_takes_outputs_away_and_syncs(small):
    path = small / "notebooks" / "01_mtor_decline.ipynb"
    notebook = nbformat.read(path, as_version=4)
    first = next(cell for cell in notebook.cells if cell.cell_type == "code")
    first.outputs, first.execution_count = [nbformat.v4.new_output("stream", text="1")], 3
    notebook.cells[0].source += "\n\nOne more sentence."
    nbformat.write(notebook, path)
    assert hook(small, "pairs", "notebooks/01_mtor_decline.ipynb") == 0
    cleared = nbformat.read(path, as_version=4)
    assert all(not cell.outputs and cell.execution_count is None for cell in cleared.cells if cell.cell_type == "code")
    assert "One more sentence." in path.with_suffix(".py").read_text(encoding="utf-8")
