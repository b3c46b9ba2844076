"""The ledger in a terminal, readable at 80 columns."""

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from endomtor.views import boxes, pages

# Fixed, so that the tables of all claims stand under one another: with 2 before and 2 between them 80.
_WIDTHS = {"": 15, "estimate": 8, "95 % interval": 15, "n, unit": 11, "verdict": 14, "holds": 5}


def show(ledger: dict) -> None:
    """Print every claim with its verdicts, and the primary evidence behind each as a table."""
    console = Console(highlight=False, markup=False)
    dataset = ledger["dataset"]
    evidence = {record["id"]: record for record in ledger["evidence"]}
    console.print(boxes.dataset_sentence(dataset))
    console.print("holds: in how many variants of its analysis a verdict stays what it is.")
    for claim in ledger["claims"]:
        console.print()
        console.print(Text(f"{claim['id']}  {claim['title']}", style="bold"))
        for side in ("prediction", "premise"):
            found = claim[side]
            count = f"; {found['k']} tested, {boxes.must(found)}" if found["primary"] else ""
            sentence = f"{side}: {boxes.MARKS[found['verdict']]} {boxes.side_phrase(claim, side, dataset)}{count}"
            console.print(Padding(sentence, (0, 0, 0, 2), expand=False))
            if found["primary"]:
                records = [evidence[one] for one in found["primary"]]
                groups = pages.groups_of(records)
                console.print(
                    Padding(f"estimate: {pages.measure(records)}; n: {' / '.join(groups)}", (0, 0, 0, 2), expand=False)
                )
                console.print(Padding(_table(records, groups), (0, 0, 0, 2), expand=False))


def _table(records: list[dict], groups: list[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="underline")
    for title, width in _WIDTHS.items():
        table.add_column(title, width=width, justify="right" if title == "estimate" else "left")
    for record in records:
        tried = record["fragility"]
        holds = f"{tried['holds']}/{tried['of']}" if tried else "–"
        n = pages.n_in_order(record, groups)
        numbers = (pages.estimate(record), pages.limits(record), f"{n} {record['unit']}")
        table.add_row(pages.name(record), *numbers, boxes.record_word(record), holds)
    return table
