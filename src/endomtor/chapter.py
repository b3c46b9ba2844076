"""What a chapter's notebook works with: its tables, its evidence, and how the two are shown."""

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, fields, replace
from functools import cached_property
from html import escape
from pathlib import Path

import numpy as np
import pandas as pd
from IPython import get_ipython
from IPython.display import Markdown, display

from endomtor import contract, figures, paths, reporting, worlds
from endomtor.analyses import CHAPTERS, Answer, synthesis
from endomtor.analyses.judge import Judge
from endomtor.claims import catalogue, evidence
from endomtor.contract import Dataset
from endomtor.errors import BuildError, ClaimsError, NotTestable
from endomtor.estimate import Estimate
from endomtor.figures import publish
from endomtor.markup import plain_in_markdown
from endomtor.provenance import Provenance
from endomtor.robustness import Robustness, Source, as_frame, of_chapter
from endomtor.stats import JointTable, log_rank, pairs, survival_curves
from endomtor.views import boxes

CALIBRATED_ONLY = "ENDOMTOR_CALIBRATED_ONLY"
"""Where the environment has this, a record that is not the calibrated analysis is an error: builds set it."""

_EQUAL = 1e-8
"""Relative tolerance within which a notebook's record is the calibrated analysis."""


class Chapter:
    """One chapter of the book, run on one data set.

    Attributes
    ----------
    name : str
        File name of the notebook without its ending, for example `03_ecko_phenotypes`.
    dataset : endomtor.contract.Dataset
    records : dict[str, endomtor.claims.evidence.Record]
        Evidence recorded so far, by id.
    """

    def __init__(self, name: str, dataset: Dataset):
        if name not in CHAPTERS:
            raise BuildError(f"there is no chapter {name!r}: expected one of {', '.join(CHAPTERS)}")
        self.name = name
        self.dataset = dataset
        self.records: dict[str, evidence.Record] = {}
        self._analysis = CHAPTERS[name]
        self._judge = Judge(dataset)
        self._sources: dict[str, Source] = {}

    @property
    def provenance(self) -> Provenance:
        """Where the chapter's own data (not the public ones) come from."""
        return self.dataset.provenance

    def table(self, name: str) -> pd.DataFrame:
        """Return a table of the data set, a copy: a DataFrame, single cells as AnnData or `endomtor.cells.StoredCells`.

        Raises
        ------
        NotTestable
            The data set has no such table.
        """
        table = self.dataset.get(name)
        if table is None:
            raise NotTestable(f"These data have no {name}: this section is not testable here.")
        return table.copy()

    def rule(self, evidence_id: str) -> catalogue.Rule:
        """Return the rule of a piece of evidence in `claims.toml`: its direction, its smallest effect of interest."""
        return catalogue.load().rule(evidence_id)

    def record(
        self,
        evidence_id: str,
        estimate: Estimate,
        *,
        family: str | None = None,
        provenance: Provenance | None = None,
        left_out: Mapping[str, Estimate] | None = None,
    ) -> evidence.Record:
        """Judge an estimate under its rule in `claims.toml` and keep the record; a second one replaces the first.

        The same estimate is computed by the function that calibration and robustness call, or for public data by the
        package. Where the two differ, a build fails, and a notebook that is run by hand marks the record as "not the
        calibrated analysis".

        Parameters
        ----------
        evidence_id : str
            For example `C1.signaling.pS6_S240_244`.
        estimate : Estimate
        family : str, optional
            Records of one family are adjusted together (Holm).
        provenance : Provenance, optional
            Of the public data behind a premise or a context row; the chapter's own data set when left out.
        left_out : mapping of str to Estimate, optional
            For public data: the estimate without each unit, by its name.

        Raises
        ------
        ClaimsError
            No rule covers the id, a prediction would be tested on other data than the chapter's own, or, in a build,
            the estimate is not the calibrated one.
        """
        record = self._judge.record(evidence_id, estimate, family=family, provenance=provenance)
        changed = self._difference(evidence_id, estimate)
        if changed and os.environ.get(CALIBRATED_ONLY):
            raise ClaimsError(
                f"{evidence_id}: {changed}, so this is not the calibrated analysis: "
                "change endomtor.analyses as well, or build with --changed-analysis"
            )
        record = replace(record, cell=_running_cell(), changed=bool(changed))
        self.records[evidence_id] = record
        self._sources[evidence_id] = Source(estimate, provenance, left_out or {})
        return record

    @cached_property
    def _calibrated(self) -> Mapping[str, Answer]:
        return self._analysis.answers(self.dataset.tables)

    @cached_property
    def _expected(self) -> Mapping[str, Estimate]:
        own = {name: answer.estimate for name, answer in self._calibrated.items()}
        return own | self._analysis.from_public()

    def _difference(self, evidence_id: str, estimate: Estimate) -> str:
        """Return how an estimate differs from the calibrated analysis, empty where it does not."""
        expected = self._expected.get(evidence_id)
        if expected is None:
            return "the calibrated analysis does not record it"
        for field in fields(Estimate):
            # What is said beside a number is no part of it.
            if field.name in ("warnings", "withheld"):
                continue
            ours, theirs = getattr(estimate, field.name), getattr(expected, field.name)
            if not _equal(ours, theirs):
                return f"{field.name} is {ours} here and {theirs} there"
        if bool(estimate.withheld) != bool(expected.withheld):
            return f"withheld is {estimate.withheld!r} here and {expected.withheld!r} there"
        return ""

    @property
    def _absent(self) -> list[str]:
        """The records that the calibrated analysis has and the notebook has not made; context decides nothing."""
        missing = set(self._expected) - set(self.records)
        return sorted(one for one in missing if self.rule(one).kind != "context")

    def _marked(self) -> list[evidence.Record]:
        """Return the records; where one is missing that the calibrated analysis has, its claim's others are marked."""
        absent = {name.split(".")[0] for name in self._absent}
        return [replace(one, changed=one.changed or one.claim in absent) for one in self.records.values()]

    def show(
        self,
        drawn: figures.Drawn | tuple,
        *,
        caption: str,
        alt: str,
        name: str,
        provenance: Provenance | None = None,
    ) -> None:
        """Show a figure with its provenance mark, caption, alt text and, folded away, its data.

        Parameters
        ----------
        drawn : Drawn, or tuple of Figure and DataFrame
            What a plot function of `endomtor.figures` returns, or a figure drawn inside `figures.house()` with the
            table of what it draws.
        caption : str
            Markdown; states the unit and n.
        alt : str
            Plain text that says what is seen, with the numbers.
        name : str
            What refers to the figure and names its CSV.
        provenance : Provenance, optional
            Of public data; the chapter's own data set when left out.
        """
        drawn = figures.Drawn(*drawn)
        figures.show(
            drawn.figure,
            caption=caption,
            alt=alt,
            provenance=provenance or self.provenance,
            data=drawn.table,
            name=name,
            interactive=drawn.interactive,
        )

    def show_survival(self, mice: pd.DataFrame, *, of: str, unit: str = "animal") -> None:
        """Draw Kaplan-Meier curves, described by who is alive at the end.

        Parameters
        ----------
        mice : DataFrame
            Rows of the table `survival`, one an animal, with `panel`: what one panel shows.
        of : str
            Whose survival, for the caption.
        unit : str
            Column of the units whose number in each panel and group stands in the caption.
        """
        died = mice.assign(died=mice["event"] != "censored")
        curves = survival_curves(died, time="day", died="died", by=["panel", "group"])
        at_end = curves.groupby(["panel", "group"])["alive, %"].last()
        n = [f"{plain_in_markdown(panel)}: {reporting.units_text(own, unit)}" for panel, own in mice.groupby("panel")]
        alive = [f"{panel}, {reporting.named(group)} {share:.0f}" for (panel, group), share in at_end.items()]
        self.show(
            figures.survival(curves),
            caption=f"Survival of {of} (Kaplan-Meier). Unit: {reporting.endpoint_text(unit)}; {'; '.join(n)}. "
            "Descriptive.",
            alt=f"Kaplan-Meier curves. Alive at the end, %: {'; '.join(alive)}.",
            name="fig-kaplan-meier",
        )

    def log_ranks(self, mice: pd.DataFrame, *, contrasts: Iterable[tuple[str, str]] = (), unit: str = "animal") -> None:
        """Say for each panel what the log-rank test gives, within sexes and batches where these vary within a group.

        Parameters
        ----------
        mice : DataFrame
            As for `show_survival`, one row a unit.
        contrasts : iterable of (str, str)
            Groups to compare; `endomtor.stats.pairs` where they are left out.
        unit : str
        """
        about = {"time": "day", "died": "died", "group": "group", "unit": unit, "strata": ["sex", "batch"]}
        lines = []
        for panel, rows in mice.assign(died=mice["event"] != "censored").groupby("panel"):
            for a, b in contrasts or pairs(rows["group"]):
                test = log_rank(rows, a=a, b=b, **about)
                within = f" within {' and '.join(test.strata)}" if test.strata else ""
                found = f"log-rank χ²{within} {reporting.number(test.statistic)}, {reporting.p_text(test.p)}"
                who = f"{plain_in_markdown(panel)}, {reporting.named(a)} against {b}"
                lines.append(f"- {who}: {test.withheld or found}")
        reporting.describe("\n".join(lines) or "There are no two groups to compare.")

    def show_table(self, frame: pd.DataFrame, *, caption: str, provenance: Provenance | None = None, **more) -> None:
        """Show a table with its provenance mark and caption; `more` as for `figures.table`."""
        figures.table(frame, caption=caption, provenance=provenance or self.provenance, **more)

    def results(self, prefix: str, *, caption: str) -> None:
        """Show the evidence whose id begins with `prefix` as a table: estimate, interval, p, verdict.

        Unit, n, estimand and method stand in the caption, since words in columns are hard to read on a phone. Context
        gets no verdict. The row whose id is `prefix` itself goes by the last part of it.
        """
        records = [one for one in evidence.adjusted(self.records.values()) if one.id.startswith(prefix)]
        if not records:
            return
        names = [one.id.removeprefix(prefix).strip(".") or one.id.rpartition(".")[2] for one in records]
        columns = {
            "": [
                re.sub(r"^p(\d+)$", r"passage \1", reporting.endpoint_text(name)).replace(".", ", ") for name in names
            ],
            "estimate": [boxes.value(asdict(record)) for record in records],
            "95 %": [boxes.limits(asdict(record)) for record in records],
            "p": [_p(record.p) for record in records],
            "p (Holm)": [_p(record.p_adjusted) for record in records],
        }
        origins = [self._sources[record.id].provenance or self.provenance for record in records]
        kind, example = origins[0].kind, origins[0].example
        if any(record.kind != "context" for record in records):
            columns[boxes.heading(kind, example=example)] = [boxes.record_word(asdict(record)) for record in records]
        for what in ("estimand", "unit", "method"):
            values = list(dict.fromkeys(reporting.estimand_text(getattr(record, what)) for record in records))
            # Where rows have estimands of their own, their names say it.
            if what != "estimand" or len(values) == 1:
                caption += f" {what.capitalize()}: {'; '.join(values)}."
        caption += f" {reporting.n_text(records)}."
        figures.table(
            pd.DataFrame(columns).dropna(axis="columns", how="all"),
            caption=caption,
            provenance=origins[0] if len(set(origins)) == 1 else None,
        )

    def unit_values(self) -> tuple[dict[str, JointTable], dict[str, str]]:
        """Return the values that chapters 03 to 05 test in their primary phis; see `analyses.synthesis.unit_values`."""
        return synthesis.unit_values(self.dataset)

    def robustness(self) -> dict[str, Robustness]:
        """Count in how many variants of the analysis each verdict holds, write that into the records, and describe it.

        Returns
        -------
        dict[str, Robustness]
            By evidence id, then by the claims that have a verdict here. Records that the chapter's function does not
            make (context), and those that are not the calibrated analysis, get no count.
        """
        found = of_chapter(self._judge, self._analysis, self._calibrated, self.records, self._sources)
        for name, one in found.items():
            if name in self.records:
                self.records[name] = replace(self.records[name], fragility=one.counts)
        wanted = [one for one in found.values() if one.primary and one.kind != "prediction"]
        lines = [f"- {one.sentence(one.id if one.kind == 'claim' else f'the {_in_words(one.id)}')}" for one in wanted]
        display(Markdown("\n".join(lines) or "These data give this chapter no verdict that could change."))
        return found

    def show_robustness(self, found: Mapping[str, Robustness]) -> None:
        """Draw the estimate of each primary prediction in all its variants, on the axis of its effect."""
        shown = {_in_words(one.id): one for one in found.values() if one.primary and one.kind == "prediction"}
        if not shown:
            return
        full = [self.records[one.id] for one in shown.values()]
        phi = self.rule(full[0].id).rule == "phi"
        drawn = figures.robustness(
            as_frame(shown, self.records),
            xlabel="phi: how far ECKO went from young to aged" if phi else full[0].estimand.partition(",")[0],
            references={0: "young", 1: "aged"} if phi else {0: "no difference"},
        )
        self.show(
            drawn,
            caption="Primary predictions: all data with the 95 % interval, below it a mark for each variant. Dotted: "
            f"smallest effect of interest. Unit: {' or '.join(dict.fromkeys(one.unit for one in full))}; "
            f"{reporting.n_text(full)}. A description, no test.",
            alt="Strips of variants, one for each primary prediction. "
            + "; ".join(f"{name}: {one.estimates_text()}" for name, one in shown.items())
            + ".",
            name="fig-robustness",
        )

    def verdict(self, claim_id: str) -> None:
        """Show the verdict box of a claim."""
        whole = self._judge.ledger(self._marked())
        claim = next(entry for entry in whole["claims"] if entry["id"] == claim_id)
        show_html(boxes.verdict_html(claim, whole), boxes.verdict_text(claim, whole["dataset"]))

    def lead(self, sentence: str, *sources: Provenance) -> None:
        """Show what public data say of real mice, as the first sentence of the page, marked with where it is from."""
        labels = "; ".join(one.label for one in sources)
        show_html(
            f'<p class="endomtor-lead endomtor-box-public"><strong>Real mice.</strong> {escape(sentence)} '
            f'<span class="endomtor-reason">{escape(labels)}</span></p>',
            f"Real mice. {sentence} ({labels})",
        )

    def data_box(self) -> None:
        """Show which data this page used: title, kind, source, design, units per group, exclusions, warnings."""
        tables = self._analysis.tables
        design = "; ".join(f"{key}: {value}" for key, value in self.dataset.design_rows())
        absent = [
            f"{contract.TABLES[name].file}: not in these data." for name in tables if self.dataset.get(name) is None
        ]
        sentences = [f"Source: {self.provenance.source}", f"Design: {design}.", *self.dataset.design_tells(self.name)]
        sentences += [*self.dataset.describe(tables), *absent]
        show_data(self.provenance, sentences)

    def write(self) -> None:
        """Write the evidence of the chapter, an empty list when it has none.

        Raises
        ------
        ClaimsError
            In a build: the calibrated analysis has a record that the notebook has not made.
        """
        absent = self._absent
        if absent and os.environ.get(CALIBRATED_ONLY):
            raise ClaimsError(f"{self.name} does not record {', '.join(absent)}, which the calibrated analysis does")
        evidence.write(paths.evidence_dir() / f"{self.name}.json", evidence.adjusted(self._marked()))


