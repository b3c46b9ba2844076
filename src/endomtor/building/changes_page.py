"""The page "What has changed since the last release": the ledger of this build beside that of the release."""

from endomtor.views import changes

NO_RELEASE = (
    "There was no release yet, so there is nothing to compare with. "
    "From the first one on, this page lists every verdict and every value that moved."
)


def text(built: dict) -> str:
    """Return the page's contents, from the ledger of the build, as Markdown with HTML.

    Raises
    ------
    ClaimsError
        The committed ledger of the release cannot be read.
    """
    last = changes.released()
    if last is None:
        return f":::{{note}}\n{NO_RELEASE}\n:::"
    found = changes.compare(last["ledger"], built)
    simulated = built["dataset"]["provenance"] == "simulated"
    whose = "" if simulated else " This book is on other data, so only the premises on public data can be compared."
    return (
        f"The last release is {last['release']} of {last['date']}; its ledger is of simulated mice, "
        f"world “{last['ledger']['dataset']['world']}”, seed {last['ledger']['dataset']['seed']}.{whose}\n\n"
        f"{changes.html(found)}\n"
    )
