"""Sections that begin with their result: what the ledger says of one, as a sentence below its heading on the site.

An author asks for it in the notebook, with a tag on the Markdown cell below whose first heading it is to stand:
`result:` and the beginning of the ids of the section's evidence, for example `result:C1.signaling`. Where the ledger
has primary evidence under it, that alone is told. Where it has none of either, the heading stands alone.
"""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass

from endomtor import paths, reporting
from endomtor.claims import catalogue, verdicts
from endomtor.errors import ClaimsError
from endomtor.markup import plain_in_markdown
from endomtor.views import boxes
from endomtor.views.conclusions import of_the_analysis

TAG = "result:"
CLAIMS, RATES = "claims", "rates"
"""Instead of evidence: what came out for all claims together, and for the rates of error of the calibration."""

FALSE, POWER = "false support", "power"
"""Measures of the frozen calibration, as `calibration.rates` names them."""

_HEADING = re.compile(r"^#{2,4} +.+$", re.MULTILINE)
_NAMED = 3
"""So many read-outs of one outcome are named; more are counted."""


@dataclass(frozen=True)
class Words:
    """How results of one family are told.

    Attributes
    ----------
    prefix, suffix : str
        Beginning and end of the ids.
    along, against : str
        What follows the names where the effect goes in the declared direction, or in the other.
    small, unclear, without_age : str
        Sentences with `{names}`.
    about : str
        What the names are put into.
    names : tuple of (str, str)
        Ends of ids with their names; others are printed as the contract writes them.
    counted : str
        What several of them are called.
    """

    prefix: str
    along: str
    against: str
    small: str = "any difference in {names} is too small to matter"
    unclear: str = "there is no clear difference in {names}"
    without_age: str = "no aging effect is seen in {names}, so nothing can resemble it"
    about: str = "{names}"
    names: tuple[tuple[str, str], ...] = ()
    counted: str = "read-outs"
    suffix: str = ""

    def tells(self, evidence_id: str) -> bool:
        """Return whether results of this id are told so."""
        return evidence_id.startswith(self.prefix) and evidence_id.endswith(self.suffix)


_PHI = {
    "small": "any move of {names} towards the aged state is too small to matter",
    "unclear": "there is no clear move of {names} towards the aged state",
    "counted": "endpoints",
}

_OF_RAPAMYCIN = (
    ("HSC", "the number of HSCs"),
    ("CFU", "the number of colony-forming cells"),
    ("platelets", "the platelet count"),
    ("hemoglobin", "hemoglobin"),
)

# The first that fits.
_FAMILIES = (
    Words(
        "C",
        "moves with age as the claim counts it",
        "moves with age against what the claim counts",
        small="any effect of age on {names} is too small to matter",
        unclear="there is no clear effect of age on {names}",
        names=(
            ("myeloid_balance.aging", "the lineage balance of the blood"),
            ("HSC.aging", "the number of HSCs"),
            ("polarity.aging", "the polarity of HSCs"),
            ("gH2AX_foci.aging", "the number of gamma-H2AX foci"),
            ("phi.aging", "the aging score of HSPCs"),
        ),
        suffix=".aging",
    ),
    Words(
        "C1.context.",
        "is lower in old mice",
        "is higher in old mice",
        about="the mTORC1 hallmark score of {names} endothelium",
    ),
    Words(
        "C1.cells.",
        "is lower in aged mice",
        "is higher in aged mice",
        names=(("mTORC1_hallmark", "the mTORC1 score of the cells of each animal"),),
    ),
    Words("C1.", "is lower in aged mice", "is higher in aged mice"),
    Words(
        "C2.",
        "is lower under rapamycin",
        "is higher under rapamycin",
        names=(
            *_OF_RAPAMYCIN,
            *((f"{end}.{age}", f"{name} in {age} mice") for age in ("young", "aged") for end, name in _OF_RAPAMYCIN),
        ),
    ),
    Words(
        "C3.premise.",
        "moves with age as claim C3 counts it",
        "moves with age against what claim C3 counts",
        small="any effect of age on {names} is too small to matter",
        unclear="there is no clear effect of age on {names}",
        names=(("granulocytes", "the share of granulocytes"), ("T_cells", "the share of T cells")),
    ),
    Words(
        "C4.premise.",
        "separates old from young mice",
        "puts old mice on the young side",
        small="any separation of old from young mice by {names} is too small to matter",
        unclear="there is no clear separation of old from young mice by {names}",
        about="the published signature in {names}",
        names=(("LT_HSC", "LT-HSCs of another laboratory"),),
    ),
    Words(
        "C4.transcriptome.inflammation",
        "are inflamed beyond what age does",
        "are less inflamed than age would make them",
        small="any inflammation of {names} beyond what age does is too small to matter",
        unclear="there is no clear inflammation of {names} beyond what age does",
        names=(("inflammation", "HSPCs of ECKO mice"),),
    ),
    Words(
        "C5",
        "moves towards the aged state after an ECKO niche",
        "moves away from the aged state after an ECKO niche",
        without_age="no mark of the aged niche is seen in {names}, so nothing can resemble it",
        names=(("chimerism", "donor chimerism"), ("myeloid_balance", "the lineage balance of donor cells")),
        **_PHI,
    ),
    Words(
        "",
        "moves towards the aged state in ECKO mice",
        "moves away from the aged state in ECKO mice",
        names=(
            ("blood.myeloid_balance", "the lineage balance of the blood"),
            ("marrow.HSC", "the number of HSCs"),
            ("polarity", "the polarity of HSCs"),
            ("gH2AX_foci", "the number of gamma-H2AX foci"),
            ("limiting_dilution.WBM", "the frequency of repopulating cells"),
            ("competitive.chimerism", "the chimerism of donor marrow in competition"),
            ("competitive.myeloid_balance", "the lineage balance of donor marrow in competition"),
            ("phi", "the aging score of HSPCs"),
            ("phi_genes", "the whole transcriptome of HSPCs"),
        ),
        **_PHI,
    ),
)

