"""Sweeps: what a grid may say, that a killed one goes on, that each way of running gives the same bytes."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import pytest

from conftest import at_work, until
from endomtor import calibration, paths, sweep, worlds
from endomtor.building import power_page
from endomtor.calibration import cohorts
from endomtor.claims import verdicts
from endomtor.errors import BuildError, WorldError

ROOT = Path(__file__).resolve().parents[1]
PLAIN = """\
title = "Small"
worlds = ["paper", "bystander"]
parts = ["expression"]
seeds = { first = 5000, count = 4 }
cohorts_per_job = 2

[parameters]
n = [3, 4]
phenocopy = [0.0, 0.75]
"""


@pytest.fixture
def grid(tmp_path, monkeypatch):
    """Write a grid and return its file; jobs keep their files in a build folder of the test."""
    monkeypatch.setenv("ENDOMTOR_BUILD", str(tmp_path / "build"))
    file = tmp_path / "grid.toml"
    file.write_text(PLAIN)
    return file


def files_of(build: Path) -> dict[str, tuple[int, int]]:
    """Name, inode and time of each job's file: a job that ran again would have left another file."""
    return {one.name: (one.stat().st_ino, one.stat().st_mtime_ns) for one in build.glob("sweeps/*.parquet")}


# --- the grid ---


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('title = "Small"\n', "", "key 'title' is missing"),
        ('"bystander"', '"bystandr"', "worlds has 'bystandr' (did you mean 'bystander'?)"),
        ('["expression"]', '["expressions"]', "parts has 'expressions' (did you mean 'expression'?)"),
        (
            "[parameters]",
            'ids = ["C3.marrow.HSCs", "C3"]\n[parameters]',
            "'C3.marrow.HSCs' (did you mean 'C3.marrow.HSC'?)",
        ),
        ("count = 4", "count = 0", "seeds.count is 0, expected an integer of at least 1"),
        ("job = 2", "job = 2.5", "cohorts_per_job is 2.5, expected an integer"),
        ("phenocopy", "phenocpy", "parameters.phenocpy = 0.0 cannot be"),
        ("phenocopy = ", "endpoints.design.donors = ", "unknown key 'donors' (did you mean"),
        ("[0.0, 0.75]", '[0.0, "high"]', "expected a list of numbers"),
        ("phenocopy = [0.0", "endpoints.spread.batch = [-1.0", "parameters.endpoints.spread.batch = -1.0 cannot be"),
        ("phenocopy = [0.0, 0.75]", "endpoints.design.transplant_passages = [4]", "one for each of 4 passages"),
        ("n = [3, 4]\nphenocopy = [0.0, 0.75]", "", "expected a table with a list of values for each parameter"),
    ],
)
def test_a_fault_of_the_grid_is_one_sentence(grid, old, new, said):
    assert old in PLAIN
    grid.write_text(PLAIN.replace(old, new))
    with pytest.raises(WorldError) as raised:
        sweep.read(grid)
    assert str(raised.value).startswith("grid.toml: ")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)


def test_a_cell_is_a_world_with_a_value_of_each_parameter(grid):
    cells = list(sweep.read(grid).cells())
    assert [(world, *values.values()) for world, values, _ in cells] == [
        (world, n, phi) for world in ("paper", "bystander") for n in (3, 4) for phi in (0.0, 0.75)
    ]
    world, values, changes = cells[3]
    drawn = worlds.load(world, changes)
    assert drawn.phenocopy == values["phenocopy"]
    design = drawn.endpoints.design
    assert (design.marrow_animals, design.transcriptome_animals, design.dilution_donors) == (4, 4, 4)
    assert (design.transplant_pools, design.cells_per_animal) == (2, 40)


def test_a_job_is_named_by_what_is_in_it(grid):
    before = [job.name for job in sweep.read(grid).jobs()]
    assert len(set(before)) == len(before) == 16
    grid.write_text(PLAIN.replace("count = 4", "count = 6").replace("[3, 4]", "[4, 3, 5]").replace("Small", "Larger"))
    after = [job.name for job in sweep.read(grid).jobs()]
    assert len(set(after)) == len(after) == 36
    assert set(before) < set(after)
    grid.write_text(PLAIN.replace("first = 5000", "first = 5001"))
    assert not set(before) & {job.name for job in sweep.read(grid).jobs()}


# --- the results ---


