"""Recipients with donor cells by age of the donors: primary and secondary transplants of two HSC subsets.

Su et al. 2024, doi 10.1038/s41467-024-52318-1. How many donors stand behind the recipients is not stated, so recipients
are no units: shares are descriptions, and no interval or verdict is given.
"""

from pathlib import Path

import pandas as pd
from scipy import stats

from endomtor.public.originals import recipients, recipients_tested

READOUTS = {"M": "myeloid cells", "HSC": "HSC", "CLP": "CLP", "LMPP": "LMPP", "GMP": "GMP", "MkP": "MkP"}


def share_table(reconstituted: Path, progenitors: Path, script: Path) -> pd.DataFrame:
    """Return the share of recipients with donor cells in each group, and young against aged donors.

    Parameters
    ----------
    reconstituted, progenitors, script : Path
        Two tables of the authors, and their script, which says how many recipients each row of the first stands for.

    Returns
    -------
    DataFrame
        One row a transplant, subset and read-out: transplant (1, 2), subset (CD49b-, CD49b+), readout, then
        positive_young, tested_young, positive_aged, tested_aged (recipients), share_young, share_aged (%), and
        fisher_p, two-sided over recipients: for the eye, since donors are not known.
    """
    first, second = recipients(reconstituted), recipients(progenitors)
    rows = pd.concat([first.assign(tested=recipients_tested(script)), second], ignore_index=True)
    found = []
    for (transplant, readout, subset), own in rows.groupby(["transplant", "readout", "subset"], sort=False):
        counts = own.set_index("donors")[["positive", "tested"]].astype(int)
        row = {"transplant": transplant, "subset": subset, "readout": READOUTS[readout]}
        for age in ("young", "aged"):
            positive, tested = counts.loc[age]
            row |= {f"positive_{age}": positive, f"tested_{age}": tested, f"share_{age}": 100 * positive / tested}
        table = [
            [counts.at[age, "positive"], counts.at[age, "tested"] - counts.at[age, "positive"]] for age in counts.index
        ]
        row["fisher_p"] = stats.fisher_exact(table).pvalue
        found.append(row)
    return pd.DataFrame(found)
