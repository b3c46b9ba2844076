"""Reading the public files as they are into tidy frames. One function a kind of file; each takes the path.

All raise `FetchError` with one sentence when a file is not what its name says. (Each file was checked by sha256 before,
so this happens only with a file from elsewhere.)
"""

import gzip
import io
import json
import re
import zlib
from collections.abc import Collection
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from endomtor import paths
from endomtor.errors import FetchError
from endomtor.genes import outdated

POPULATIONS = ("HSC", "MPP1", "MPP2", "MPP3", "MPP4", "GMP", "MEP", "CLP")
STUDIES = (
    *("Bersenev", "Chambers", "Flach", "Grover", "Kirschner", "Kowalczyk", "Lazare", "Mann", "Maryanovich", "Norddahl"),
    *("Sun", "Wahlestedt"),
)
MTORC1 = "HALLMARK_MTORC1_SIGNALING"
PI3K_AKT_MTOR = "HALLMARK_PI3K_AKT_MTOR_SIGNALING"
INTERFERON, INFLAMMATION = "HALLMARK_INTERFERON_ALPHA_RESPONSE", "HALLMARK_INFLAMMATORY_RESPONSE"


def _read(path: Path, **options) -> pd.DataFrame:
    try:
        # utf-8-sig drops a byte order mark where there is one.
        return pd.read_csv(path, encoding="utf-8-sig", **options)
    # pandas unpacks by the name's ending; its own errors and those of encodings are ValueErrors.
    except (ValueError, OverflowError, OSError, EOFError, zlib.error) as error:
        raise FetchError(f"{path}: cannot be read as a table ({error}).") from error


def _text(path: Path) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise FetchError(f"{path}: cannot be read as text ({error}).") from error


def _counts(path: Path, frame: pd.DataFrame) -> pd.DataFrame:
    if frame.shape[1] == 0:
        raise FetchError(f"{path}: no sample column was found, expected counts with genes in the first column.")
    if frame.index.has_duplicates:
        raise FetchError(
            f"{path}: gene {frame.index[frame.index.duplicated()][0]!r} comes twice, expected one row a gene."
        )
    if frame.columns.has_duplicates:
        raise FetchError(f"{path}: column {frame.columns[frame.columns.duplicated()][0]!r} comes twice.")
    for column in frame.columns:
        values = pd.to_numeric(frame[column], errors="coerce")
        wrong = frame.index[(values.isna() | (values < 0) | (values % 1 != 0) | (values >= 2**53)).to_numpy()]
        if len(wrong):
            raise FetchError(
                f"{path}: gene {wrong[0]}, column {column}: {str(frame.at[wrong[0], column])!r}, "
                "expected a count (0, 1, 2 …)."
            )
    return frame.astype(np.int64)


