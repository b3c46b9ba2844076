"""What the frozen public tables say of each premise, which `endomtor claims --strict` holds a build against.

`data/derived/premises.json` is written by `freeze` from a built ledger, and names the table behind each word by sha256.
"""

import json
from pathlib import Path

from endomtor import files, paths
from endomtor.errors import ClaimsError

FILE = "premises.json"


def freeze(ledger: dict) -> Path:
    """Write the premises of a ledger as the expected ones and return the file.

    Raises
    ------
    ClaimsError
        The ledger has no premise.
    """
    found = _premises(ledger)
    if not found:
        raise ClaimsError("the ledger has no premise, expected those of a whole build")
    path = paths.data() / "derived" / FILE
    content = {"rules": ledger["rules"], "premises": found}
    files.write_text(path, json.dumps(content, indent=2, ensure_ascii=False) + "\n")
    return path


def faults(ledger: dict) -> list[str]:
    """Return a sentence for each premise whose verdict is not the frozen one, is missing or is not expected.

    A premise that was computed again from downloaded originals has another sha256 and must have the same verdict.

    Raises
    ------
    ClaimsError
        There is no file of frozen premises, or it cannot be read.
    """
    path = paths.data() / "derived" / FILE
    try:
        expected = json.loads(path.read_text(encoding="utf-8"))["premises"]
    except (OSError, ValueError, KeyError) as error:
        raise ClaimsError(f"{path}: is not a list of frozen premises ({error})") from error
    found = _premises(ledger)
    sentences = []
    for one in sorted(set(expected) | set(found)):
        demanded, seen = (_word(entries.get(one)) for entries in (expected, found))
        if demanded != seen:
            sentences.append(f"{one}: {seen}, but the frozen public result is {demanded}")
    return sentences


def _premises(ledger: dict) -> dict[str, dict]:
    return {
        record["id"]: {
            "verdict": record["verdict"],
            "reason": record["reason"],
            "title": record["provenance"]["title"],
            "sha256": record["provenance"]["sha256"],
        }
        for record in ledger["evidence"]
        if record["kind"] == "premise"
    }


def _word(entry: dict | None) -> str:
    return f"{entry['verdict']!r} ({entry['reason']})" if entry else "absent"
