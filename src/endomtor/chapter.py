"""What a chapter's notebook works with: its data set, its evidence, the boxes that it shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import wraps
from html import escape
from pathlib import Path

import pandas as pd
from IPython import get_ipython
from IPython.display import display

from endomtor import contract, figures, paths, reporting, worlds
from endomtor import robustness as fragility
from endomtor.claims import catalogue, evidence, ledger
from endomtor.contract import Dataset
from endomtor.errors import ClaimsError
from endomtor.estimate import Estimate
from endomtor.figures import publish
from endomtor.provenance import Provenance
from endomtor.views import boxes


@dataclass(frozen=True)
class Recorded:
    """What a record was made from; see `Chapter.record`."""

    estimate: Estimate
    provenance: Provenance
    table: str | None = None
    others: Callable[[], Mapping[str, Estimate]] = dict
    left_out: Callable[[], Mapping[str, Estimate]] = dict


class Chapter:
    """One chapter of the book, run on one data set.

    Attributes
    ----------
    name : str
        File name of the notebook without its ending, for example `03_ecko_phenotypes`.
    dataset : endomtor.contract.Dataset
    records : list[endomtor.claims.evidence.Record]
        Evidence recorded so far.
    sources : dict[str, Recorded]
        Id of a record to what it was made from.
    """

    def __init__(self, name: str, dataset: Dataset):
        self.name = name
        self.dataset = dataset
        self.records: list[evidence.Record] = []
        simulated = dataset.provenance.kind == "simulated"
        self._truth = worlds.load(dataset.provenance.world).truth if simulated else None
        self.sources: dict[str, Recorded] = {}

    @property
    def provenance(self) -> Provenance:
        """Where the chapter's own data (not the public ones) come from."""
        return self.dataset.provenance

    def record(
        self,
        evidence_id: str,
        estimate: Estimate,
        *,
        table: str | None = None,
        compared: Sequence[str] = (),
        family: str | None = None,
        provenance: Provenance | None = None,
        others: Callable[[], Mapping[str, Estimate]] = dict,
        left_out: Callable[[], Mapping[str, Estimate]] = dict,
    ) -> evidence.Record:
        """Judge an estimate under its rule in `claims.toml` and keep the record.

        Parameters
        ----------
        table : str, optional
            Where the estimate's data come from. The verdict is withheld when sex or batch cannot be told from the
            groups compared in it.
        compared : sequence of str, optional
            Those groups; the groups of `estimate.n` when left out.
        family : str, optional
            Records of one family are adjusted together (Holm).
        provenance : Provenance, optional
            Of the public data behind a premise or a context row; the chapter's own data set when left out.
        others, left_out : callable, optional
            What only `fragility` calls: they return the same quantity by other defensible tests, by name, and, for
            public data, which are no table of the data set, the estimate without each unit, by its name.

        Raises
        ------
        ClaimsError
            No rule covers the id, or a prediction would be tested on other data than the chapter's own.
        """
        rule = catalogue.load().rule(evidence_id)
        if provenance is not None and rule.kind == "prediction":
            raise ClaimsError(
                f"{evidence_id} is a prediction: it is tested on the chapter's data, not {provenance.title!r}"
            )
        reason = self.dataset.withheld(table, *(compared or estimate.n)) if table else ""
        if reason and not estimate.withheld:
            estimate = replace(estimate, withheld=reason)
        source = Recorded(estimate, provenance or self.provenance, table, others, left_out)
        record = replace(self.judged(rule, source, family=family), cell=_running_cell())
        self.records.append(record)
        self.sources[record.id] = source
        return record

    def judged(self, rule: catalogue.Rule, source: Recorded, *, family: str | None = None) -> evidence.Record:
        """Return the record of an estimate under a rule, and keep nothing."""
        truth = self._truth(rule.id) if rule.kind == "prediction" and self._truth else None
        return evidence.make(
            rule,
            source.estimate,
            provenance=source.provenance,
            truth=truth,
            notebook=self.name,
            family=family,
        )

    def fragility(self, analyse: Callable[[Chapter], object]) -> dict[str, fragility.Fragility]:
        """Count in how many variants of the analysis each verdict holds, and write that into the records.

        Parameters
        ----------
        analyse : callable
            Runs a chapter's recorded analyses: the function `evidence` of its module. Records that it does not make
            (single cells, context) get no count.

        Returns
        -------
        dict[str, Fragility]
            By evidence id, then by the claims that have a verdict here; see `endomtor.robustness`.
        """
        found = fragility.of_chapter(self, analyse)
        self.records = [
            replace(one, fragility=found[one.id].counts) if one.id in found else one for one in self.records
        ]
        return found

    def say_fragility(self, found: Mapping[str, fragility.Fragility]) -> None:
        """Say for each claim and each premise of the chapter how many variants leave its verdict as it is."""
        wanted = [one for one in found.values() if one.primary and one.kind != "prediction"]
        lines = [f"- {one.sentence(one.id if one.kind == 'claim' else f'the {_in_words(one.id)}')}" for one in wanted]
        reporting.say("\n".join(lines) or "These data give this chapter no verdict that could be fragile.")

    def show_fragility(self, found: Mapping[str, fragility.Fragility]) -> None:
        """Draw the estimate of each primary prediction in all its variants, on the axis of its effect."""
        shown = {_in_words(one.id): one for one in found.values() if one.primary and one.kind == "prediction"}
        if not shown:
            return
        records = {record.id: record for record in self.records}
        full = [records[one.id] for one in shown.values()]
        phi = catalogue.load().rule(full[0].id).rule == "phi"
        words = " ".join(one.sentence(name) for name, one in shown.items())
        frame = fragility.as_frame(shown, records)
        about = {
            "xlabel": "phi: how far ECKO went from young to aged" if phi else full[0].estimand.partition(",")[0],
            "references": {0: "young", 1: "aged"} if phi else {0: "no difference"},
        }
        figures.show(
            figures.fragility(frame, **about),
            caption="Primary predictions: all data with the 95 % interval, then a mark for each variant: one unit left "
            "out, then each other choice (without batch, another test, another threshold) in a row of its own. Filled "
            "arrow: the interval has no end there; open arrow: it ends beyond the axis. Triangle: an estimate beyond "
            f"the axis, open where the verdict changes. Dotted: smallest effect of interest. {words} "
            f"Unit: {' or '.join(dict.fromkeys(one.unit for one in full))}; {reporting.n_text(full)}. "
            "A description, no test.",
            alt="Strips of variants, one for each primary prediction. "
            + "; ".join(f"{name}: {one.estimates_text()}" for name, one in shown.items())
            + ".",
            provenance=self.provenance,
            data=figures.drawn.fragility(frame, **about),
            name="fig-fragility",
        )

    def ledger(self) -> dict:
        """Return the ledger of this chapter's evidence alone, as the book's ledger will have it."""
        return ledger.build(self.records, self.provenance, catalogue.load(), self._truth)

    def verdict(self, claim_id: str) -> None:
        """Show the verdict box of a claim."""
        whole = self.ledger()
        claim = next(entry for entry in whole["claims"] if entry["id"] == claim_id)
        show_html(boxes.verdict_html(claim, whole), boxes.verdict_text(claim, whole["dataset"]))

    def write(self) -> None:
        """Write the evidence of the chapter, an empty list when it has none."""
        evidence.write(paths.evidence_dir() / f"{self.name}.json", evidence.adjusted(self.records))

    def results(self, prefix: str, *, caption: str) -> None:
        """Show the evidence whose id begins with `prefix` as a table: estimate, interval, p, verdict.

        Unit, n, estimand and method stand in the caption, since words in columns are hard to read on a phone. Context
        gets no verdict. The row whose id is `prefix` itself goes by the last part of it.
        """
        records = [record for record in evidence.adjusted(self.records) if record.id.startswith(prefix)]
        if not records:
            return
        names = [one.id.removeprefix(prefix).strip(".") or one.id.rpartition(".")[2] for one in records]
        columns = {
            "": [
                re.sub(r"^p(\d+)$", r"passage \1", reporting.endpoint_text(name)).replace(".", ", ") for name in names
            ],
            "estimate": [record.estimate for record in records],
            "95 %": [boxes.limits(asdict(record)) for record in records],
            "p": [record.p for record in records],
            "p (Holm)": [record.p_adjusted for record in records],
        }
        origins = [self.sources[record.id].provenance for record in records]
        kind, example = origins[0].kind, origins[0].example
        if any(record.kind != "context" for record in records):
            columns[boxes.heading(kind, example=example)] = [
                boxes.word(kind, record.verdict, example=example) for record in records
            ]
        for what in ("estimand", "unit", "method"):
            values = list(dict.fromkeys(getattr(record, what) for record in records))
            # Where nearly each row has an estimand of its own, the row's name says it.
            if what != "estimand" or len(values) <= 2:
                caption += f" {what.capitalize()}: {'; '.join(values)}."
        caption += f" {reporting.n_text(records)}."
        figures.table(
            pd.DataFrame(columns).dropna(axis="columns", how="all"),
            caption=caption,
            provenance=origins[0] if len(set(origins)) == 1 else None,
        )

    def data_box(self, *tables: str) -> None:
        """Show which data this page used: title, kind, source, design, units per group, exclusions, warnings."""
        design = "; ".join(f"{key}: {value}" for key, value in self.dataset.design_rows())
        absent = [
            f"{contract.TABLES[name].file}: not in these data." for name in tables if self.dataset.get(name) is None
        ]
        sentences = [f"Source: {self.provenance.source}", f"Design: {design}.", *self.dataset.describe(tables), *absent]
        show_data(self.provenance, sentences)


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


def show_data(provenance: Provenance, sentences: Sequence[str]) -> None:
    """Show the box that says which data a page used: their provenance, then sentences on them."""
    items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
    show_html(
        f'<aside class="endomtor-data endomtor-box-{publish.kind_of(provenance)}" aria-label="Data used on this page">'
        f"<p>Data used on this page: <strong>{escape(provenance.label)}</strong></p><ul>{items}</ul></aside>",
        "\n".join([provenance.label, *sentences]),
    )


def show_html(html: str, text: str) -> None:
    """Show HTML in a notebook, with a plain-text twin for readers without it."""
    display({"text/html": html, "text/plain": text}, raw=True)


def needs(*tables: str) -> Callable:
    """Decorate a section that works on a chapter: without its tables it shows one sentence and returns None."""

    def decorate(section: Callable) -> Callable:
        @wraps(section)
        def wrapped(chapter: Chapter, *args, **kwargs):
            missing = [table for table in tables if chapter.dataset.get(table) is None]
            if missing:
                sentence = f"These data have no {' and no '.join(missing)}: this section is not testable here."
                show_html(f'<p class="endomtor-missing">{sentence}</p>', sentence)
                return None
            return section(chapter, *args, **kwargs)

        return wrapped

    return decorate
