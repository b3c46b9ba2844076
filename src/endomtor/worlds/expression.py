"""Drawing the HSPC transcriptome and the single endothelial cells of one cohort from a world.

Baselines and dispersions of genes come from real mouse counts (`data/derived/`), effects from the world.
"""

from dataclasses import dataclass
from functools import cache
from math import log2
from pathlib import Path

import numpy as np
import pandas as pd

from endomtor import paths
from endomtor.errors import WorldError
from endomtor.worlds.parameters import SexGenes, Transcriptome
from endomtor.worlds.tabular import BATCHES, animals, stream
from endomtor.worlds.world import GROUPS, World

# The programmes of genes belong to the worlds, not to a cohort: they are drawn once, whatever the seed of a cohort.
PROGRAMME_SEED = 20191212
FEMALE_GENES = ("Xist",)
MALE_GENES = ("Ddx3y", "Eif2s3y", "Kdm5d", "Uty")


@dataclass(frozen=True)
class Programme:
    """What every cohort shares: genes in rows.

    Attributes
    ----------
    mean, dispersion : ndarray
        Normalised counts, negative binomial dispersion.
    aging : ndarray
        log2 old / young.
    nuisance, toxic : ndarray
        Loadings of sd 1 over the genes touched, made orthogonal to `aging`: on the latent factor of an animal, and
        under a toxic knock-out.
    inflammation : ndarray
        1 for the genes of the interferon and inflammatory hallmarks, 0 for all others.
    """

    genes: np.ndarray
    mean: np.ndarray
    dispersion: np.ndarray
    aging: np.ndarray
    nuisance: np.ndarray
    toxic: np.ndarray
    inflammation: np.ndarray


def _read_baseline(name: str) -> pd.DataFrame:
    path = paths.data() / "derived" / name
    try:
        # A gene may be called "NA" or "nan": only an empty cell is missing.
        return pd.read_csv(path, keep_default_na=False, na_values=[""], dtype={"gene": str})
    except OSError as error:
        raise WorldError(
            f"{path}: cannot be read, expected the frozen baseline of genes ({error.strerror})."
        ) from error


@cache
def _programme(root: Path, one: Transcriptome, sex_genes: SexGenes) -> Programme:
    table = _read_baseline("hspc_gene_baseline.csv").dropna()
    # Sex genes depend on the sex of the mice in the public data: their means are the worlds' own.
    table = table[~table["gene"].isin(FEMALE_GENES + MALE_GENES) & (table["mean"] > 0)]
    rng = np.random.default_rng(PROGRAMME_SEED)
    names = [*table["gene"], *FEMALE_GENES, *MALE_GENES]
    extra = len(names) - len(table)
    observed = table["aging_lfc"].to_numpy(float)
    aging = np.append(observed**3 / (observed**2 + one.shrinkage**2), np.zeros(extra))
    touched = rng.random((2, len(names)))
    nuisance = rng.normal(size=len(names)) * (touched[0] < one.nuisance_genes)
    toxic = rng.normal(size=len(names)) * (touched[1] < one.toxic_genes)
    nuisance[len(table) :] = toxic[len(table) :] = 0
    return Programme(
        genes=np.array(names, dtype=object),
        mean=np.append(table["mean"].to_numpy(float), [getattr(sex_genes, gene) for gene in FEMALE_GENES + MALE_GENES]),
        dispersion=np.append(
            table["dispersion"].to_numpy(float).clip(one.dispersion_floor, one.dispersion_ceiling),
            np.full(extra, one.dispersion_floor),
        ),
        aging=aging,
        nuisance=_orthogonal(nuisance, aging),
        toxic=_orthogonal(toxic, aging),
        inflammation=np.isin(names, _inflammatory_genes()).astype(float),
    )


def _inflammatory_genes() -> list[str]:
    # A set a line: its name, a link, its genes.
    sets = (paths.data() / "public" / "msigdb_inflammation_hallmarks.gmt").read_text(encoding="utf-8").splitlines()
    return sorted({gene for line in sets for gene in line.split("\t")[2:]})


def _orthogonal(programme: np.ndarray, axis: np.ndarray) -> np.ndarray:
    """Return `programme` without its part along `axis`, on the genes that it touches."""
    along = axis * (programme != 0)
    if not along.any():
        return programme
    return programme - along * (programme @ axis) / (along @ axis)


def programme(world: World) -> Programme:
    """Return the genes of the worlds with their baselines and programmes."""
    return _programme(paths.data(), world.endpoints.transcriptome, world.endpoints.sex_genes)


