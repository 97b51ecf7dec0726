"""The generative estimators on Dask collections: they train on one machine and answer in blocks."""

from __future__ import annotations

from typing import Any, Self

from dask.base import is_dask_collection

from .._estimators.decorators import available_if
from .._estimators.generative import PCGenerative as PlainGenerative
from .._estimators.generative_methods import (
    has_class_energies,
    has_classes,
    has_density,
    has_recognizer,
    has_targets,
)
from .._estimators.imputer import PCImputer as PlainImputer
from ._collections import BlockMethods


def _check_in_memory(estimator, **data):
    """Raise TypeError if an argument of `fit` is a Dask collection."""
    for name, values in data.items():
        if is_dask_collection(values):
            raise TypeError(
                f"{name} is a Dask collection, but {type(estimator).__name__} trains on one "
                f"machine: give fit rows that fit there, such as {name}[:100_000].compute(), and "
                "the collection to its other methods"
            )


class _GenerativeOnDask(BlockMethods):
    _plain: Any = PlainGenerative

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on one machine, as the plain estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Numbers, NaN where missing; no Dask collection.
        y : array-like of shape (n_samples,), default=None

        Returns
        -------
        self : PCGenerative
        """
        _check_in_memory(self, X=X, y=y)
        self._plain.fit(self, X, y)
        return self

    def transform(self, X: Any) -> Any:
        """As the plain estimator's; of a Dask collection lazily, block by block."""
        return self._on_blocks("transform", X)

    @available_if(has_recognizer)
    def recognize(self, X: Any) -> Any:
        """As the plain estimator's; of a Dask collection lazily, block by block."""
        return self._on_blocks("recognize", X)

    def inverse_transform(self, X: Any) -> Any:
        """As the plain estimator's; of a Dask collection lazily, block by block."""
        return self._on_blocks("inverse_transform", X)

    def reconstruct(self, X: Any) -> Any:
        """As the plain estimator's; of a Dask collection lazily, block by block."""
        return self._on_blocks("reconstruct", X)

    def energy(self, X: Any) -> Any:
        """As the plain estimator's; of a Dask collection lazily, block by block."""
        return self._on_blocks("energy", X)

    @available_if(has_density)
    def score_samples(self, X: Any) -> Any:
        """As the plain estimator's; of a Dask collection lazily, block by block."""
        return self._on_blocks("score_samples", X)

    @available_if(has_targets)
    def predict(self, X: Any) -> Any:
        """As the plain estimator's; of a Dask collection lazily, block by block."""
        return self._on_blocks("predict", X)

    @available_if(has_classes)
    def predict_proba(self, X: Any) -> Any:
        """As the plain estimator's; of a Dask collection lazily, block by block."""
        return self._on_blocks("predict_proba", X)

    @available_if(has_classes)
    def predict_log_proba(self, X: Any) -> Any:
        """As the plain estimator's; of a Dask collection lazily, block by block."""
        return self._on_blocks("predict_log_proba", X)

    @available_if(has_class_energies)
    def class_energies(self, X: Any) -> Any:
        """As the plain estimator's; of a Dask collection lazily, block by block."""
        return self._on_blocks("class_energies", X)

    @available_if(has_density)
    def score(self, X: Any, y: Any = None) -> float:
        """As the plain estimator's; of a Dask collection block by block."""
        found = self.score_samples(X).mean()
        return float(found.compute() if is_dask_collection(found) else found)


class PCGenerative(_GenerativeOnDask, PlainGenerative):
    """`pcnet.PCGenerative` whose methods take Dask collections.

    `fit` trains on one machine, since each row's inference starts where it ended in the epoch
    before, and precisions are estimated from all rows: give it rows that fit there. Then all
    methods but `sample` and `sample_conditional` take Dask arrays and data frames and are lazy,
    with the bits of the plain estimator. They need no client: any of Dask's schedulers computes
    them.

    Arguments, attributes and other methods are those of :class:`pcnet.PCGenerative`.
    """


class _ImputerOnDask(BlockMethods):
    _plain: Any = PlainImputer

    sample_posterior: bool

    def fit(self, X: Any, y: Any = None) -> Self:
        """Train on one machine, as the plain estimator.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            No Dask collection.
        y : ignored

        Returns
        -------
        self : PCImputer
        """
        _check_in_memory(self, X=X)
        self._plain.fit(self, X)
        return self

    def transform(self, X: Any) -> Any:
        """As the plain estimator's; of a Dask collection lazily, block by block.

        Raises
        ------
        ValueError
            X is a collection and `sample_posterior` is set: draws follow the order of all rows.
        """
        if is_dask_collection(X) and self.sample_posterior:
            raise ValueError(
                "sample_posterior=True draws the rows of a table one after the other, which blocks "
                "cannot: fit with sample_posterior=False, or give transform X.compute()"
            )
        return self._on_blocks("transform", X)


class PCImputer(_ImputerOnDask, PlainImputer):
    """`pcnet.PCImputer` whose `transform` takes Dask collections.

    `fit` trains on one machine, see :class:`pcnet.dask.PCGenerative`. `transform` of a Dask array
    or data frame is lazy, with the bits of the plain estimator. Columns of a frame keep their
    names, and those of categories their dtype.

    Arguments, attributes and other methods are those of :class:`pcnet.PCImputer`.
    """
