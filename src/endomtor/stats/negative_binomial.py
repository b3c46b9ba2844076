"""The fits of DESeq2 for all genes at once: pydeseq2 asks for them through its class of inference methods.

pydeseq2 calls scipy's optimiser gene by gene, and most of its time goes into these calls: here the same equations are
solved thirty times as fast. A gene that the iterations for its coefficients do not fit goes to scipy's optimiser.
"""

import warnings

import numpy as np
import pandas as pd
from pydeseq2.dds import DeseqDataSet
from pydeseq2.default_inference import DefaultInference
from pydeseq2.utils import n_or_more_replicates, nb_nll
from scipy.optimize import minimize
from scipy.optimize.elementwise import find_root
from scipy.special import digamma
from scipy.stats import f, norm
from threadpoolctl import threadpool_limits

_VALUES = 2_000_000
"""Counts that are fitted at once: arrays of a few of that size are needed."""

_FLOOR = 0.5
"""Least fitted mean of R's DESeq2."""

_ITERATIONS = 100
"""After so many R's DESeq2 takes a gene for one that the iterations do not fit; pydeseq2 waits for 250."""

_LARGEST = 30
"""A coefficient beyond this has run away."""

_RIDGE = 1e-6
"""Penalty on the squares of the coefficients."""

_FLAT = 0.05
"""A slope of the likelihood in log dispersion from which R's search does not get away in its 100 shortening steps."""


class GeneFit(DeseqDataSet):
    """pydeseq2's data set with Cook's filter by R's rule, and with words for what did not go as it should.

    Parameters are those of `DeseqDataSet`; `deseq2()` fits. pydeseq2's own rule spares an outlier that three samples
    exceed in any design, R's in a comparison of two groups only.

    References
    ----------
    Love MI, Huber W, Anders S (2014) Genome Biol 15:550; `DESeq2::results`, `DESeq2:::recordMaxCooks`.

    Examples
    --------
    >>> counts = pd.DataFrame(np.random.default_rng(1).poisson(90, (6, 40)), index=[f"mouse {i}" for i in range(6)])
    >>> mice = pd.DataFrame({"group": ["aged", "young"] * 3}, index=counts.index)
    >>> with warnings.catch_warnings():
    ...     warnings.simplefilter("ignore")
    ...     fit = GeneFit(counts=counts, metadata=mice, design="~group", inference=AllGenes(), quiet=True)
    ...     fit.deseq2()
    >>> int(fit.cooks_outlier().sum()), fit.marked(), fit.uns["disp_function_type"]
    (0, {}, 'mean')
    >>> print(*fit.caveats())
    The trend of dispersion over mean was not found: one mean stands in for it, where R fits a local curve.
    """

    def cooks_outlier(self) -> pd.Series:
        """Return which genes lose their p to an outlier, gene -> bool.

        Those with a Cook's distance above the 99 % quantile of F(columns, samples - columns) in a sample whose cell of
        the design holds three or more. Where the design is one factor of two levels, a gene is spared if three samples
        have more counts than the sample with the largest distance of all. A sample alone in its cell has a distance
        that hangs on the coding of the design; R's usual one is `~group`.
        """
        if "_pvalue_cooks_outlier" in self.var:
            return self.var["_pvalue_cooks_outlier"]
        samples, columns = self.obsm["design_matrix"].shape
        cooks = self.layers["cooks"]
        # Outliers that were replaced no longer count.
        kept = self.layers.get("replace_cooks", cooks)
        replicated = n_or_more_replicates(self.obsm["design_matrix"], 3).to_numpy()
        outlier = (kept[replicated] > f.ppf(0.99, columns, samples - columns)).any(axis=0)
        if self._two_groups():
            largest = np.where(np.isnan(cooks), -1, cooks).argmax(axis=0)
            suspect = self.X[largest, np.arange(self.n_vars)]
            outlier &= (suspect < self.X).sum(axis=0) < 3
        self.var["_pvalue_cooks_outlier"] = outlier
        if self.low_memory:
            for layer in {"cooks", "replace_cooks"} & set(self.layers):
                del self.layers[layer]
        return self.var["_pvalue_cooks_outlier"]

    def _two_groups(self) -> bool:
        if not isinstance(self.design, str) or len(self.variables) != 1:
            return False
        levels = self.obs[next(iter(self.variables))]
        return levels.nunique() == 2 and not pd.api.types.is_numeric_dtype(levels)

    def marked(self) -> dict[str, str]:
        """Return the genes whose coefficients or dispersion were not found, each with its name and an asterisk."""
        flags = self.var[["_genewise_converged", "_MAP_converged", "_LFC_converged"]]
        return {gene: f"{gene}*" for gene in self.var_names[~flags.fillna(True).astype(bool).all(axis=1)]}

    def caveats(self) -> tuple[str, ...]:
        """Return a sentence for each thing that a reader of the results must know, none if all went well."""
        found, marked = [], self.marked()
        if self.fit_type != self.uns["disp_function_type"]:
            found.append(
                "The trend of dispersion over mean was not found: one mean stands in for it, where R fits a local "
                "curve."
            )
        if marked:
            found.append(f"The fit of {len(marked)} of {self.n_vars:,} genes did not converge; they bear an asterisk.")
        return tuple(found)


