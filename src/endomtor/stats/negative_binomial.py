"""The fits of DESeq2 for all genes at once: pydeseq2 asks for them through its class of inference methods.

pydeseq2 calls scipy's optimiser gene by gene, and most of its time goes into these calls: here the same equations are
solved thirty times as fast. A gene that the iterations for its coefficients do not fit is still left to pydeseq2.
"""

import warnings

import numpy as np
import pandas as pd
from pydeseq2.dds import DeseqDataSet
from pydeseq2.default_inference import DefaultInference
from pydeseq2.utils import nb_nll
from scipy.optimize.elementwise import find_root
from scipy.special import digamma
from scipy.stats import norm
from threadpoolctl import threadpool_limits

_VALUES = 2_000_000
"""Counts that are fitted at once: arrays of a few of that size are needed."""

_FLOOR = 0.5
"""Least fitted mean of R's DESeq2."""

_FLAT = 0.05
"""A slope of the likelihood in log dispersion from which R's search does not get away in its 100 shortening steps."""


def fit_genes(counts: pd.DataFrame, design: pd.DataFrame) -> DeseqDataSet:
    """Fit DESeq2's model: size factors by median of ratios, dispersions with trend and prior, unshrunken coefficients.

    Parameters
    ----------
    counts : DataFrame
        Genes x samples, whole numbers.
    design : DataFrame
        Samples x columns of the model, in the order of the counts' columns.

    Returns
    -------
    DeseqDataSet
        `varm["LFC"]` has the coefficients (natural log) under the design's names, `var["dispersions"]` NB alpha.
    """
    kwargs = {"metadata": pd.DataFrame(index=design.index), "design": design, "inference": AllGenes(), "quiet": True}
    # A gene's matrices are tiny: threads of the linear algebra only wait for each other (tenfold on a busy machine).
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        dds = DeseqDataSet(counts=counts.T, **kwargs)
        dds.deseq2()
    return dds


class AllGenes(DefaultInference):
    """Fits of many genes at once, see `pydeseq2.inference.Inference`; counts are samples x genes.

    References
    ----------
    Love MI, Huber W, Anders S (2014) Genome Biol 15:550; Muzellec B et al. (2023) Bioinformatics 39:btad547 (PyDESeq2).
    """

    def lin_reg_mu(self, counts, size_factors, design_matrix, min_mu):
        """Return means from one least squares, samples x genes; pydeseq2 starts a scikit-learn model a gene."""
        beta = np.linalg.lstsq(design_matrix, counts / size_factors[:, None], rcond=None)[0]
        return np.maximum(size_factors[:, None] * (design_matrix @ beta), min_mu)

    def irls(self, counts, size_factors, design_matrix, disp, min_mu, beta_tol, **options):
        """Return coefficients (genes x columns), means and leverages (samples x genes), and which genes converged."""
        x = np.asarray(design_matrix, float)
        if np.linalg.matrix_rank(x) < x.shape[1]:
            return super().irls(counts, size_factors, design_matrix, disp, min_mu, beta_tol, **options)
        parts = [
            _weighted_least_squares(counts[:, some], size_factors, x, disp[some], min_mu, beta_tol, **options)
            for some in _some_genes(counts)
        ]
        beta, mu, leverage, left = map(np.concatenate, zip(*parts, strict=True))
        mu, leverage, converged = mu.T.copy(), leverage.T.copy(), np.ones(len(beta), bool)
        if left.any():
            beta[left], mu[:, left], leverage[:, left], converged[left] = super().irls(
                counts[:, left], size_factors, design_matrix, disp[left], min_mu, beta_tol, **options
            )
        return beta, mu, leverage, converged

    def alpha_mle(
        self,
        counts,
        design_matrix,
        mu,
        alpha_hat,
        min_disp,
        max_disp,
        prior_disp_var=None,
        cr_reg=True,
        prior_reg=False,
        optimizer=None,
    ):
        """Return the dispersion of each gene, and for which genes one was found.

        The optimum next to `alpha_hat` in the direction of descent, between `min_disp` and `max_disp`, with the
        adjustment of Cox and Reid (`cr_reg`) and the prior around `alpha_hat` (`prior_reg`).
        """
        x = np.asarray(design_matrix, float) if cr_reg else None
        variance = prior_disp_var if prior_reg else None
        limits = np.log(min_disp), np.log(max_disp)
        start = np.clip(np.log(np.asarray(alpha_hat, float)), *limits)
        found = [
            _dispersions(counts[:, some].T.astype(float), mu[:, some].T, x, start[some], limits, variance)
            for some in _some_genes(counts)
        ]
        logs = np.concatenate(found)
        converged = np.isfinite(logs)
        return np.exp(np.where(converged, logs, start)), converged

    def wald_test(self, design_matrix, disp, lfc, mu, ridge_factor, contrast, lfc_null, alt_hypothesis=None):
        """Return p, statistic and standard error of a contrast for each gene; `mu` is samples x genes.

        The fitted means have R's floor, which pydeseq2 leaves out of the standard error. A test against another value
        than 0, or of one side, is left to pydeseq2.
        """
        mu = np.maximum(mu, _FLOOR)
        if alt_hypothesis is not None or np.any(lfc_null):
            return super().wald_test(design_matrix, disp, lfc, mu, ridge_factor, contrast, lfc_null, alt_hypothesis)
        x, contrast = np.asarray(design_matrix, float), np.asarray(contrast, float)
        weights = (mu / (1 + mu * disp)).T
        information = (weights @ _products(x)).reshape(-1, *ridge_factor.shape)
        inverse = np.linalg.inv(information + ridge_factor) @ contrast
        error = np.sqrt(np.einsum("gi,gij,gj->g", inverse, information, inverse))
        statistic = lfc @ contrast / error
        return 2 * norm.sf(np.abs(statistic)), statistic, error