def hspc(world: World, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return raw counts (genes x samples, first column `gene`) and the sample sheet.

    log2 mean = baseline + aging + ECKO (phi x aging, toxic programme, inflammation) + batch + sex + the nuisance
    programme of the animal: a latent factor on correlated genes that is partly along the aging axis. Counts are
    negative binomial.
    """
    rng = stream(seed, "hspc_counts")
    one, genes = world.endpoints.transcriptome, programme(world)
    units = animals(world, "hspc", GROUPS, world.endpoints.design.transcriptome_animals)
    n, group = len(units.frame), units.group
    latent = world.endpoints.spread.between(rng.normal(size=n))
    along = world.shifts("transcriptome")[group] + one.nuisance_along * latent
    batch = rng.normal(0, one.batch_sd, (len(genes.genes), BATCHES))
    depth = rng.normal(0, one.depth_sd, n)
    change = np.outer(genes.aging, along) + np.outer(one.nuisance_loading * genes.nuisance, latent)
    change += batch[:, units.batch]
    change += np.outer(_illness(world, genes), group == GROUPS.index("ecko"))
    mean = genes.mean[:, None] * np.exp2(change) * np.exp(depth)
    leak = world.endpoints.sex_genes.leak
    for markers, absent in ((FEMALE_GENES, units.male), (MALE_GENES, ~units.male)):
        mean[np.ix_(np.isin(genes.genes, markers), absent)] = leak
    counts = negative_binomial(rng, mean, genes.dispersion[:, None])
    samples = units.frame["animal"].str.replace("sim-hspc", "sim-rna")
    table = pd.DataFrame(counts, columns=samples.to_list())
    table.insert(0, "gene", genes.genes)
    sheet = units.frame.copy()
    sheet.insert(0, "sample", samples)
    sheet["population"] = "HSC"
    return table.sort_values("gene", ignore_index=True), sheet


def _illness(world: World, genes: Programme) -> np.ndarray:
    """Return the log2 change of each gene in ECKO that has nothing to do with aging."""
    return genes.toxic * world.toxicity.get("transcriptome", 0.0) + genes.inflammation * world.inflammation


def inflammation_beyond_age(world: World) -> float:
    """Return (ecko - control) - (aged - young) of the mean log2 expression of inflammatory genes minus that of others.

    All genes are taken to be expressed.
    """
    genes = programme(world)
    _, aged, _, ecko = world.shifts("transcriptome")
    change, inside = (ecko - aged) * genes.aging + _illness(world, genes), genes.inflammation > 0
    return float(change[inside].mean() - change[~inside].mean())


def negative_binomial(rng: np.random.Generator, mean: np.ndarray, dispersion: np.ndarray | float) -> np.ndarray:
    """Return counts with variance mean + dispersion x mean^2, as a gamma mixture of Poissons."""
    size = 1 / np.asarray(dispersion)
    return rng.poisson(rng.gamma(size, 1 / size, mean.shape) * mean)


def bmec_cells(world: World, seed: int):
    """Return an AnnData of single BMECs of young and aged animals: sparse raw counts, cells within animals.

    Each animal has its own expression; the mTORC1 hallmark moves with endothelial mTOR; two subtypes differ by a
    programme of their own.
    """
    import anndata
    from scipy import sparse

    rng = stream(seed, "bmec_cells")
    one, design = world.endpoints.bmec_cells, world.endpoints.design
    table = _read_baseline("ec_gene_baseline.csv").dropna()
    table = table[(table["mean"] > 0) & ~table["gene"].isin(FEMALE_GENES + MALE_GENES)].sort_values("gene")
    units = animals(world, "ec", ("young", "aged"), design.bmec_animals)
    frame = units.frame
    fixed = np.random.default_rng(PROGRAMME_SEED + 1)
    subtype = fixed.normal(0, one.subtype_sd, len(table)) * (fixed.random(len(table)) < one.subtype_genes)
    fall = one.hallmark_responds * log2(world.bmec_mtor) * table["mtorc1"].to_numpy(float)
    animal = np.outer(units.aged, fall) + rng.normal(0, one.animal_sd, (len(frame), len(table)))
    batch = rng.normal(0, one.animal_sd, (BATCHES, len(table)))
    animal += batch[units.batch]
    # Genes of one pathway move together in an animal: without this, two hundred of them would average the animals away.
    animal += np.outer(
        one.hallmark_sd * world.endpoints.spread.between(rng.normal(size=len(frame))), table["mtorc1"].to_numpy(float)
    )
    cells = design.bmec_cells_per_animal
    owner = np.repeat(np.arange(len(frame)), cells)
    arteriolar = rng.random(len(owner)) < one.arteriolar_share
    relative = np.exp2(np.log2(table["mean"].to_numpy(float)) + animal[owner] + np.outer(arteriolar, subtype))
    total = one.cell_total * np.exp(rng.normal(0, one.cell_total_sd, len(owner)))
    mean = total[:, None] * relative / relative.sum(axis=1, keepdims=True)
    counts = sparse.csr_matrix(negative_binomial(rng, mean, one.gene_dispersion).astype(np.int32))
    obs = frame.iloc[owner].reset_index(drop=True)
    obs["ec_subtype"] = np.where(arteriolar, "arteriolar", "sinusoidal")
    obs.index = [
        f"{name}-cell-{i + 1:03d}" for name, i in zip(obs["animal"], np.tile(range(cells), len(frame)), strict=True)
    ]
    data = anndata.AnnData(X=counts, obs=obs, var=pd.DataFrame(index=table["gene"].to_list()))
    data.uns["endomtor_provenance"] = "simulated"
    return data
