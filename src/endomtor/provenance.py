"""Where a number comes from. Every table, figure and verdict carries one of these."""

from dataclasses import asdict, dataclass

KINDS = ("measured", "public", "simulated")


@dataclass(frozen=True)
class Provenance:
    """The origin of a data set.

    Attributes
    ----------
    kind : {"measured", "public", "simulated"}
    title, source : str
        A name to show and a DOI, URL or sentence.
    sha256 : str
        Over the bytes of every file that was read.
    world, seed : str, int or None
        Set for simulated data only.
    example : bool
        True when the data were invented to show the format.
    frozen : bool
        True when a table was read from `data/derived/`, not computed in this run.
    """

    kind: str
    title: str
    source: str
    sha256: str
    world: str | None = None
    seed: int | None = None
    example: bool = False
    frozen: bool = False

    def __post_init__(self):
        if self.kind not in KINDS:
            raise ValueError(f"provenance kind is {self.kind!r}, expected one of {', '.join(KINDS)}")

    @property
    def label(self) -> str:
        """A short text for figures and boxes, beginning with the kind in capitals."""
        frozen = " · frozen table" if self.frozen else ""
        if self.kind == "simulated":
            return f"SIMULATED · world “{self.world}”, seed {self.seed} · numbers assumed{frozen}"
        if self.example:
            return f"EXAMPLE · {self.title} · invented to show the format"
        return f"{self.kind.upper()} · {self.title}{frozen}"

    def as_dict(self) -> dict:
        """Return the fields of an evidence record's `provenance`."""
        return {key: value for key, value in asdict(self).items() if key != "frozen"}
