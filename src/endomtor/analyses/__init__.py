"""The chapters, and for each a pure function from the tables of a data set to what the chapter records.

The notebooks compute the same in view of the reader; a build fails where their records are not these
(`Chapter.record`).
Calibration, robustness, sample size, sweeps and prospects call `answers`.
"""

from collections.abc import Container, Mapping
from dataclasses import dataclass
from functools import cached_property
from pkgutil import resolve_name

from endomtor.analyses.answer import Answer
from endomtor.claims import catalogue
from endomtor.contract.tables import CHAPTERS as TABLES_OF
from endomtor.estimate import Estimate


@dataclass(frozen=True)
class Analysis:
    """One chapter.

    Attributes
    ----------
    name : str
        File name of its notebook without the ending, for example `03_ecko_phenotypes`.
    title, question : str
        As its first cell has them.
    looks_at : str
        Part of the mouse below which the graphical abstract draws its claims: "endothelium", "HSPC" or "blood"; empty
        for one that looks at chapters.
    function : str
        `module:function` from tables to answers; empty for a chapter that records nothing from a data set.
    public : str
        `module:function` to the estimates that it records from public data; empty where there are none.
    sources : mapping of str to str
        Second part of an evidence id (`marrow` of `C3.marrow.HSC`) to the table of the contract that it comes from.
    """

    name: str
    title: str
    question: str
    looks_at: str = ""
    function: str = ""
    public: str = ""
    sources: Mapping[str, str] | None = None

    @property
    def tables(self) -> tuple[str, ...]:
        """The tables of the contract that it shows."""
        return tuple(TABLES_OF.get(self.name, ()))

    @property
    def claims(self) -> tuple[str, ...]:
        """The ids of the claims that it judges."""
        return tuple(claim.id for claim in catalogue.load().claims if claim.chapter == self.name)

    @cached_property
    def _function(self):
        return resolve_name(self.function)

    def answers(self, tables: Mapping[str, object], wanted: Container[str] | None = None) -> dict[str, Answer]:
        """Return the answers that these tables allow, by evidence id.

        Parameters
        ----------
        tables : mapping of str to DataFrame or AnnData
            As in `Dataset.tables`; they are not changed.
        wanted : container of str, optional
            Ids to answer; all where it is left out.
        """
        return self._function(tables, wanted) if self.function else {}

    def from_public(self) -> dict[str, Estimate]:
        """Return the estimates of premises and context, by evidence id; the same for every data set."""
        return resolve_name(self.public)() if self.public else {}


CHAPTERS = {
    one.name: one
    for one in (
        Analysis(
            "01_mtor_decline",
            "mTOR in aged marrow endothelium",
            "Is mTOR signalling lower in the marrow endothelial cells of old mice?",
            "endothelium",
            "endomtor.analyses.mtor_decline:answers",
            "endomtor.analyses.mtor_decline:from_public",
            {"signaling": "bmec_signaling", "cells": "bmec_cells"},
        ),
        Analysis(
            "02_rapamycin",
            "Rapamycin and hematopoiesis",
            "Does inhibiting mTOR with rapamycin harm blood formation, in young and in aged mice?",
            "endothelium",
            "endomtor.analyses.rapamycin:answers",
            "endomtor.analyses.rapamycin:from_public",
            {"blood": "rapamycin_blood", "marrow": "rapamycin_marrow"},
        ),
        Analysis(
            "03_ecko_phenotypes",
            "Aged attributes in young ECKO mice",
            "Do young mice without endothelial mTOR (mTOR {term}`ECKO`) show attributes of old ones?",
            "HSPC",
            "endomtor.analyses.ecko_phenotypes:answers",
            "endomtor.analyses.ecko_phenotypes:from_public",
            {
                "blood": "ecko_blood",
                "marrow": "ecko_marrow",
                "cells": "ecko_cells",
                "limiting_dilution": "ecko_limiting_dilution",
                "competitive": "competitive_transplants",
            },
        ),
        Analysis(
            "04_transcriptome_resemblance",
            "Does the ECKO transcriptome resemble the aged one?",
            "Do {term}`HSPCs <HSPC>` of young mTOR {term}`ECKO` mice express their genes as HSPCs of old mice do?",
            "HSPC",
            "endomtor.analyses.transcriptome:answers",
            "endomtor.analyses.transcriptome:from_public",
            {"transcriptome": "hspc_samples"},
        ),
        Analysis(
            "05_serial_transplants",
            "Serial transplants",
            "Does passage through an endothelium without mTOR leave a mark on wild-type {term}`HSPCs <HSPC>`?",
            "blood",
            "endomtor.analyses.transplants:answers",
            sources={"transplant": "serial_transplants"},
        ),
        Analysis(
            "06_synthesis",
            "Synthesis",
            "What do chapters 01 to 05 say together, and do their assays agree?",
        ),
        Analysis(
            "07_calibration",
            "Calibration",
            "How often would each analysis of this book be wrong?",
        ),
        # A new chapter stands above this line.
    )
}
"""Each chapter of the book by name, in order; `_toc.yml` lists the same."""


def answers(tables: Mapping[str, object], wanted: Container[str] | None = None) -> dict[str, Answer]:
    """Run every chapter's analysis: what all of them record from these tables, by evidence id."""
    found = {}
    for one in CHAPTERS.values():
        found |= one.answers(tables, wanted)
    return found


def table_of(evidence_id: str) -> str | None:
    """Return the table of the contract that a prediction is computed from; None for premises and context."""
    claim, section = evidence_id.split(".")[:2]
    return (CHAPTERS[catalogue.load().claim(claim).chapter].sources or {}).get(section)


__all__ = ["CHAPTERS", "Analysis", "Answer", "answers", "table_of"]
