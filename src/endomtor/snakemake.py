"""What is told to Snakemake and read of it, for builds and for sweeps."""

from pathlib import Path


def escaped(command: str) -> str:
    """Return a shell command as a rule takes it: Snakemake formats it, so braces are doubled."""
    return command.replace("{", "{{").replace("}", "}}")


def tail(log: Path, lines: int = 8) -> str:
    """Return the last lines of a log, for a message."""
    return "\n".join(log.read_text(encoding="utf-8").strip().splitlines()[-lines:])