_LEADS = {
    "simulated": "In these simulated mice ",
    "public": "In public data ",
    "measured": "In these measured mice ",
    "example": "In these invented example mice ",
}

_ASIDES = {verdicts.FALSE_ALARM: " (a false alarm: not planted)", verdicts.MISSED: " (planted, but missed)"}


def label(source: str, tags: Sequence[str], ledger: dict) -> str:
    """Return the text of a Markdown cell with the result below its first heading, where a tag asks for it.

    The heading stays short: it is what the contents beside the page list.

    Raises
    ------
    ClaimsError
        A cell that asks for a result has no heading of level 2 to 4.
    """
    wanted = [tag.removeprefix(TAG) for tag in tags if tag.startswith(TAG)]
    if not wanted:
        return source
    topic = _HEADING.search(source)
    if topic is None:
        raise ClaimsError(f"a cell with the tag {TAG}{wanted[0]} has no heading, expected one to stand below")
    told = sentence(wanted, ledger)
    if not told:
        return source
    return f"{source[: topic.end()]}\n\n**{plain_in_markdown(told)}.**{source[topic.end() :]}"


def sentence(wanted: Sequence[str], ledger: dict) -> str:
    """Return what the ledger says of the evidence whose ids are or begin with one of `wanted`; empty for none.

    Parameters
    ----------
    wanted : sequence of str
        Ids without their last parts, or `claims`, or `rates`.
    """
    if CLAIMS in wanted:
        return _of_claims(ledger)
    if RATES in wanted:
        return rates()
    records = [one for one in ledger["evidence"] if any(f"{one['id']}.".startswith(f"{part}.") for part in wanted)]
    primary = {
        one for claim in ledger["claims"] for side in ("prediction", "premise") for one in claim[side]["primary"]
    }
    records = [one for one in records if one["id"] in primary] or records
    if not records:
        return ""
    # One kind of data to a sentence: a tag that asks for both gets its predictions.
    kinds = [boxes.record_kind(one) for one in records]
    return _LEADS[kinds[0]] + clauses([one for one, kind in zip(records, kinds, strict=True) if kind == kinds[0]])


def clauses(records: Sequence[dict]) -> str:
    """Return what records of one kind of data say, as plain text: one clause for all of a family that say the same."""
    families = [next(one for one in _FAMILIES if one.tells(record["id"])) for record in records]
    said: dict[tuple, list[dict]] = {}
    for record, words in zip(records, families, strict=True):
        aside = _ASIDES.get(record["verdict"], "") + boxes.marked(record)
        said.setdefault((words, _outcome(record), aside), []).append(record)
    return "; ".join(
        _clause(words, outcome, own, families.count(words)) + aside for (words, outcome, aside), own in said.items()
    )


