"""From estimates to records: each is judged under its rule, in the design of one data set."""

from collections.abc import Container, Iterable
from dataclasses import replace

from endomtor import analyses, ledger, worlds
from endomtor.claims import catalogue, cautions, evidence
from endomtor.contract import TABLES, Dataset
from endomtor.errors import ClaimsError
from endomtor.estimate import Estimate
from endomtor.provenance import Provenance


class Judge:
    """Judges estimates of one data set.

    Attributes
    ----------
    dataset : endomtor.contract.Dataset
    """

    def __init__(self, dataset: Dataset):
        self.dataset = dataset
        self._truth = worlds.truth_of(dataset.provenance)

    def record(
        self,
        evidence_id: str,
        estimate: Estimate,
        *,
        family: str | None = None,
        provenance: Provenance | None = None,
        factor: float = 1.0,
    ) -> evidence.Record:
        """Return the record of an estimate under its rule in `claims.toml`.

        The verdict is withheld where sex or batch cannot be told from the groups compared.

        Parameters
        ----------
        family : str, optional
            Records of one family are adjusted together (Holm).
        provenance : Provenance, optional
            Of the public data behind a premise or a context row; the data set's own when left out.
        factor : float
            Share of the smallest effect of interest to judge by.

        Raises
        ------
        ClaimsError
            No rule covers the id, or a prediction would be tested on other data than the data set.
        """
        rule = catalogue.load().rule(evidence_id)
        if provenance is not None and rule.kind == "prediction":
            raise ClaimsError(
                f"{evidence_id} is a prediction: it is tested on the chapter's data, not {provenance.title!r}"
            )
        if provenance is None:
            estimate = self.withheld(evidence_id, estimate)
        return evidence.make(
            replace(rule, smallest=factor * rule.smallest) if factor != 1.0 else rule,
            estimate,
            provenance=provenance or self.dataset.provenance,
            truth=self._truth(rule.id) if rule.kind == "prediction" and self._truth else None,
            notebook=catalogue.load().claim(rule.claim).chapter,
            family=family,
        )

    def withheld(self, evidence_id: str, estimate: Estimate) -> Estimate:
        """Return the estimate, withheld where sex or batch cannot be told from its groups in its table."""
        name = analyses.table_of(evidence_id)
        if name is None or estimate.withheld:
            return estimate
        table = TABLES[name]
        levels = table.column(table.group).levels
        # Arms of a two-way design, "young rapamycin", compare what was given.
        compared = estimate.n if set(estimate.n) <= set(levels) else levels
        return replace(estimate, withheld=self.dataset.withheld(name, *compared))

    def records(self, wanted: Container[str] | None = None) -> list[evidence.Record]:
        """Run every chapter's analysis on the data set and return the records."""
        found = analyses.answers(self.dataset.tables, wanted)
        return [self.record(name, answer.estimate) for name, answer in found.items()]

    def ledger(self, records: Iterable[evidence.Record]) -> dict:
        """Return the ledger of these records alone, as the book's ledger would have it.

        Whether illness was excluded is looked up in the data set where the records do not say it.
        """
        records = list(records)
        if {one.claim for one in records} & set(cautions.CLAIMS):
            own = {one.id for one in records}
            records += [one for one in self.records({cautions.INFLAMMATION}) if one.id not in own]
        return ledger.build(records, self.dataset.provenance, catalogue.load(), self._truth)
