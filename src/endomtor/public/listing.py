"""The ledger of downloads: every public file with size, licence, citation and state. The data page is drawn from it."""

from dataclasses import asdict

from endomtor import paths
from endomtor.public import download, registry


def downloads() -> list[dict]:
    """Return one entry a public file, in the registry's order.

    `FetchError` if the registry is not valid.

    Returns
    -------
    list[dict]
        name, file, address, bytes, sha256, licence, description, chapters; state (bundled, downloaded, not here); path
        (of an intact copy, else None); citations: a list of {key, short, text}, where key points into
        `book/references.bib`, short is like "Itokawa et al. 2022" and text is the whole reference.
    """
    entries = registry.load().values()
    works = _works({key for entry in entries for key in entry.citations})
    ledger = []
    for entry in entries:
        path = download.available(entry.name)
        state = "not here" if path is None else "bundled" if entry.bundled else "downloaded"
        about = {name: value for name, value in asdict(entry).items() if name != "bundled"}
        about |= {"citations": [{"key": key, **works[key]} for key in entry.citations], "chapters": [*entry.chapters]}
        ledger.append(about | {"state": state, "path": None if path is None else str(path)})
    return ledger


def _works(keys: set[str]) -> dict[str, dict[str, str]]:
    """Format works of `references.bib` as plain text. A key that is not there (a registry of one's own) is its text."""
    # pybtex, which the book's references use too, costs half a second to import.
    from pybtex.backends.plaintext import Backend
    from pybtex.database import BibliographyData, parse_file
    from pybtex.plugin import find_plugin

    path = paths.root() / "book" / "references.bib"
    known = parse_file(str(path)) if path.is_file() else BibliographyData()
    style = find_plugin("pybtex.style.formatting", "plain")()
    works = {}
    for key in sorted(keys):
        if key not in known.entries:
            works[key] = {"short": key, "text": key}
            continue
        entry = known.entries[key]
        (formatted,) = style.format_entries([entry])
        works[key] = {"short": _short(entry), "text": formatted.text.render(Backend())}
    return works


def _short(entry) -> str:
    people = [" ".join(person.last_names).strip("{}") for person in entry.persons.get("author", [])]
    who = entry.fields.get("key", "") if not people else people[0] + (" et al." if len(people) > 1 else "")
    return " ".join(part for part in (who, entry.fields.get("year", "")) if part)
