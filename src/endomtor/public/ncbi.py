"""Which GEO series belong to a paper, asked of NCBI's E-utilities, and files of GEO.

Source of the format: NCBI, "Entrez Programming Utilities Help" (NBK25499: elink, esummary; NBK25497: rules of use) and
"GEO, programmatic access". The live service was not reached from the place of development: the tests speak to a server
on loopback that answers in the documented shapes.
"""

import os
import re
import threading
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlencode

from endomtor import paths
from endomtor.errors import FetchError
from endomtor.public import archives, transfer

PAPER = "32289154"
"""The PubMed id of the book's paper."""
EUTILS = "https://eutils.ncbi.nlm.nih.gov/entrez/eutils"
GEO = "https://ftp.ncbi.nlm.nih.gov/geo"
# NCBI's rule: 3 requests a second, 10 with an API key. A little slower, since clocks differ.
GAP, GAP_WITH_KEY = 0.35, 0.11
# An answer of the E-utilities is some kilobytes; a file of a series may be large.
LONGEST_ANSWER = 20 * 10**6
LARGEST_FILE = 4 * 10**9
_ACCESSION = re.compile(r"GSE[1-9][0-9]{0,8}")
_pace = transfer.Pace()


@dataclass(frozen=True)
class Series:
    """A series of GEO, as esummary describes it.

    Attributes
    ----------
    accession : str
        Like "GSE162607".
    title, organism, kind, date : str
        kind is GEO's type of experiment, date that of its publication.
    """

    accession: str
    title: str
    organism: str
    kind: str
    date: str
    samples: int


def accession_of(text: str) -> str:
    """Return the accession of a series in GEO's spelling.

    `FetchError` when the text is none.
    """
    accession = text.strip().upper()
    if not _ACCESSION.fullmatch(accession):
        raise FetchError(f"{text!r} is not the accession of a GEO series, expected GSE and a number, like GSE162607.")
    return accession


def series_of(pmid: str = PAPER, *, pauses: tuple[float, ...] = transfer.PAUSES) -> list[Series]:
    """Ask NCBI which GEO series belong to a paper: elink from PubMed to GEO, then esummary.

    `NCBI_API_KEY` and `NCBI_EMAIL` are sent where they are set.

    `FetchError` when the id is none, NCBI cannot be reached or its answer is not of the documented shape.

    Returns
    -------
    list[Series]
        Sorted by accession; empty where PubMed links the paper to none.
    """
    if not re.fullmatch("[1-9][0-9]{0,9}", pmid):
        raise FetchError(f"{pmid!r} is not a PubMed id, expected a number like {PAPER}.")
    links = _asked("elink", pauses, dbfrom="pubmed", db="gds", linkname="pubmed_gds", id=pmid)
    ids = sorted({link.text or "" for link in links.iterfind("LinkSet/LinkSetDb/Link/Id")})
    if not all(one.isdecimal() for one in ids):
        raise FetchError(f"PubMed {pmid}: elink answered with an id that is no number, expected ids of GEO.")
    found = []
    # Not in one address, which would grow too long for a server.
    for start in range(0, len(ids), 100):
        summaries = _asked("esummary", pauses, db="gds", id=",".join(ids[start : start + 100]))
        for summary in summaries.iterfind("DocSum"):
            fields = {item.get("Name", ""): item.text or "" for item in summary.iterfind("Item")}
            # Platforms, curated sets and single samples are linked as well.
            if fields.get("entryType") == "GSE" and _ACCESSION.fullmatch(fields.get("Accession", "")):
                found.append(_series(fields))
    return sorted(found, key=lambda one: int(one.accession[3:]))


def _series(fields: dict[str, str]) -> Series:
    samples = fields.get("n_samples", "")
    return Series(
        accession=fields["Accession"],
        title=fields.get("title", ""),
        organism=fields.get("taxon", ""),
        kind=fields.get("gdsType", ""),
        date=fields.get("PDAT", ""),
        samples=int(samples) if re.fullmatch("[0-9]{1,9}", samples) else 0,
    )