def _equal(ours: object, theirs: object) -> bool:
    """Compare two fields of an estimate, numbers within `_EQUAL`."""
    if isinstance(ours, str | dict) or ours is None or theirs is None:
        return ours == theirs
    return bool(np.allclose(ours, theirs, rtol=_EQUAL, atol=_EQUAL, equal_nan=True))


def _p(p: float | None) -> str | None:
    """Return p as a cell below its name: `0.012`, `< 0.001`."""
    return None if p is None else re.sub("^p =? ?", "", reporting.p_text(p))


def _in_words(evidence_id: str) -> str:
    """Return an id without its claim as it is printed: `blood, myeloid balance`."""
    return reporting.endpoint_text(evidence_id.partition(".")[2]).replace(".", ", ")


def open_chapter(name: str, data_dir: str = "", world: str = "paper", seed: int = 1) -> Chapter:
    """Open the chapter on a data directory or, when none is given, on a simulated world.

    A simulated world is written once to `_build/data/` and read from there.

    Raises
    ------
    ContractError
        The data directory breaks the contract.
    WorldError
        There is no such world.
    """
    folder = Path(data_dir) if data_dir else paths.build_dir() / "data" / f"{world}-{seed}"
    if not data_dir and not (folder / "dataset.toml").is_file():
        worlds.simulate(world, seed=seed, out=folder)
    return Chapter(name, contract.load(folder))


def _running_cell() -> int | None:
    shell = get_ipython()
    # The inputs so far, after an empty one. `execution_count` is already the next cell's in some versions of IPython.
    return len(shell.history_manager.input_hist_parsed) - 1 if shell else None


def show_data(provenance: Provenance, sentences: list[str]) -> None:
    """Show the box that says which data a page used: their provenance, then sentences on them."""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    simulated = "<p>Simulated mice show that an analysis works, not what mice do.</p>"
    show_html(
        f'<aside class="endomtor-data endomtor-box-{publish.kind_of(provenance)}" aria-label="Data used on this page">'
        f"<p>Data used on this page: <strong>{escape(provenance.label)}</strong></p>"
        f"{simulated * (provenance.kind == 'simulated')}"
        f"<details><summary>Source, design, animals, what was left out</summary><ul>{items}</ul></details></aside>",
        "\n".join([provenance.label, *sentences]),
    )


def show_html(html: str, text: str) -> None:
    """Show HTML in a notebook, with plain text for readers without it."""
    display({"text/html": html, "text/plain": text}, raw=True)
