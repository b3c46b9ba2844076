"""What moved from one ledger to another: verdicts, values, records; for the terminal, a pull request and a page.

Also the ledger of the last release, `data/derived/release-ledger.json`, which `freeze` writes and the page compares.
"""

import datetime
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from html import escape
from pathlib import Path

from endomtor import files, ledger, paths
from endomtor.errors import ClaimsError
from endomtor.markup import anchor, table
from endomtor.views import boxes

FILE = "release-ledger.json"
RELEASED = ("paper", 1)
"""World and seed that every release shows."""

RTOL = 1e-8
"""Where numbers depend on the processor, this is how far the book promises them."""

WHAT = {
    "data": "Data and rules",
    "verdict": "Verdicts",
    "value": "Values",
    "added": "Records that are new",
    "dropped": "Records that are gone",
}
"""The kinds of change, in the order in which they are told."""

_SIDES = ("prediction", "premise")
_WORDS = ("verdict", "reason", "interval_kind", "unit")
_NUMBERS = ("estimate", "ci_low", "ci_high", "level", "p", "p_adjusted")
_ON_SCALE = ("estimate", "ci_low", "ci_high")
# GitHub takes comments of up to 65,536 characters.
_MOST_ROWS = 100


@dataclass(frozen=True)
class Change:
    """One thing that differs between two ledgers.

    Attributes
    ----------
    what : str
        A key of `WHAT`.
    id : str
        Of the record (`C3.marrow.HSC`), of the claim, or of the part of the ledger (`dataset`, `rules`).
    data : str
        The kind of data behind it: `simulated`, `measured`, `example`, `public`; empty for the rules.
    field : str
        The key that differs: `verdict`, `estimate`, `n aged`; empty for a record that is new or gone.
    old, new : float, str or None
        None where the number is unknown or unbounded, or the record is not there.
    moved : float or None
        new - old, in the unit of the value; None where one of them is no number.
    of_width : float or None
        `moved` as a share of the width of the old interval, for an estimate or a limit of a bounded one.
    """

    what: str
    id: str
    data: str
    field: str
    old: float | str | None
    new: float | str | None
    moved: float | None = None
    of_width: float | None = None


@dataclass(frozen=True)
class Changes:
    """All that differs between two ledgers.

    Attributes
    ----------
    found : tuple[Change, ...]
        Sorted by kind, then in the order of the ledgers.
    notes : tuple[str, ...]
        Sentences on what was left out.
    compared : int
        Number of records that both ledgers hold and that were compared.
    rtol : float
    """

    found: tuple[Change, ...]
    notes: tuple[str, ...]
    compared: int
    rtol: float

    @property
    def same(self) -> bool:
        """Whether nothing differs."""
        return not self.found

    def of(self, what: str) -> list[Change]:
        """Return the changes of a kind."""
        return [one for one in self.found if one.what == what]


def compare(old: dict, new: dict, *, rtol: float = RTOL) -> Changes:
    """Return what differs between two ledgers.

    An estimate or a limit is the same where it moved by at most `rtol` times the largest of its two sizes and the width
    of the old interval; any other number, where it moved by at most `rtol` times its size. Ledgers on different data
    sets share only what was computed from public data: premises and context.

    Parameters
    ----------
    old, new : dict
        As `ledger.json` holds them; both keep its schema.
    rtol : float
        At least 0.

    Raises
    ------
    ClaimsError
        `rtol` is no number from 0 on.
    """
    if not 0 <= rtol < math.inf:
        raise ClaimsError(f"rtol is {rtol}, expected a number from 0 on")
    alike = old["dataset"] == new["dataset"]
    notes = []
    if not alike:
        notes.append(
            "The two ledgers are on different data, so only what was computed from public data is compared: "
            f"the first is on {_about(old)}, the second on {_about(new)}."
        )
    sides = _SIDES if alike else ("premise",)
    before, after = (
        {one["id"]: one for one in each["evidence"] if alike or one["kind"] != "prediction"} for each in (old, new)
    )
    found = [*_parts(old, new), *_verdicts(old, new, sides, rtol)]
    for one in [*before, *(name for name in after if name not in before)]:
        if one not in after:
            found.append(Change("dropped", one, boxes.record_kind(before[one]), "", _summary(before[one]), None))
        elif one not in before:
            found.append(Change("added", one, boxes.record_kind(after[one]), "", None, _summary(after[one])))
        else:
            found += _record(before[one], after[one], rtol)
    order = list(WHAT)
    found.sort(key=lambda change: order.index(change.what))
    return Changes(tuple(found), tuple(notes), len(before.keys() & after.keys()), rtol)


def read(path: Path) -> dict:
    """Return the ledger of a file, or of a build folder, without the evidence beside it.

    Raises
    ------
    ClaimsError
        It is not there, is not JSON or does not keep the schema of ledgers.
    """
    path = Path(path) / "ledger.json" if Path(path).is_dir() else Path(path)
    return _sound(path, _json(path))


