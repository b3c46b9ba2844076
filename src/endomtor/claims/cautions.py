"""What must be said beside a verdict because a rival explanation was not excluded."""

from collections.abc import Iterable

from endomtor.claims import verdicts
from endomtor.claims.evidence import Record

INFLAMMATION = "C4.transcriptome.inflammation"
"""The evidence that tells illness from age: inflammation of ECKO HSPCs beyond what age does."""

CLAIMS = ("C3", "C4")
"""Claims that a resemblance of ECKO mice to aged ones supports: an inflamed mouse resembles them as well."""

RAISED = "Inflammation not excluded: its score is raised in ECKO HSPCs beyond what age does."
NOT_MEASURED = "Inflammation not excluded: these data hold no score of it."


def of_inflammation(records: Iterable[Record]) -> str:
    """Return the caution that the inflammation score asks for, empty where it is not raised in ECKO beyond age.

    Raised: the 95 % interval of (ECKO - control) - (aged - young) lies above 0.
    """
    record = next((one for one in records if one.id == INFLAMMATION), None)
    if record is None or record.verdict == verdicts.NOT_TESTABLE:
        return NOT_MEASURED
    return RAISED if record.ci_low is not None and record.ci_low > 0 else ""
