"""A sweep on a real Slurm: Debian's `slurm-wlm` on the loopback, with its daemons killed in the middle.

It needs root, the programs, and Snakemake's plugin (`pip install --group slurm`); else it is skipped with a reason.
Slurm's configuration lies in /etc/slurm, since jobs look nowhere else; a machine that has one already is left alone.
"""

import importlib.util
import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest
import yaml

from endomtor import paths, sweep
from endomtor.building.performance import Row
from test_sweep import PLAIN, begin, files_of, finish

PROGRAMS = ("slurmctld", "slurmd", "munged", "sbatch", "squeue", "scancel", "sinfo")
PLUGINS = ("snakemake_executor_plugin_slurm", "snakemake_executor_plugin_slurm_jobstep")
CONFIG = Path("/etc/slurm/slurm.conf")


def reason() -> str:
    """Say why there can be no Slurm here, or nothing."""
    if os.geteuid():
        return "starting Slurm's daemons takes root"
    lacking = [name for name in PROGRAMS if not shutil.which(name)]
    lacking += [name for name in PLUGINS if importlib.util.find_spec(name) is None]
    if lacking:
        return f"not here: {', '.join(lacking)}"
    return f"{CONFIG} is there: this machine has a Slurm of its own" if CONFIG.exists() else ""


pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(reason()), reason=reason())]


class Slurm:
    """One node on the loopback, with everything but its configuration in a folder."""

    def __init__(self, folder: Path):
        self.folder, self.daemons = folder, {}
        host = socket.gethostname().split(".")[0]
        controller, node = free_ports(2)
        CONFIG.parent.mkdir(parents=True, exist_ok=True)
        CONFIG.write_text(
            f"""\
ClusterName=endomtor
SlurmctldHost={host}(127.0.0.1)
SlurmUser=root
SlurmctldPort={controller}
SlurmdPort={node}
AuthType=auth/munge
AuthInfo=socket={folder}/munge.socket
ProctrackType=proctrack/pgid
TaskPlugin=task/none
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
JobAcctGatherType=jobacct_gather/none
ReturnToService=2
SlurmdTimeout=10
MinJobAge=600
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=2000 State=UNKNOWN
PartitionName=loopback Nodes={host} Default=YES MaxTime=INFINITE State=UP
"""
        )
        for name in ("state", "spool"):
            (folder / name).mkdir()
        key = folder / "munge.key"
        key.write_bytes(secrets.token_bytes(1024))
        key.chmod(0o400)
        munge = [f"--{what}-file={folder}/munge.{what}" for what in ("key", "pid", "log", "seed")]
        # munged insists on folders that nobody else may write; a folder of a test is private already.
        self.start("munged", "--foreground", "--force", f"--socket={folder}/munge.socket", *munge)
        until(lambda: (folder / "munge.socket").exists(), 30)
        self.start("slurmctld", "-D")
        self.start("slurmd", "-D")
        until(lambda: "idle" in self.ask("sinfo", "--noheader", "--format=%T"), 60)

    def start(self, name: str, *arguments: str) -> None:
        """Start a daemon; its messages go to a file."""
        with open(self.folder / f"{name}.out", "a") as stream:
            self.daemons[name] = subprocess.Popen(
                [shutil.which(name), *arguments], stdout=stream, stderr=stream, start_new_session=True
            )

    def ask(self, *words: str) -> str:
        return subprocess.run(words, capture_output=True, text=True, timeout=60).stdout

    def running(self) -> int:
        return len(self.ask("squeue", "--noheader", "--states=running").splitlines())

    def kill(self, name: str) -> None:
        process = self.daemons.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def stop(self) -> None:
        """End the jobs and the daemons, and take the configuration away."""
        self.ask("scancel", "--user=root", "--signal=KILL")
        until(lambda: not self.ask("squeue", "--noheader"), 60, strict=False)
        for name in list(self.daemons):
            self.kill(name)
        CONFIG.unlink()