def test_two_seeds_are_those_of_the_calibration(grid, tmp_path):
    grid.write_text(PLAIN.replace("count = 4", "count = 2").replace("[3, 4]", "[3]").replace("[0.0, 0.75]", "[0.5]"))
    sweep.sweep(grid, tmp_path / "out.parquet")
    table, about = sweep.result(tmp_path / "out.parquet")
    assert list(table) == ["world", "n", "phenocopy", "part", *sweep.COLUMNS]
    assert (about["cohorts"], about["first"], about["parameters"]) == (2, 5000, ["n", "phenocopy"])
    for world, _, changes in sweep.read(grid).cells():
        scenario = calibration.Scenario("own", "", world, ("expression",), changes, {}, (), (), {}, "")
        answers = [one for seed in (5000, 5001) for one in cohorts.cohort(scenario, seed, "expression")[0]]
        wanted = cohorts.frames(answers, [])[0].sort_values(["seed", "id"])[list(sweep.COLUMNS)]
        own = table.loc[table["world"] == world, list(sweep.COLUMNS)]
        pd.testing.assert_frame_equal(own.reset_index(drop=True), wanted.reset_index(drop=True), rtol=1e-10)


def test_only_the_ids_that_are_asked_for_are_kept(grid, tmp_path):
    small = PLAIN.replace("count = 4", "count = 1").replace("[3, 4]", "[3]").replace("[0.0, 0.75]", "[0.5]")
    grid.write_text(small.replace("[parameters]", 'ids = ["C4"]\n[parameters]'))
    table = sweep.sweep(grid, tmp_path / "out.parquet")
    assert table["id"].tolist() == ["C4", "C4"]
    there = files_of(tmp_path / "build")
    grid.write_text(small)
    assert set(sweep.sweep(grid, tmp_path / "out.parquet")["id"]) > {"C4"}
    assert files_of(tmp_path / "build") == there


def test_code_that_changed_under_a_job_is_not_passed_off_as_the_old_one(grid, tmp_path):
    job = sweep.read(grid).jobs()[0]
    older = sweep.Job(**{**job.__dict__, "code": "0" * 64})
    with pytest.raises(BuildError, match="the code has changed since this sweep began"):
        sweep.work(older, tmp_path)
    assert not list(tmp_path.glob("*.parquet"))


def test_a_damaged_file_of_a_job_is_named(grid, tmp_path):
    sweep.folder().mkdir(parents=True)
    for job in sweep.read(grid).jobs():
        (sweep.folder() / f"{job.name}.parquet").write_bytes(b"")
    with pytest.raises(BuildError, match=r"paper-expression-\w+\.parquet: cannot be read as Parquet.*delete it"):
        sweep.sweep(grid, tmp_path / "out.parquet")


def test_a_profile_is_a_folder_or_a_name(tmp_path):
    assert sweep.profile_of("slurm") == paths.root() / "workflow" / "profiles" / "slurm"
    (tmp_path / "config.yaml").write_text("cores: 1\n")
    assert sweep.profile_of(str(tmp_path)) == tmp_path
    with pytest.raises(BuildError, match=r"'slrum' \(did you mean 'slurm'\?\)"):
        sweep.profile_of("slrum")


# --- the page ---


def cells(rates: dict[tuple[int, float], int], of: int = 10) -> pd.DataFrame:
    """A result in which so many of the cohorts at each n and phi support claim C3."""
    rows = [
        ("paper", n, phi, "tables", seed, "C3", verdicts.SUPPORTED if seed < hits else verdicts.INCONCLUSIVE)
        for (n, phi), hits in rates.items()
        for seed in range(of)
    ]
    return pd.DataFrame(rows, columns=["world", "n", "phenocopy", "part", "seed", "id", "word"])


def test_the_surface_counts_cohorts_that_support():
    found = power_page.surface(cells({(4, 0.25): 0, (4, 0.5): 3, (8, 0.25): 1, (8, 0.5): 10}))
    assert found["true"].tolist() == [False, True] * 2
    assert found[["n", "phenocopy", "supported", "cohorts", "rate"]].to_numpy().tolist() == [
        [4, 0.25, 0, 10, 0.0],
        [4, 0.5, 3, 10, 0.3],
        [8, 0.25, 1, 10, 0.1],
        [8, 0.5, 10, 10, 1.0],
    ]
    # Clopper and Pearson: of none of ten the upper limit is 1 - 0.025^(1/10).
    assert found["low"].iloc[0] == 0
    assert found["high"].iloc[0] == pytest.approx(1 - 0.025**0.1)
    assert found["low"].iloc[3] == pytest.approx(0.025**0.1)