def hsc_counts(counts: Path, samples: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Read GSE162607: its counts and its sample sheet.

    `FetchError` also when sheet and matrix do not hold the same samples.

    Returns
    -------
    counts : DataFrame
        Genes (today's symbols where `endomtor.genes.renamed` knows them) x 32 samples, int64.
    sheet : DataFrame
        Index: sample, in the order of the counts' columns. Columns: age (young, aged), population, group ("young_HSC").
    """
    matrix = _counts(counts, _read(counts, sep="\t", index_col=0))
    matrix = matrix.rename(index=outdated(matrix.index)).rename_axis(index="gene")
    sheet = _read(samples, dtype=str).fillna("")
    if not {"ids", "covariate"} <= set(sheet.columns):
        raise FetchError(f"{samples}: columns are {', '.join(sheet.columns)}, expected ids and covariate.")
    sheet = sheet.set_index("ids").rename_axis(index="sample")
    if sorted(sheet.index) != sorted(matrix.columns):
        odd = sorted(set(sheet.index) ^ set(matrix.columns))[:1]
        raise FetchError(
            f"{samples}: sample {odd} is not in both the sheet and {counts.name}, expected the same samples."
        )
    parts = sheet["covariate"].str.extract(r"^(Young|Aged)_(\w+)$")
    parts.columns = ["age", "population"]
    wrong = sheet.index[parts["age"].isna() | ~parts["population"].isin(POPULATIONS)]
    if len(wrong):
        raise FetchError(
            f"{samples}: sample {wrong[0]} has covariate {sheet.at[wrong[0], 'covariate']!r}, "
            f"expected Young_ or Aged_ and one of {', '.join(POPULATIONS)}."
        )
    parts["age"] = parts["age"].str.lower()
    parts["group"] = parts["age"] + "_" + parts["population"]
    return matrix, parts.loc[matrix.columns]


def aging_signature(path: Path) -> pd.DataFrame:
    """Read the HSC aging signature of Flohr Svendsen et al.

    Returns
    -------
    DataFrame
        Index: gene (220). Columns: the twelve `STUDIES` (log2 fold change old against young; missing where the gene
        was not significant in that study) and `average` (their mean).
    """
    frame = _read(path)
    wanted = ["Genes", *STUDIES, "Avg"]
    missing = [column for column in wanted if column not in frame.columns]
    if missing:
        raise FetchError(f"{path}: column {missing[0]!r} is missing, expected the table of the aging signature.")
    frame = frame[wanted].rename(columns={"Genes": "gene", "Avg": "average"}).set_index("gene")
    if frame.index.has_duplicates:
        raise FetchError(
            f"{path}: gene {frame.index[frame.index.duplicated()][0]!r} comes twice, expected one row a gene."
        )
    try:
        return frame.astype(float)
    except ValueError as error:
        raise FetchError(f"{path}: a log2 fold change is not a number ({error}).") from error


def gene_sets(path: Path) -> dict[str, tuple[str, ...]]:
    """Read a GMT file: each line a set, a link and its genes, TAB separated."""
    sets: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(_text(path).splitlines(), start=1):
        name, *rest = line.split("\t")
        genes = tuple(gene for gene in rest[1:] if gene)
        if not genes:
            raise FetchError(f"{path}, line {number}: no genes, expected a name, a link and genes separated by tabs.")
        sets[name] = genes
    return sets


@cache
def _bundled_sets(path: Path) -> dict[str, tuple[str, ...]]:
    return gene_sets(path)


def mtor_hallmarks() -> dict[str, tuple[str, ...]]:
    """Return the two bundled mTOR hallmark sets, `MTORC1` (199 genes) and `PI3K_AKT_MTOR` (105), mouse symbols."""
    return dict(_bundled_sets(paths.data() / "public" / "msigdb_mtor_hallmarks.gmt"))


def inflammation_hallmarks() -> dict[str, tuple[str, ...]]:
    """Return the two bundled hallmark sets of inflammation, `INTERFERON` and `INFLAMMATION`, mouse symbols."""
    return dict(_bundled_sets(paths.data() / "public" / "msigdb_inflammation_hallmarks.gmt"))


def ensembl_symbols(path: Path) -> pd.Series:
    """Read Ensembl gene ids and their symbols.

    Returns
    -------
    Series
        Symbol, indexed by Ensembl id, both unique.
    """
    frame = _read(path, dtype=str, keep_default_na=False)
    if not {"ensembl_id", "symbol"} <= set(frame.columns):
        raise FetchError(f"{path}: columns are {', '.join(frame.columns)}, expected ensembl_id and symbol.")
    symbols = frame.set_index("ensembl_id")["symbol"]
    if symbols.index.has_duplicates or symbols.duplicated().any():
        raise FetchError(f"{path}: an id or a symbol comes twice, expected pairs.")
    return symbols


def endothelial_counts(path: Path) -> pd.DataFrame:
    """Read the counts of one tissue's sorted endothelial cells.

    HTSeq's summary rows (`__no_feature` and the like) are dropped, and lanes of one mouse are added: a column whose
    name is that of a mouse (`YH4`), with or without `_` and what follows, belongs to that mouse.

    Returns
    -------
    DataFrame
        Ensembl ids x mice, int64, sorted by mouse. A name that begins with O is an old mouse, Y a young one.
    """
    frame = _read(path, index_col=0)
    frame = _counts(path, frame[~frame.index.astype(str).str.startswith("__")]).rename_axis(index="ensembl_id")
    mice = frame.columns.str.strip().str.split("_").str[0]
    wrong = [name for name, mouse in zip(frame.columns, mice, strict=True) if mouse[:1] not in ("O", "Y")]
    if wrong:
        raise FetchError(f"{path}: column {wrong[0]!r}, expected the name of an old (O…) or a young (Y…) mouse.")
    return frame.T.groupby(mice.to_numpy()).sum().T


def single_hsc_counts(path: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Read GSE87631: counts of single HSCs.

    The file is separated by tabs despite its name, and some cells' names begin with a space.

    Returns
    -------
    counts : DataFrame
        Genes x cells, int64; the ERCC spike-ins are among the genes.
    months : Series
        Age of each cell's mouse or mice in months (4 or 18), from the ending of the cell's name. There are no animal
        ids.
    """
    frame = _read(io.StringIO(_text(path)), sep="\t", index_col=0)
    frame.columns = frame.columns.str.strip()
    frame = _counts(path, frame).rename_axis(index="gene")
    months = frame.columns.str.extract(r"_(\d+)m$")[0]
    if months.isna().any():
        raise FetchError(
            f"{path}: cell {frame.columns[months.isna()][0]!r}, expected a name that ends in the age, like _4m."
        )
    return frame, pd.Series(months.astype(int).to_numpy(), index=frame.columns.rename("cell"), name="months")


def blood_effects(path: Path) -> pd.DataFrame:
    """Read effects on blood traits of Diversity Outbred mice (of age, a month; or of sex).

    Returns
    -------
    DataFrame
        Columns: trait, effect, se, trait_sd (in the trait's unit), p (the authors' parametric bootstrap).
    """
    frame = _read(path)
    names = {"Trait": "trait", "Effect": "effect", "SE": "se", "TraitSD": "trait_sd", "PValue_PBS": "p"}
    missing = [column for column in names if column not in frame.columns]
    if missing:
        raise FetchError(f"{path}: column {missing[0]!r} is missing, expected a table of effects on blood traits.")
    return frame[list(names)].rename(columns=names)


def aging_mice(path: Path, phenotypes: Collection[str]) -> pd.DataFrame:
    """Read some phenotypes of the individual mice of Xie et al. 2022: JSON of {data set: {phenotype: CSV}}, gzipped.

    There is no mouse id: a mouse's values of two phenotypes cannot be joined.

    Returns
    -------
    DataFrame
        One row a mouse and phenotype: dataset ("Figure2_phenotypes" …), phenotype, age ("3_mo", "young" …), arm
        (genotype or diet; "" in Figure2), value.
    """
    try:
        content = json.loads(gzip.decompress(Path(path).read_bytes()))
        tables = [
            _read(io.StringIO(text)).assign(dataset=dataset, phenotype=phenotype)
            for dataset, texts in content.items()
            for phenotype, text in texts.items()
            if phenotype in phenotypes
        ]
        return pd.concat([_one_phenotype(table) for table in tables], ignore_index=True)
    except (ValueError, OSError, EOFError, zlib.error, AttributeError, TypeError, KeyError) as error:
        raise FetchError(f"{path}: cannot be read as the mice of Xie et al. ({error}).") from error


def _one_phenotype(table: pd.DataFrame) -> pd.DataFrame:
    known = [name for name in ("genotype", "diet") if name in table]
    # The value's column has the phenotype's name, or for a ratio one like it.
    (value,) = set(table.columns) - {"age", "dataset", "phenotype", *known}
    arm = table[known[0]].astype(str) if known else ""
    return table[["dataset", "phenotype", "age"]].assign(arm=arm, value=pd.to_numeric(table[value]))


def itp_lifespans(path: Path) -> pd.DataFrame:
    """Read the lifespans of the Interventions Testing Program (Mouse Phenome Database, project ITP1).

    Returns
    -------
    DataFrame
        One row a mouse: cohort, site, sex, arm (the treatment's name), ppm (text: some cohorts had two drugs),
        start (months at the first dose; 0 for controls), died (False: removed or alive at the end), days.
    """
    names = {"cohort": "cohort", "site": "site", "sex": "sex", "group": "arm", "Rx(ppm)": "ppm"}
    names |= {"age_initiation(mo)": "start", "dead": "died", "age(days)": "days"}
    frame = _read(path, sep=";", dtype=str)
    missing = [column for column in names if column not in frame.columns]
    if missing:
        raise FetchError(f"{path}: column {missing[0]!r} is missing, expected the lifespans of project ITP1.")
    frame = frame[list(names)].rename(columns=names)
    try:
        return frame.assign(
            start=frame["start"].astype(float), died=frame["died"].astype(int) == 1, days=frame["days"].astype(float)
        )
    except ValueError as error:
        raise FetchError(f"{path}: an age is not a number ({error}).") from error


def recipients(path: Path) -> pd.DataFrame:
    """Read recipients with donor cells by donor age and HSC subset (Su et al. 2024).

    Returns
    -------
    DataFrame
        One row a group of recipients: donors (young, aged), transplant (1, 2), subset (CD49b-, CD49b+), readout (M for
        myeloid cells, HSC, CLP …), positive, tested (missing where the file has no totals).
    """
    frame = _read(path, sep=";")
    missing = [name for name in ("Age", "Population", "Reconstitution", "Number_mice") if name not in frame.columns]
    if missing:
        raise FetchError(f"{path}: column {missing[0]!r} is missing, expected recipients with donor cells.")
    return pd.DataFrame(
        {
            "donors": frame["Age"].map({"Young": "young", "Old": "aged"}),
            "transplant": frame.get("Transplantation", 1),
            "subset": frame["Population"].map({"CD49bneg": "CD49b\u2212", "CD49bpos": "CD49b+"}),
            "readout": frame["Reconstitution"].str.strip(),
            "positive": frame["Number_mice"],
            "tested": frame.get("Total_mice", np.nan),
        }
    )


def recipients_tested(path: Path) -> list[int]:
    """Read from the authors' script how many recipients each row of their first file stands for."""
    found = re.search(r"n_mice_total <- c\(([\d,]+)\)", _text(path))
    if found is None:
        raise FetchError(f"{path}: no line with n_mice_total, expected the script that names the recipients tested.")
    return [int(one) for one in found[1].split(",")]


def lt_hsc_rpkm(path: Path) -> tuple[pd.DataFrame, pd.Series]:
    """Read RPKM of LT-HSCs of three young and three old mice.

    Returns
    -------
    rpkm : DataFrame
        Symbols x mice (Y1 … O3); rows with one symbol are added.
    symbols : Series
        Symbol by Ensembl id, each id once.
    """
    frame = _read(path, sep="\t")
    mice = frame.columns.str.extract(r"^rpkm\.A_([YO]\d)_")[0]
    if not {"ENSEMBL", "SYMBOL"} <= set(frame.columns) or mice.notna().sum() != 6:
        raise FetchError(f"{path}: expected ENSEMBL, SYMBOL and six columns of RPKM.")
    named = frame.dropna(subset=["ENSEMBL", "SYMBOL"])
    rpkm = named.loc[:, mice.notna().to_numpy()].set_axis(mice.dropna(), axis="columns").rename_axis(columns=None)
    symbols = named.drop_duplicates("ENSEMBL").set_index("ENSEMBL")["SYMBOL"]
    return rpkm.groupby(named["SYMBOL"].to_numpy()).sum(), symbols


def star_counts(path: Path) -> pd.Series:
    """Read STAR's `ReadsPerGene.out.tab`: the counts of its fourth column by Ensembl id, without the `N_` rows."""
    frame = _read(path, sep="\t", header=None, index_col=0)
    if frame.shape[1] != 3:
        raise FetchError(f"{path}: {frame.shape[1] + 1} columns, expected the four of ReadsPerGene.out.tab.")
    counts = _counts(path, frame[~frame.index.astype(str).str.startswith("N_")])[3]
    return counts.groupby(counts.index.str.split(".").str[0]).sum()


def slopes_of_age(path: Path) -> pd.DataFrame:
    """Read slopes of age in Diversity Outbred females, or the scales of their traits: a row a `Phenotype`."""
    frame = _read(path)
    if "Phenotype" not in frame.columns:
        raise FetchError(f"{path}: column 'Phenotype' is missing, expected slopes of age or their scales.")
    return frame