def _asked(tool: str, pauses: tuple[float, ...], **parameters: str):
    """Return the root element of an answer of the E-utilities."""
    key, email = (os.environ.get(name, "").strip() for name in ("NCBI_API_KEY", "NCBI_EMAIL"))
    parameters |= {"tool": "endomtor"} | ({"email": email} if email else {}) | ({"api_key": key} if key else {})
    address = transfer.mirrored(f"{EUTILS}/{tool}.fcgi?{urlencode(parameters)}")

    def once() -> bytes:
        _pace.wait(GAP_WITH_KEY if key else GAP)
        return transfer.text(f"NCBI {tool}", address, LONGEST_ANSWER)

    return _parsed(tool, transfer.persist(once, pauses, threading.Event()))


def _parsed(tool: str, content: bytes):
    # NCBI's answers name their DTD, so a DOCTYPE alone cannot be refused; defusedxml refuses what is dangerous in one:
    # entities and anything read from elsewhere.
    from xml.etree.ElementTree import ParseError

    from defusedxml import DefusedXmlException
    from defusedxml.ElementTree import fromstring

    expected = f"e{tool[1].upper()}{tool[2:]}Result"
    try:
        root = fromstring(content)
    except DefusedXmlException as error:
        raise FetchError(f"NCBI {tool}: the answer defines entities, expected plain XML; it was not read.") from error
    except (ParseError, ValueError, LookupError) as error:
        raise FetchError(f"NCBI {tool}: the answer is not XML ({error}), expected <{expected}>.") from error
    if root.tag != expected:
        raise FetchError(f"NCBI {tool}: the answer is <{root.tag[:40]}>, expected <{expected}>.")
    if (fault := root.find(".//ERROR")) is not None:
        raise FetchError(f"NCBI {tool} answered with an error: {' '.join((fault.text or '').split())[:200]}.")
    return root


def series_address(accession: str) -> str:
    """Return the folder of a series: GEO puts a thousand of them together, GSE162607 into GSE162nnn."""
    return f"{GEO}/series/{accession[:-3] if len(accession) > 6 else 'GSE'}nnn/{accession}"


def soft_address(accession: str) -> str:
    """Return the address of the SOFT file of a series with its samples and platforms."""
    return f"{series_address(accession)}/soft/{accession}_family.soft.gz"


def get(
    addresses: list[str], folder: Path, *, progress: bool = False, pauses: tuple[float, ...] = transfer.PAUSES
) -> list[Path]:
    """Get files of GEO, which nobody registered: so no sha256 is known before, and a cut one shows in its gzip sum.

    Parameters
    ----------
    addresses : list of str
        https addresses; GEO writes ftp ones into its records, see `endomtor.public.geo`.
    folder : Path
        Where to; each file has the last part of its address as its name.

    Raises
    ------
    FetchError, NoNetworkError
    """

    def one(address: str, bar: transfer.Bar, stop: threading.Event) -> Path:
        out = folder / address.rsplit("/", 1)[-1]
        part = transfer.Partial(out)
        item = transfer.Item(out.name, transfer.mirrored(address), size=None, limit=LARGEST_FILE)

        def attempt() -> None:
            _pace.wait(GAP)
            transfer.receive(item, part, bar, stop)

        transfer.persist(attempt, pauses, stop)
        try:
            with archives.opened(part.path) as stream:
                while stream.read(1 << 20):
                    pass
        except FetchError as error:
            part.discard()
            reason = str(error).partition(": ")[2]
            raise FetchError(f"{item.name}: what {item.place} holds was not kept: {reason}") from error
        part.become(out)
        return out

    with transfer.bars(progress) as bars:
        tasks = {
            address: partial(one, address, transfer.Bar(bars, address.rsplit("/", 1)[-1], None))
            for address in dict.fromkeys(addresses)
        }
        return list(transfer.together(tasks).values())


def cache(accession: str) -> Path:
    """Return where the files of a series are kept."""
    return paths.cache_dir() / "geo" / accession