def test_the_table_is_marked_and_bold_where_the_power_is_reached():
    html = power_page.html(cells({(4, 0.0): 9, (4, 0.5): 7, (8, 0.0): 0, (8, 0.5): 8}))
    assert "SIMULATED" in html
    assert "numbers assumed" in html
    bold = re.findall(r'endomtor-count endomtor-wanted">([^<]*)<', html)
    # A false alarm is no power, however often it rings.
    assert bold == ["80 %"]
    assert re.findall(r'scope="row">([^<]*)<', html) == ["n = 4", "n = 8"]
    assert re.findall(r'scope="col">([^<]*)<', html) == ["units", "φ = 0", "φ = 0.5"]


def test_a_book_on_other_data_shows_no_simulated_power():
    left_out = power_page.text({"dataset": {"provenance": "measured"}})
    assert left_out == power_page.LEFT_OUT
    assert not re.search(r"[0-9]", left_out)
    assert "SIMULATED" in power_page.text({"dataset": {"provenance": "simulated"}})
    assert "SIMULATED" in power_page.text(None)


def test_the_frozen_result_is_that_of_its_grid():
    grid, (table, about) = sweep.read(ROOT / power_page.GRID), sweep.result(power_page.frozen())
    assert about["grid"] == grid.hash
    counts = table.groupby(["world", *grid.names, "id"])["seed"].nunique()
    assert len(counts) == len(list(grid.cells())) * len(grid.ids)
    assert (counts == grid.count).all()


def test_cohorts_of_the_frozen_result_are_drawn_again():
    grid, (table, _) = sweep.read(ROOT / power_page.GRID), sweep.result(power_page.frozen())
    world, values, changes = list(grid.cells())[-1]
    for part in grid.parts:
        scenario = calibration.Scenario("own", "", world, (part,), changes, {}, (), (), {}, "")
        answers, _ = cohorts.cohort(scenario, grid.first, part)
        now = {one["id"]: one["word"] for one in answers if one["id"] in grid.ids}
        own = table[(table["part"] == part) & (table["seed"] == grid.first)]
        own = own[(own[list(values)] == pd.Series(values)).all(axis=1)]
        assert now == dict(zip(own["id"], own["word"], strict=True))
        assert now


# --- killed, and run in other ways ---


def begin(grid: Path, out: Path, *further: str) -> subprocess.Popen:
    """Start `endomtor sweep` at the head of a group of processes."""
    command = [sys.executable, "-c", "from endomtor.cli import main; main()", "sweep"]
    return subprocess.Popen(
        [*command, str(grid), "--out", str(out), *further],
        cwd=ROOT,
        env=os.environ | {"ENDOMTOR_BUILD": str(out.parent / "build")},
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen) -> str:
    _, said = process.communicate(timeout=1800)
    assert process.returncode == 0, said
    return said


@pytest.mark.slow
def test_a_killed_sweep_goes_on_where_it_was(grid, tmp_path):
    first, second, third = (tmp_path / name for name in ("first", "second", "third"))
    for one in (first, second, third):
        one.mkdir()
    process = begin(grid, first / "out.parquet", "--jobs", "2")
    while len(files_of(first / "build")) < 3 and process.poll() is None:
        time.sleep(0.05)
    # Only the process at the head: those that it started must see that it is gone.
    process.send_signal(signal.SIGKILL)
    process.wait()
    # As in `test_stops`, which sends signals to the whole group.
    assert until(lambda: not at_work(f"ENDOMTOR_BUILD={first / 'build'}"), seconds=3)
    there = files_of(first / "build")
    assert 3 <= len(there) < 16
    assert not (first / "out.parquet").exists()

    said = finish(begin(grid, first / "out.parquet", "--jobs", "2"))
    assert f"{2 * len(there)} of 32 cohorts are there already" in said
    assert there.items() <= files_of(first / "build").items()

    finish(begin(grid, second / "out.parquet", "--jobs", "1"))
    assert (first / "out.parquet").read_bytes() == (second / "out.parquet").read_bytes()

    profile = tmp_path / "profile"
    profile.mkdir()
    (profile / "config.yaml").write_text("cores: 2\n")
    finish(begin(grid, third / "out.parquet", "--profile", str(profile)))
    assert (first / "out.parquet").read_bytes() == (third / "out.parquet").read_bytes()
    assert files_of(third / "build").keys() == files_of(first / "build").keys()
    assert not list((third / "build" / "sweeps").glob("settings-*"))


@pytest.mark.slow
def test_what_snakemake_says_of_a_failure_is_shown(grid, tmp_path):
    (tmp_path / "config.yaml").write_text("cores: 1\nexecutor: nowhere\n")
    process = begin(grid, tmp_path / "out.parquet", "--profile", str(tmp_path))
    _, said = process.communicate(timeout=300)
    assert process.returncode == 1
    assert "Snakemake could not run the sweep" in said
    assert "nowhere" in said