def _some_genes(counts: np.ndarray) -> list[slice]:
    samples, genes = counts.shape
    many = max(1, _VALUES // samples)
    return [slice(first, first + many) for first in range(0, genes, many)]


def _products(x: np.ndarray) -> np.ndarray:
    """Return the products of each two columns, so that weights @ products are the weighted cross products."""
    return (x[:, :, None] * x[:, None, :]).reshape(len(x), -1)


def _weighted_least_squares(counts, size_factors, x, disp, min_mu, beta_tol, max_beta=30, maxiter=250, **_):
    """Return coefficients, means, leverages (genes first), and which genes pydeseq2 would hand to an optimiser."""
    y, columns, products = counts.T.astype(float), x.shape[1], _products(x)
    ridge = 1e-6 * np.eye(columns)

    def means(beta: np.ndarray) -> np.ndarray:
        return np.maximum(size_factors * np.exp(beta @ x.T), min_mu)

    def information(weights: np.ndarray) -> np.ndarray:
        return (weights @ products).reshape(-1, columns, columns) + ridge

    q, r = np.linalg.qr(x)
    beta = np.linalg.solve(r, q.T @ np.log(y / size_factors + 0.1).T).T
    mu = means(beta)
    left = np.zeros(len(y), bool)
    going, deviance = np.arange(len(y)), np.full(len(y), 1000.0)
    for _iteration in range(1, maxiter):
        own, seen, alpha = mu[going], y[going], disp[going]
        weights = own / (1 + own * alpha[:, None])
        working = np.log(own / size_factors) + (seen - own) / own
        step = np.linalg.solve(information(weights), ((weights * working) @ x)[:, :, None])[:, :, 0]
        tame = (np.abs(step) <= max_beta).all(axis=1)
        left[going[~tame]] = True
        going, seen, alpha, before = going[tame], seen[tame], alpha[tame], deviance[going[tame]]
        beta[going] = step[tame]
        mu[going] = means(beta[going])
        deviance[going] = -2 * nb_nll(seen.T, mu[going].T, alpha)
        going = going[np.abs(deviance[going] - before) > beta_tol * (np.abs(deviance[going]) + 0.1)]
        if not len(going):
            break
    left[going] = True
    weights = mu / (1 + mu * disp[:, None])
    leverage = weights * (np.linalg.inv(information(weights)).reshape(len(y), -1) @ products.T)
    # R too returns the means without their floor.
    return beta, size_factors * np.exp(beta @ x.T), leverage, left


def _dispersions(
    y: np.ndarray,
    mu: np.ndarray,
    x: np.ndarray | None,
    start: np.ndarray,
    limits: tuple[float, float],
    variance: float | None,
) -> np.ndarray:
    """Return the log dispersion of each gene where the slope of its log likelihood goes through zero, NaN for none.

    Parameters
    ----------
    y, mu : array, genes x samples
        Counts and means.
    x : array or None
        Design; with it the adjustment of Cox and Reid.
    start : array
        Where each gene's search begins, and the middle of the prior.
    variance : float or None
        Of the prior; None: no prior.
    """
    products = None if x is None else _products(x)

    def slope(at: np.ndarray, gene: np.ndarray) -> np.ndarray:
        """Return the derivative of the negative log likelihood in log dispersion."""
        seen, own, alpha = y[gene], mu[gene], np.exp(at)[:, None]
        size = 1 / alpha
        terms = digamma(size) - digamma(seen + size) + np.log1p(own * alpha) + (seen - own) / (own + size)
        found = -size[:, 0] * terms.sum(axis=1)
        if products is not None:
            weights = own / (1 + own * alpha)
            square = -1, x.shape[1], x.shape[1]
            inverse = np.linalg.inv((weights @ products).reshape(square))
            change = (-(weights**2) @ products).reshape(square)
            found += 0.5 * alpha[:, 0] * (inverse * change).sum(axis=(1, 2))
        if variance is not None:
            found += (at - start[gene]) / variance
        return found

    genes = np.arange(len(y))
    here, there = start.copy(), start.copy()
    first = slope(start, genes)
    sign = np.sign(first)
    # Downhill in longer and longer steps, until the slope turns or the limit is reached. A gene whose moments show no
    # more than Poisson noise starts at the lower limit, where its likelihood is flat: there it stays, as in R.
    going, stride = genes[np.abs(first) > np.where(start == limits[0], _FLAT, 0)], 0.5
    while len(going):
        here[going] = there[going]
        there[going] = np.clip(there[going] - stride * sign[going], *limits)
        downhill = slope(there[going], going) * sign[going] > 0
        at_limit = there[going] == np.where(sign[going] > 0, limits[0], limits[1])
        here[going[downhill & at_limit]] = there[going[downhill & at_limit]]
        going, stride = going[downhill & ~at_limit], 2 * stride
    turned = here != there
    if turned.any():
        bracket = np.minimum(here, there)[turned], np.maximum(here, there)[turned]
        found = find_root(slope, bracket, args=(genes[turned],), tolerances={"xatol": 1e-9, "xrtol": 0})
        here[turned] = found.x
    here[~np.isfinite(first)] = np.nan
    return here
