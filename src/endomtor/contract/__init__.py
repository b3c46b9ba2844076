"""The data contract: what a data directory may hold, and loading it."""

from endomtor.contract.dataset import Confounding, Dataset, check, examine, load, provenance_of
from endomtor.contract.document import contract_markdown, table_markdown
from endomtor.contract.problems import Problem
from endomtor.contract.rules import shared_background, shared_backgrounds
from endomtor.contract.tables import CHAPTERS, DATASET_KEYS, DESIGN_KEYS, TABLES, Column, Table
from endomtor.contract.vocabulary import Vocabulary, vocabulary

__all__ = [
    "CHAPTERS",
    "DATASET_KEYS",
    "DESIGN_KEYS",
    "TABLES",
    "Column",
    "Confounding",
    "Dataset",
    "Problem",
    "Table",
    "Vocabulary",
    "check",
    "contract_markdown",
    "examine",
    "load",
    "provenance_of",
    "shared_background",
    "shared_backgrounds",
    "table_markdown",
    "vocabulary",
]