def subject(record: dict) -> str:
    """Return what a record is about, in the words of a heading."""
    words = next(one for one in _FAMILIES if one.tells(record["id"]))
    return words.about.format(names=_name(record["id"], words)).removeprefix("the ")


def _clause(words: Words, outcome: str, records: list[dict], of: int) -> str:
    side, slight, _ = outcome.partition(", slight")
    positive = side in ("along", "against")
    many = len(records) > _NAMED
    if many:
        names = f"{len(records)} of {of} {words.counted}"
    else:
        each = [_name(one["id"], words) for one in records]
        names = words.about.format(names=boxes.listed(each, "and" if positive else "or"))
    if positive:
        told = getattr(words, side)
        plural = many or (len(records) > 1 and words.about == "{names}")
        end = ", perhaps by too little to matter" if slight else ""
        return f"{names} {_for_many(told) if plural else told}{end}"
    if outcome == "withheld":
        return f"the design allows no answer on {names}"
    return getattr(words, outcome).format(names=names)


def _outcome(record: dict) -> str:
    """Return which of the family's words tell a record: by its reason, and where that is width, by its interval."""
    reason, low, high = record["reason"], record["ci_low"], record["ci_high"]
    if reason == verdicts.WITHHELD or record["estimate"] is None:
        return "withheld"
    if reason == verdicts.NO_AGING:
        return "without_age"
    if reason == verdicts.EQUIVALENT:
        return "small"
    rule = catalogue.load().rule(record["id"])
    predicted = -1 if rule.rule == "difference" and rule.direction == "less" else 1
    side = "along" if predicted * record["estimate"] > 0 else "against"
    if reason in (verdicts.EFFECT, verdicts.OPPOSITE):
        return side
    beyond_zero = (low is not None and low > 0) or (high is not None and high < 0)
    return f"{side}, slight" if beyond_zero and record["interval_kind"] == "bounded" else "unclear"


def rates() -> str:
    """Return how often a false claim is announced in the worst design of the frozen calibration; empty without it."""
    if not (worst := worst_rate()):
        return ""
    return (
        f"In simulated studies a false claim is announced in at most {worst['rate']} ({worst['id']} in the worst "
        f"design, “{worst['scenario']}”; upper 95 % limit {worst['high']}, nominal {worst['nominal']})"
    )


def worst_rate() -> dict[str, str]:
    """Return the largest rate of false support for which a level is promised, its shares in per cent; empty without."""
    rows = [row for row in rates_of_claims(FALSE) if row["nominal"]]
    if not rows:
        return {}
    worst = max(rows, key=lambda row: float(row["rate"]))
    return worst | {one: reporting.percent(float(worst[one])) for one in ("rate", "high", "nominal")}


def rates_of_claims(measure: str) -> list[dict[str, str]]:
    """Return the rows of the frozen calibration that count a measure of whole claims; none where it is not there."""
    # By itself: the first page of the book would wait for seconds for all that a calibration can do.
    try:
        with open(paths.data() / "derived" / "calibration.csv", encoding="utf-8", newline="") as stream:
            return [row for row in csv.DictReader(stream) if row["measure"] == measure and "." not in row["id"]]
    # A table that is not there, or whose columns are other ones.
    except (OSError, KeyError):
        return []


def _of_claims(ledger: dict) -> str:
    dataset = ledger["dataset"]
    if dataset["provenance"] == "simulated":
        return f"On simulated data {of_the_analysis(ledger)}"
    by: dict[str, list[str]] = {}
    for claim in ledger["claims"]:
        word = boxes.word(dataset["provenance"], claim["prediction"]["verdict"], example=dataset["example"])
        by.setdefault(word.strip("“”"), []).append(claim["id"] + boxes.marked(claim["prediction"]))
    said = [f"{boxes.listed(ids)} {'end' if len(ids) > 1 else 'ends'} as “{word}”" for word, ids in by.items()]
    kind = boxes.dataset_kind(dataset)
    return f"On {'invented example' if kind == 'example' else kind} data {'; '.join(said)}"


def _name(evidence_id: str, words: Words) -> str:
    for end, name in words.names:
        if evidence_id.endswith(f".{end}"):
            return name
    return reporting.endpoint_text(evidence_id.rpartition(".")[2])


def _for_many(told: str) -> str:
    """Return a predicate of the table above for several subjects."""
    verb, _, rest = told.partition(" ")
    return f"{'are' if verb == 'is' else verb.removesuffix('s')} {rest}"
