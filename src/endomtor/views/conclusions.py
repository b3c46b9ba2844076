"""What the ledger says, in one sentence for each kind of data."""

from collections.abc import Mapping

from endomtor.claims import verdicts
from endomtor.views.boxes import listed, marked

_SIMULATED = {
    verdicts.RECOVERED: "finds the planted effects of",
    verdicts.MISSED: "misses the planted effects of",
    verdicts.FALSE_ALARM: "raises a false alarm for",
    verdicts.RIGHTLY_SILENT: "is silent, as it should be, on",
    verdicts.NOT_TESTABLE: "gives no verdict on",
}
_TESTED = {
    verdicts.SUPPORTED: "support what follows from",
    verdicts.CONTRADICTED: "contradict what follows from",
    verdicts.INCONCLUSIVE: "are inconclusive on",
    verdicts.NOT_TESTABLE: "cannot test",
}
_PREMISES = {
    verdicts.SUPPORTED: "support the premise of",
    verdicts.CONTRADICTED: "contradict the premise of",
    verdicts.INCONCLUSIVE: "are inconclusive on the premise of",
}


def conclusions(whole: dict) -> dict[str, str]:
    """Return one sentence of conclusion for each kind of data: the data set's own, and public data for the premises.

    Parameters
    ----------
    whole : dict
        A ledger.

    Returns
    -------
    dict[str, str]
        Heading to sentence. Words of a simulated world say only what the analysis did.
    """
    dataset = whole["dataset"]
    by = _by_verdict(whole, "prediction")
    if dataset["provenance"] == "simulated":
        heading = "Simulated data"
        sentence = (
            f"In this simulated world (“{dataset['world']}”, seed {dataset['seed']}) {of_the_analysis(whole)}: "
            "this says nothing about mice."
        )
    elif dataset["example"]:
        heading = "Example data"
        words = listed([f"“{verdict}” for {listed(claims)}" for verdict, claims in by.items()])
        sentence = (
            f"The data “{dataset['title']}” were invented to show the format; the rules would read {words}, and this "
            "says nothing about mice."
        )
    else:
        heading = f"{dataset['provenance'].capitalize()} data"
        sentence = f"The {dataset['provenance']} data “{dataset['title']}” {_clauses(by, _TESTED)}."
    return {heading: sentence, "Premises, on public data": _premises(whole)}


def of_the_analysis(whole: dict) -> str:
    """Return what the analysis did with each claim on simulated data, as a clause."""
    return f"the analysis {_clauses(_by_verdict(whole, 'prediction'), _SIMULATED)}"


def _premises(whole: dict) -> str:
    by = _by_verdict(whole, "premise")
    without = by.pop(verdicts.NOT_TESTABLE, [])
    parts = [f"Others' published data {_clauses(by, _PREMISES)}."] if by else []
    if without:
        parts.append(f"No public data at hand test a premise of {listed(without)}.")
    if by:
        parts.append("A premise that holds is not the claim: no public data hold a knock-out.")
    return " ".join(parts)


def _by_verdict(whole: dict, side: str) -> dict[str, list[str]]:
    by: dict[str, list[str]] = {}
    for claim in whole["claims"]:
        by.setdefault(claim[side]["verdict"], []).append(claim["id"] + marked(claim[side]))
    return by


def _clauses(by: Mapping[str, list[str]], words: Mapping[str, str]) -> str:
    return listed([f"{text} {listed(by[verdict])}" for verdict, text in words.items() if verdict in by])
