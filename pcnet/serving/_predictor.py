"""A model that only predicts, loaded from a file of `export`."""

from __future__ import annotations

import os
from typing import IO, Any, NoReturn

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._checks import all_finite, check_positive, shown
from .._core.binding import SmallCalls
from .._data.checks import check_overflow, check_transform_layer
from .._data.features import check_features, raise_not_finite
from .._data.rows import Rows, first_not_finite, rows_of
from .._data.scaling import ANY_DTYPE, ScaledRows
from .._network_core import core_network, make_read_only, network_output
from .._objective import Objective
from .._prediction.energy import clamped_energies, class_energies, novelty_scores
from .._prediction.outputs import hidden_activities
from .._types import Features, Float64s, Floats, Method
from ..inference import InferenceResult, infer
from ._content import Classes, Content, Labels, Numbers
from ._file import name_of, read_members
from ._reading import from_members
from ._steps import apply_steps


class Predictor:
    """A fitted model that predicts, from `load_predictor`; it needs NumPy and pcnet alone.

    Results have the bits of the estimator, or of the pipeline, that was exported. Several Python
    threads may use one object at once, and `pcnet.set_num_threads` applies as for the estimators.
    Features are checked as by the estimators; a data frame's columns by name.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Labels; not for a regressor.
    n_features_in_ : int
        Features that the exported model takes.
    feature_names_in_ : ndarray of str
        Their names, if the model was fitted with a data frame.
    network_ : Network
        Read-only; its `objective` is that of the training.

    See Also
    --------
    export : writes the file.
    """

    def __init__(self, content: Content) -> None:
        self._content = content
        self._decoder = content.decoder
        self._owner = content.owner
        self.network_ = network = content.network
        make_read_only(network)
        self.n_features_in_ = content.n_features
        if not isinstance(self._decoder, Numbers):
            self.classes_ = self._decoder.classes
        if content.feature_names is not None:
            self.feature_names_in_ = np.array(content.feature_names, dtype=object)
        core = core_network(network, backward=False)
        self._small = SmallCalls(core) if content.input_scale is None else None
        # features that need no other look than that of SmallCalls
        takes_any = content.feature_names is None and not content.steps
        self._direct = self._small if takes_any else None

    def __repr__(self) -> str:
        names = [*(step.owner.name for step in self._content.steps), self._content.estimator]
        sizes = "-".join(map(str, _shortened(self.network_.layer_sizes)))
        return f"Predictor({' -> '.join(names)}, {sizes}, {self.network_.dtype})"

    def __reduce__(self) -> NoReturn:
        raise TypeError(
            "a Predictor is no part of a pickle: pass the path of its file, and call "
            "pcnet.serving.load_predictor there"
        )

    # ------------------------------------------------------------ predictions

    def predict(self, X: Features) -> NDArray[Any]:
        """Labels, or a regressor's targets in the units of its training.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_outputs)

        Raises
        ------
        ValueError, TypeError
            X does not suit the model.
        FloatingPointError
            Finite features overflow in the network.
        """
        if self._direct is not None and isinstance(self._decoder, Classes):
            largest = self._direct.largest(X)
            if largest is not None:
                return self.classes_.take(largest)
        return self._decoder.decode(self._outputs(X))

    def predict_proba(self, X: Features) -> Floats:
        """Probability of each class, as of `PCClassifier`; of each label if multilabel.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        probabilities : ndarray of shape (n_samples, n_classes)
        """
        return self._labels("predict_proba").probabilities(self._outputs(X))

    def predict_log_proba(self, X: Features) -> Floats:
        """Natural logarithm of `predict_proba`, without its underflow.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        log_probabilities : ndarray of shape (n_samples, n_classes)
        """
        return self._labels("predict_log_proba").log_probabilities(self._outputs(X))

    def decision_function(self, X: Features) -> Floats:
        """Confidence scores that `predict` uses, as of `PCClassifier`.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        scores : ndarray of shape (n_samples,) or (n_samples, n_classes)
        """
        return self._labels("decision_function").decision(self._outputs(X))

    def transform(self, X: Features) -> Floats:
        """Activities of the hidden layer ``transform_layer`` of the exported estimator.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)

        Returns
        -------
        activities : ndarray of shape (n_samples, width of the layer)
        """
        n_hidden, layer = self.network_.n_layers - 1, self._content.transform_layer
        if n_hidden == 0:
            raise AttributeError("transform gives a hidden layer, and this network has none")
        check_transform_layer(layer, n_hidden)
        activities = hidden_activities(self.network_, self._finite_rows(X), layer % n_hidden)
        check_overflow(all_finite(activities))
        return activities

    # ------------------------------------------------------------ inference

    def energy(self, X: Features, y: ArrayLike, *, inference: Method | None = None) -> Float64s:
        """Equilibrium energy of each sample with input and target clamped, as of the estimators.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Known labels (multilabel: a 0/1 matrix), or a regressor's targets.
        inference : str, InferenceMethod or None, default=None
            None: ``ErrorDescent(max_steps=1000, tol=1e-4, energy_tol=1e-11)``.

        Returns
        -------
        energy : float64 ndarray of shape (n_samples,)
        """
        rows = self._finite_rows(X)
        Y = self._targets(y, len(rows))
        return clamped_energies(self.network_, self._objective, rows, [Y], inference)[:, 0]

    def class_energies(self, X: Features, *, inference: Method | None = None) -> Float64s:
        """Equilibrium energy of each sample with each class clamped in turn.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        inference : str, InferenceMethod or None, default=None
            As for `energy`.

        Returns
        -------
        energies : float64 ndarray of shape (n_samples, n_classes)
        """
        self._needs_one_label("class_energies")
        return class_energies(self.network_, self._objective, self._finite_rows(X), inference)

    def score_samples(
        self, X: Features, *, sharpness: float = 10.0, inference: Method | None = None
    ) -> Float64s:
        """Score for novelty detection from the class energies; low values mean novel samples.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        sharpness : float, default=10.0
            Positive; see `PCClassifier.score_samples`.
        inference : str, InferenceMethod or None, default=None
            As for `energy`.

        Returns
        -------
        scores : float64 ndarray of shape (n_samples,)
        """
        check_positive("sharpness", sharpness)
        self._needs_one_label("score_samples")
        energies = self.class_energies(X, inference=inference)
        return novelty_scores(energies, sharpness, self._objective.output_precision)

    def infer(self, X: Features, y: ArrayLike, *, method: Method | None = None) -> InferenceResult:
        """Inference as in training, with input and target clamped.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            As for `energy`.
        method : str, InferenceMethod or None, default=None
            None: the method of the training.

        Returns
        -------
        InferenceResult

        Raises
        ------
        ValueError
            The method of the training is no method of pcnet's, and none is given.
        """
        rows = self._finite_rows(X)
        Y = self._targets(y, len(rows))
        method = self._content.method if method is None else method
        if method is None:
            raise ValueError(
                "the model was trained with a method of inference of your own, which no file "
                "holds; pass it as method"
            )
        features = rows.toarray(self.network_.dtype)
        return infer(self.network_, features, Y, method, *self._objective.terms)

    # ------------------------------------------------------------ rows and targets

    @property
    def _objective(self) -> Objective:
        objective = self.network_.objective
        assert objective is not None  # of every exported network
        return objective

    def _outputs(self, X: Any) -> Floats:
        """Outputs mu_L of the network, (n_samples, n_outputs)."""
        outputs = None if self._direct is None else self._direct.outputs(X)
        if outputs is None:
            features = self._features(X)
            if self._small is not None:
                outputs = self._small.outputs(features)
        return self._outputs_of_many(features) if outputs is None else outputs

    def _outputs_of_many(self, features: Any) -> Floats:
        rows = self._rows(features)
        outputs, suspect = network_output(self.network_, self._scaled(rows))
        if suspect:
            self._check_finite(rows)
        check_overflow(not suspect and all_finite(outputs))
        return outputs

    def _features(self, X: Any) -> Any:
        """Checked features after the steps, not yet known to be finite."""
        return apply_steps(self._content.steps, check_features(self._owner, X))

    def _rows(self, features: Any) -> Rows:
        scales = self._content.input_scale is not None
        return rows_of(features, ANY_DTYPE if scales else self.network_.dtype)

    def _finite_rows(self, X: Any) -> Rows:
        rows = self._rows(self._features(X))
        self._check_finite(rows)
        return self._scaled(rows)

    def _check_finite(self, rows: Rows) -> None:
        values = first_not_finite(rows)
        if values is not None:
            raise_not_finite(self._owner._replace(name=self._content.estimator), values)

    def _scaled(self, rows: Rows) -> Rows:
        content = self._content
        if content.input_scale is None:
            return rows
        return ScaledRows(rows, content.input_mean, content.input_scale, self.network_.dtype)

    def _targets(self, y: Any, n_samples: int) -> Floats:
        """The network's targets, (n, K)."""
        if y is None:
            raise ValueError("y must hold a label or target for each sample; got None")
        y = np.asarray(y)
        if y.ndim == 2 and y.shape[1] == 1:
            y = y[:, 0]
        if y.ndim not in (1, 2) or len(y) != n_samples:
            raise ValueError(
                f"y must have one label or row of targets for each of the {n_samples} samples; got "
                f"shape {y.shape}"
            )
        if not isinstance(self._decoder, Classes):
            y = self._numbers(y)
        return self._decoder.clamp(y, self.network_.dtype)

    def _numbers(self, y: NDArray[Any]) -> NDArray[Any]:
        try:
            values = y.astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(f"y must hold numbers: {error}") from error
        if not all_finite(values):
            raise ValueError("Input y contains NaN or infinity; drop those samples")
        if isinstance(self._decoder, Labels):
            if not np.isin(values, (0, 1)).all():
                raise ValueError(f"y must be a matrix of 0 and 1 for multilabel; got {shown(y)}")
            return values
        return values.reshape(len(values), -1)

    def _labels(self, name: str) -> Classes | Labels:
        if isinstance(self._decoder, Numbers):
            raise AttributeError(
                f"{name} is of classifiers, and this predictor is of a regressor; use predict"
            )
        return self._decoder

    def _needs_one_label(self, name: str) -> None:
        self._labels(name)
        if isinstance(self._decoder, Labels):
            raise AttributeError(
                f"{name} compares the energies of all classes, but with multilabel targets each of "
                "the 2^n_labels combinations would be one; use energy(X, y) for given labels"
            )


def load_predictor(path: str | os.PathLike[str] | IO[bytes]) -> Predictor:
    """Load a model that `export` wrote; it imports neither scikit-learn nor SciPy.

    A file from elsewhere runs no code and takes no more memory than a few times its size. Load it
    nonetheless only if you trust its predictions; `docs/threats.md` says more.

    Parameters
    ----------
    path : str, path-like or binary file
        A file object, such as ``io.BytesIO``, is read to its end.

    Returns
    -------
    Predictor

    Raises
    ------
    ValueError
        The file is damaged, something else, or of a newer format.
    OSError
        It cannot be read.
    TypeError
        `path` is something else.

    Examples
    --------
    >>> from pcnet.serving import load_predictor
    >>> predictor = load_predictor("model.npz")  # doctest: +SKIP
    >>> predictor.predict(X)  # doctest: +SKIP
    """
    return Predictor(from_members(name_of(path), *read_members(path)))


def _shortened(sizes: tuple[int, ...], most: int = 8) -> tuple[Any, ...]:
    return sizes if len(sizes) <= most else (*sizes[:3], f"({len(sizes) - 6} more)", *sizes[-3:])