def free_ports(count: int) -> list[int]:
    held = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in held]
    for one in held:
        one.close()
    return ports


def until(true, seconds: float, *, strict: bool = True) -> None:
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            assert not strict, f"waited {seconds} s for nothing"
            return
        time.sleep(0.2)


@pytest.fixture
def slurm(tmp_path_factory):
    folder = tmp_path_factory.mktemp("slurm")
    found = None
    try:
        found = Slurm(folder)
        yield found
    finally:
        if found is not None:
            found.stop()
        else:
            CONFIG.unlink(missing_ok=True)


def profile_in(folder: Path) -> Path:
    """Write the profile of the repository with what a Slurm this small needs, as a site would."""
    profile = yaml.safe_load((paths.root() / "workflow" / "profiles" / "slurm" / "config.yaml").read_text())
    profile |= {"slurm-status-command": "squeue", "seconds-between-status-checks": 2, "latency-wait": 5}
    profile["default-resources"] |= {"slurm_partition": "loopback", "mem_mb": 50, "runtime": 30}
    folder.mkdir()
    (folder / "config.yaml").write_text(yaml.safe_dump(profile))
    return folder


def test_forty_jobs_with_slurmd_and_the_submitter_killed(slurm, tmp_path, keep):
    grid = tmp_path / "grid.toml"
    # 2 worlds, 2 n, 2 phi, 15 cohorts in jobs of 3: 40 jobs.
    grid.write_text(PLAIN.replace("count = 4", "count = 15").replace("job = 2", "job = 3"))
    assert len(sweep.read(grid).jobs()) == 40
    for name in ("cluster", "here"):
        (tmp_path / name).mkdir()
    out, profile = tmp_path / "cluster" / "out.parquet", profile_in(tmp_path / "profile")
    build = tmp_path / "cluster" / "build"

    began = time.monotonic()
    first = begin(grid, out, "--profile", str(profile))
    until(lambda: len(files_of(build)) >= 6 or first.poll() is not None, 1800)
    assert first.poll() is None, first.communicate()[1]
    # The submitter with its Snakemake, then the node's daemon with jobs on it.
    os.killpg(first.pid, signal.SIGKILL)
    first.wait()
    until(lambda: slurm.running() > 0, 60, strict=False)
    slurm.kill("slurmd")
    there = files_of(build)
    assert 6 <= len(there) < 40
    assert not out.exists()

    slurm.start("slurmd", "-D")
    said = finish(begin(grid, out, "--profile", str(profile)))
    seconds = time.monotonic() - began
    assert "of 120 cohorts are there already" in said
    # What was there before is the same file still; each job has one, and there is none besides.
    now = files_of(build)
    # By inode: Snakemake sets the time of a file anew when its job has ended.
    assert [now[name][0] for name in there] == [inode for inode, _ in there.values()]
    assert set(now) == {f"{job.name}.parquet" for job in sweep.read(grid).jobs()}

    table, _ = sweep.result(out)
    assert not table.duplicated(["world", "n", "phenocopy", "seed", "id"]).any()
    assert (table.groupby(["world", "n", "phenocopy"])["seed"].nunique() == 15).all()
    finish(begin(grid, tmp_path / "here" / "out.parquet", "--jobs", "2"))
    assert out.read_bytes() == (tmp_path / "here" / "out.parquet").read_bytes()
    note = (
        f"{len(now)} jobs of 3 cohorts on a Slurm of one node on the loopback; the submitting process and then slurmd "
        f"were killed when {len(there)} jobs had their file. The other files are those of before, the table has every "
        "cohort once, and its bytes are those of a run without Slurm."
    )
    rows = [
        Row("jobs lost or doubled", 0, "", 0, note=note),
        Row("both runs together", seconds, "s", note="Mostly the time that Snakemake waits between two questions."),
    ]
    keep("slurm", "A sweep on Slurm", rows)