def freeze(built: dict, release: str) -> Path:
    """Write a ledger as that of a release, with today's date, and return the file.

    Raises
    ------
    ClaimsError
        It is on other data than every release shows.
    """
    dataset = built["dataset"]
    if (dataset["world"], dataset["seed"]) != RELEASED:
        raise ClaimsError(f"the ledger is on {_about(built)}, expected the simulated world “paper”, seed 1")
    path = paths.data() / "derived" / FILE
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    content = {"release": release, "date": today, "ledger": built}
    files.write_text(path, json.dumps(content, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
    return path


def released() -> dict | None:
    """Return `{release, date, ledger}` of the last release, None where there was none yet.

    Raises
    ------
    ClaimsError
        The file cannot be read or its ledger does not keep the schema.
    """
    path = paths.data() / "derived" / FILE
    if not path.is_file():
        return None
    content = _json(path)
    if not isinstance(content, dict) or content.keys() != {"release", "date", "ledger"}:
        raise ClaimsError(f"{path} is no ledger of a release, expected the keys release, date and ledger")
    _sound(path, content["ledger"])
    return content


def sentence(changes: Changes) -> str:
    """Return how much differs, as one sentence."""
    compared = f"{_count(changes.compared, 'record')} compared, at a relative tolerance of {changes.rtol:g}"
    if changes.same:
        return f"Nothing moved ({compared})."
    counts = {what: len({one.id for one in changes.of(what)}) for what in WHAT}
    words = {
        "data": "the data set or the rules differ",
        "verdict": f"verdicts moved on {_count(counts['verdict'], 'claim or record', 'claims or records')}",
        "value": f"values moved in {_count(counts['value'], 'claim or record', 'claims or records')}",
        "added": f"{_count(counts['added'], 'record is', 'records are')} new",
        "dropped": f"{_count(counts['dropped'], 'record is', 'records are')} gone",
    }
    said = "; ".join(words[what] for what in WHAT if counts[what])
    return f"{said[0].upper()}{said[1:]} ({compared})."


def text(changes: Changes) -> str:
    """Return the changes for a terminal, a line each."""
    lines = [sentence(changes), *changes.notes]
    for what, title in WHAT.items():
        rows = changes.of(what)
        lines += ["", title] if rows else []
        for one in rows:
            values = " -> ".join(_shown(value) for value in (one.old, one.new))
            by = [_moved(one), f"{_share(one)} of the interval" if one.of_width is not None else ""]
            moved = f" ({', '.join(filter(None, by))})" if one.moved is not None else ""
            lines.append(
                f"  {' '.join(filter(None, (one.id, one.field, f'[{one.data}]' if one.data else '')))}: {values}{moved}"
            )
    return "\n".join(lines)


def as_json(changes: Changes) -> str:
    """Return the changes as JSON: `{same, compared, rtol, notes, changes}`."""
    content = {"same": changes.same, "compared": changes.compared, "rtol": changes.rtol}
    content |= {"notes": list(changes.notes), "changes": [asdict(one) for one in changes.found]}
    return json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)


def markdown(changes: Changes) -> str:
    """Return the changes for a comment on a pull request or an issue, at most `_MOST_ROWS` rows.

    What comes from the ledgers stands in code spans: a ledger is data, and must not become links, names or HTML.
    """
    lines = [sentence(changes), *(f"\n{_code(note, 500)}" for note in changes.notes)]
    left = _MOST_ROWS
    for what, title in WHAT.items():
        rows = changes.of(what)
        if not rows:
            continue
        heads = "| of | data | what | before | now | moved | of the interval |"
        lines += ["", f"### {title}", "", heads, "| --- " * 7 + "|"]
        for one in rows[: max(left, 0)]:
            cells = (one.id, one.data, one.field, _shown(one.old), _shown(one.new), _moved(one), _share(one))
            lines.append("| " + " | ".join(_code(cell) if cell else "" for cell in cells) + " |")
        if len(rows) > left:
            lines += ["", f"{len(rows) - max(left, 0)} more are not shown; `endomtor changes --json` lists all."]
        left -= len(rows)
    return "\n".join(lines) + "\n"


def html(changes: Changes) -> str:
    """Return the changes as HTML for a page, each record with a link to its row on the page of all evidence."""
    parts = [f'<p class="endomtor-changes"><strong>{escape(sentence(changes))}</strong></p>']
    parts += [f"<p>{escape(note)}</p>" for note in changes.notes]
    for what, title in WHAT.items():
        if rows := changes.of(what):
            parts.append(_table_html(what, title, rows))
    return "".join(parts)


def _table_html(what: str, title: str, rows: list[Change]) -> str:
    numbers = any(one.moved is not None for one in rows)
    heads = ["", "what", "before", "now", *(["moved", "of the interval"] if numbers else [])]
    body = []
    for one in rows:
        name = escape(one.id).replace(".", ".<wbr>").replace("_", "_<wbr>")
        # A record that is gone has no row there, a claim has none at all.
        if "." in one.id and what != "dropped":
            name = f'<a href="{boxes.EVIDENCE_PAGE}#{anchor(one.id)}">{name}</a>'
        if one.data:
            name += f'<br><span class="endomtor-mark-{one.data}">{one.data}</span>'
        cells = [escape(one.field), *(escape(_shown(value)) for value in (one.old, one.new))]
        cells += [_moved(one), _share(one)] if numbers else []
        body.append(f'<tr><th scope="row">{name}</th>{"".join(f"<td>{cell}</td>" for cell in cells)}</tr>')
    return (
        f'<figure class="endomtor-table-figure"><figcaption><p><strong>{title}</strong></p></figcaption><div '
        f'class="endomtor-table" role="region" tabindex="0" aria-label="{title}">{table(heads, body)}</div></figure>'
    )


def _parts(old: dict, new: dict) -> Iterator[Change]:
    if old["dataset"] != new["dataset"]:
        yield Change("data", "dataset", boxes.dataset_kind(new["dataset"]), "", _about(old), _about(new))
    before, after = (f"version {each['rules']['version']} of {each['rules']['date']}" for each in (old, new))
    if before != after:
        yield Change("data", "rules", "", "version", before, after)


def _verdicts(old: dict, new: dict, sides: tuple[str, ...], rtol: float) -> Iterator[Change]:
    """Yield what moved in the claims themselves; a claim of one ledger only is told as new or gone."""
    whose = boxes.dataset_kind(new["dataset"])
    before, after = ({claim["id"]: claim for claim in each["claims"]} for each in (old, new))
    for one in [*before, *(name for name in after if name not in before)]:
        if one not in after:
            yield Change("dropped", one, whose, "", before[one]["title"], None)
        elif one not in before:
            yield Change("added", one, whose, "", None, after[one]["title"])
        else:
            for side in sides:
                own, other = before[one][side], after[one][side]
                kind = "public" if side == "premise" else whose
                for field in ("verdict", "reason"):
                    if own[field] != other[field]:
                        yield Change("verdict", one, kind, f"{side}, {field}", own[field], other[field])
                for field in ("p", "k", "needed"):
                    yield from _number((one, kind, f"{side}, {field}"), own[field], other[field], None, rtol)


def _record(old: dict, new: dict, rtol: float) -> Iterator[Change]:
    about = (old["id"], boxes.record_kind(new))
    for field in _WORDS:
        if old[field] != new[field]:
            what = "verdict" if field in ("verdict", "reason") else "value"
            yield Change(what, *about, field, old[field], new[field])
    bounded = old["interval_kind"] == "bounded" and None not in (old["ci_low"], old["ci_high"])
    width = old["ci_high"] - old["ci_low"] if bounded else None
    for field in _NUMBERS:
        scale = width if field in _ON_SCALE else None
        yield from _number((*about, field), old[field], new[field], scale, rtol)
    for group in dict.fromkeys([*old["n"], *new["n"]]):
        yield from _number((*about, f"n {group}"), old["n"].get(group), new["n"].get(group), None, rtol)
    tried, again = (
        f"{each['fragility']['holds']} of {each['fragility']['of']}" if each["fragility"] else None
        for each in (old, new)
    )
    if tried != again:
        yield Change("value", *about, "variants that agree", tried, again)


def _number(
    about: tuple[str, str, str], old: float | None, new: float | None, width: float | None, rtol: float
) -> Iterator[Change]:
    """Yield the change of a number, named by id, kind of data and field, if it moved."""
    if old is None or new is None:
        if old is not new:
            yield Change("value", *about, old, new)
        return
    if abs(new - old) > rtol * max(abs(old), abs(new), width or 0.0):
        moved = new - old
        yield Change("value", *about, old, new, moved, moved / width if width else None)


def _summary(record: dict) -> str:
    return f"{record['verdict']}, {boxes.limits(record)}" if record["kind"] != "context" else boxes.limits(record)


def _about(found: dict) -> str:
    dataset = found["dataset"]
    if dataset["provenance"] == "simulated":
        return f"simulated mice, world “{dataset['world']}”, seed {dataset['seed']}"
    return f"the {boxes.dataset_kind(dataset)} data “{dataset['title']}”"


def _shown(value: float | str | None) -> str:
    if value is None:
        return "none"
    return value if isinstance(value, str) else f"{value:.6g}"


def _moved(one: Change) -> str:
    return "" if one.moved is None else f"{one.moved:+.3g}"


def _share(one: Change) -> str:
    return "" if one.of_width is None else f"{100 * one.of_width:+.3g}\N{NO-BREAK SPACE}%"


def _code(text: str, most: int = 80) -> str:
    plain = " ".join(text.replace("`", "'").split())
    short = plain if len(plain) <= most else f"{plain[: most - 1]}…"
    return f"`{short.replace('|', chr(92) + '|')}`"


def _count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or f'{one}s'}"


def _json(path: Path) -> object:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ClaimsError(f"{path} is not there, expected the ledger of a build") from error
    except (ValueError, RecursionError) as error:
        raise ClaimsError(f"{path} is not JSON ({error})") from error


def _sound(path: Path, found: object) -> dict:
    if not isinstance(found, dict):
        raise ClaimsError(f"{path} is no ledger, expected an object")
    if fault := ledger.schema_fault(found):
        raise ClaimsError(f"{path} does not keep the schema of ledgers ({fault})")
    return found