def fit_genes(counts: pd.DataFrame, design: pd.DataFrame) -> GeneFit:
    """Fit DESeq2's model: size factors by median of ratios, dispersions with trend and prior, unshrunken coefficients.

    Warns of each of the fit's caveats.

    Parameters
    ----------
    counts : DataFrame
        Genes x samples, whole numbers.
    design : DataFrame
        Samples x columns of the model, in the order of the counts' columns.

    Returns
    -------
    GeneFit
        `varm["LFC"]` has the coefficients (natural log) under the design's names, `var["dispersions"]` NB alpha.
    """
    kwargs = {"metadata": pd.DataFrame(index=design.index), "design": design, "inference": AllGenes(), "quiet": True}
    # A gene's matrices are tiny: threads of the linear algebra only wait for each other (tenfold on a busy machine).
    with warnings.catch_warnings(), threadpool_limits(1):
        warnings.simplefilter("ignore")
        dds = GeneFit(counts=counts.T, **kwargs)
        dds.deseq2()
    for caveat in dds.caveats():
        warnings.warn(caveat, stacklevel=2)
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
        """Return coefficients (genes x columns), means and leverages (samples x genes), and which genes converged.

        A gene that the iterations do not fit is fitted without the floor `min_mu`, as in R; its leverages are those of
        the last iteration, also as in R. pydeseq2 keeps the floor there but not in the gradient, and so its optimiser
        stops anywhere.
        """
        x = np.asarray(design_matrix, float)
        if np.linalg.matrix_rank(x) < x.shape[1]:
            return super().irls(counts, size_factors, design_matrix, disp, min_mu, beta_tol, **options)
        parts = [
            _weighted_least_squares(counts[:, some], size_factors, x, disp[some], min_mu, beta_tol, **options)
            for some in _some_genes(counts)
        ]
        beta, mu, leverage, left = map(np.concatenate, zip(*parts, strict=True))
        converged = ~left
        for gene in np.flatnonzero(left):
            beta[gene], converged[gene] = _most_likely(counts[:, gene], size_factors, x, disp[gene], beta[gene])
            mu[gene] = size_factors * np.exp(x @ beta[gene])
        return beta, mu.T.copy(), leverage.T.copy(), converged

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
        adjustment of Cox and Reid (`cr_reg`) and the prior around `alpha_hat` (`prior_reg`). The means have R's floor,
        which pydeseq2 leaves out where the design is no one-way layout.
        """
        mu = np.maximum(mu, _FLOOR)
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


def _most_likely(y, size_factors, x, alpha, start):
    """Return the coefficients of one gene that minimise the penalised negative log likelihood, and whether they did."""

    def loss(beta: np.ndarray) -> tuple[float, np.ndarray]:
        mu = size_factors * np.exp(x @ beta)
        slope = x.T @ ((mu - y) / (1 + mu * alpha)) + _RIDGE * beta
        return nb_nll(y, mu, alpha) + _RIDGE / 2 * beta @ beta, slope

    found = minimize(loss, start, jac=True, method="L-BFGS-B", bounds=[(-_LARGEST, _LARGEST)] * len(start))
    return found.x, found.success


def _weighted_least_squares(
    counts, size_factors, x, disp, min_mu, beta_tol, max_beta=_LARGEST, maxiter=_ITERATIONS, **_
):
    """Return coefficients, means, leverages (genes first), and which genes the iterations do not fit."""
    y, columns, products = counts.T.astype(float), x.shape[1], _products(x)
    ridge = _RIDGE * np.eye(columns)

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
