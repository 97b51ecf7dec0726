"""The estimators that train on a Dask cluster."""

from __future__ import annotations

import inspect
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
from dask.base import is_dask_collection
from numpy.typing import ArrayLike
from sklearn.base import clone, is_regressor
from sklearn.utils import check_X_y
from sklearn.utils.validation import validate_data

from .._data.checks import raise_not_finite
from .._data.rows import _type_of
from .._estimators.argument_names import explain_unknown_arguments
from .._estimators.classifier import PCClassifier as PlainClassifier
from .._estimators.regressor import PCRegressor as PlainRegressor
from .._estimators.resume import read_saved_run
from .._training.checkpoint_file import read_header
from .._warnings import warn
from ..callbacks._checkpoint import path_of
from ..solvers import resolve_solver
from . import _parts
from ._collections import BlockMethods
from ._member import Training
from ._rows import DaskRows, GatheredRows
from ._session import SchedulerLostError, Session, WorkerLostError, client_of, give_up
from ._trainer import DaskTrainer, source_of

#: Seconds to wait for a worker if none is left.
WAIT_SECONDS = 20
#: Default of `n_shards`: up to so many workers compute.
N_SHARDS = 8


def _with_client(cls):
    """Class decorator: the constructor of the plain estimator, with ``client`` and `N_SHARDS`."""
    plain = inspect.signature(cls._plain.__init__)
    arguments = [
        p.replace(default=N_SHARDS) if p.name == "n_shards" else p
        for p in plain.parameters.values()
    ]
    client = inspect.Parameter("client", inspect.Parameter.KEYWORD_ONLY, default=None)
    signature = plain.replace(parameters=[*arguments, client])

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        bound = signature.bind(self, *args, **kwargs)
        bound.apply_defaults()
        self._set_arguments(bound.arguments)

    __init__.__signature__ = signature
    cls.__init__ = explain_unknown_arguments(__init__)
    return cls


class _OnDask(BlockMethods):
    """What both estimators do differently on a cluster; inherited before the plain one."""

    client: Any

    @property
    def client_(self) -> Any:
        """The client that `fit` uses: `client`, or Dask's default client."""
        return client_of(self.client)

    # ------------------------------------------------------------ a fit

    def _fit(self, X, y, sample_weight, call):
        client = self.client_
        before = self._saved_by()
        for _ in range(max(1, len(client.nthreads()))):
            try:
                return self._fit_once(client, X, y, sample_weight, call)
            except WorkerLostError as error:
                lost = error
            saved = self._saved_by()
            if self.checkpoint is None:
                raise WorkerLostError(
                    f"{lost}. Without a checkpoint the fit cannot continue on the workers left; "
                    "set the argument checkpoint to a file",
                    lost.workers,
                )
            if isinstance(lost, SchedulerLostError):
                raise WorkerLostError(
                    f"{lost}; resume(X, y) continues from {path_of(self.checkpoint)!s}", ()
                )
            if saved != before:
                call = call._replace(saved=read_saved_run(self, self.checkpoint))
            warn(f"{lost}. It continues on the workers left, from the last checkpoint.")
            give_up(client, lost.workers)
            with suppress(TimeoutError):  # one that was started anew
                client.wait_for_workers(1, timeout=WAIT_SECONDS)
        raise lost

    def _fit_once(self, client, X, y, sample_weight, call):
        with Session(client) as session:
            self._session = session
            try:
                return super()._fit(X, y, sample_weight, call)
            finally:
                vars(self).pop("_session", None)

    def _saved_by(self):
        """Run and place of the checkpoint that is there now, or None."""
        if self.checkpoint is None:
            return None
        try:
            header = read_header(path_of(self.checkpoint))
        except (OSError, TypeError, ValueError):  # `fit` says it
            return None
        return None if header is None else tuple(header.get(n) for n in ("run", "epoch", "batch"))

    def _check_options(self, call, warm):
        if resolve_solver(self.solver).full_batch:
            raise ValueError(
                "solver='lbfgs' trains on one machine only; use 'adam' or 'sgd', or the estimator "
                f"pcnet.{self._plain.__name__}"
            )
        super()._check_options(call, warm)

    def _check_X_y(self, X, y, *, dtype, reset):
        session = vars(self).get("_session")
        if session is None:  # not in a fit
            return super()._check_X_y(X, y, dtype=dtype, reset=reset)
        y = session.gather(y)
        X = _as_table(X)
        given = _type_of_table(X)
        rows, values = session.place(X, _type_of(np.empty(0, given), dtype))
        if values is not None:
            raise_not_finite(self, values)
        _check_names(self, X, rows.shape[1], reset)
        stand_in = np.broadcast_to(np.zeros((), rows.dtype), rows.shape)  # of no memory
        y = check_X_y(
            stand_in,
            y,
            dtype=None,
            multi_output=True,
            y_numeric=is_regressor(self),
            estimator=self,
        )[1]
        return rows, self._encoder.check(y)

    def _hold_out(self, data, given, call, tasks):
        if self.scoring in (None, "loss"):
            return super()._hold_out(data, given, call, tasks)
        if self.early_stopping:  # the rows' numbers stand for the features
            given = given._replace(X=np.arange(len(data.X)), y=self._session.gather(given.y))
        data, validation = super()._hold_out(data, given, call, tasks)
        if validation is not None:
            validation.given = self._as_scorers_see(validation)
        return data, validation

    def _as_scorers_see(self, validation):
        """The `ValidationSet` of a `Validation`, whose features come if a scorer reads them."""
        rows, index = source_of(validation.X)
        if not isinstance(rows, DaskRows):
            return validation.given
        X = GatheredRows(rows, np.arange(len(rows)) if index is None else index)
        return validation.given._replace(X=X, y=self._session.gather(validation.given.y))

    def _make_trainer(self, network, method, solver, minibatches, state=None):
        training = Training(
            network,
            self._objective(),
            method,
            solver,
            minibatches.shard_size,
            state,
            self._input_centre,
            [],
        )
        return DaskTrainer(self._session, training, minibatches.X)

    def _without_connections(self):
        return self.to_local()

    # ------------------------------------------------------------ collections

    def predict(self, X: Any) -> Any:
        """As the plain estimator's; of a Dask collection lazily, block by block."""
        return self._on_blocks("predict", X)

    def transform(self, X: Any) -> Any:
        """As the plain estimator's; of a Dask collection lazily, block by block."""
        return self._on_blocks("transform", X)

    def energy(self, X: Any, y: ArrayLike, *, inference: Any = None) -> Any:
        """As the plain estimator's; of Dask collections lazily, block by block."""
        return self._on_blocks("energy", X, y, inference=inference)

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """As the plain estimator's; predictions are gathered, features are not."""
        if not is_dask_collection(X):
            return self.to_local().score(X, y, sample_weight)
        import dask
        from sklearn.metrics import accuracy_score, r2_score

        found, y, weight = dask.compute(self.predict(X), y, sample_weight)
        measure = r2_score if is_regressor(self) else accuracy_score
        return float(measure(np.asarray(y), np.asarray(found), sample_weight=weight))

    # ------------------------------------------------------------ copies

    def __getstate__(self):
        state = dict(super().__getstate__())
        state.pop("_session", None)
        return {**state, "client": None}  # a client belongs to its process

    def __sklearn_clone__(self):
        arguments = self.get_params(deep=False)
        client = arguments.pop("client")
        copies = {name: clone(value, safe=False) for name, value in arguments.items()}
        return type(self)(**copies, client=client)


@_with_client
class PCClassifier(_OnDask, PlainClassifier):
    """`pcnet.PCClassifier` that trains on a Dask cluster, to the same bits.

    Arguments, attributes and methods are those of :class:`pcnet.PCClassifier`, but for `n_shards`
    and `client`. `fit` takes Dask arrays (also of sparse blocks) and data frames, whose blocks stay
    where they are, or NumPy arrays, which it distributes. Each worker that holds rows computes some
    of the shards of each minibatch. The weights have the same bits for any number of workers and
    any blocks, and are those of the plain estimator with the same `n_shards`.

    Parameters
    ----------
    n_shards : int, default=8
        Parts of each minibatch, of which workers compute several; at most this number of workers
        compute at once. See :class:`pcnet.PCClassifier`.
    client : distributed.Client or None, default=None
        None: Dask's default client. It is neither copied by ``clone`` nor pickled.
    **arguments
        All others of :class:`pcnet.PCClassifier`, except ``solver="lbfgs"``.

    Attributes
    ----------
    client_ : distributed.Client
        The client that `fit` uses.

    Raises
    ------
    WorkerLostError
        A worker was lost, or has not answered for 30 seconds, and there is no `checkpoint` from
        which the others could continue.
    """

    _plain = PlainClassifier

    if TYPE_CHECKING:  # `_with_client` makes it

        def __init__(self, *args: Any, client: Any = None, **kwargs: Any) -> None: ...

    def predict_proba(self, X: Any) -> Any:
        """As the plain estimator's; of a Dask collection lazily, block by block."""
        return self._on_blocks("predict_proba", X)

    def predict_log_proba(self, X: Any) -> Any:
        """As the plain estimator's; of a Dask collection lazily, block by block."""
        return self._on_blocks("predict_log_proba", X)

    def decision_function(self, X: Any) -> Any:
        """As the plain estimator's; of a Dask collection lazily, block by block."""
        return self._on_blocks("decision_function", X)

    def class_energies(self, X: Any, *, inference: Any = None) -> Any:
        """As the plain estimator's; of a Dask collection lazily, block by block."""
        return self._on_blocks("class_energies", X, inference=inference)

    def score_samples(self, X: Any, *, sharpness: float = 10.0, inference: Any = None) -> Any:
        """As the plain estimator's; of a Dask collection lazily, block by block."""
        return self._on_blocks("score_samples", X, sharpness=sharpness, inference=inference)


@_with_client
class PCRegressor(_OnDask, PlainRegressor):
    """`pcnet.PCRegressor` that trains on a Dask cluster, to the same bits.

    See :class:`pcnet.dask.PCClassifier`: the arguments `n_shards` and `client`, the data, and what
    is the same.

    Parameters
    ----------
    n_shards : int, default=8
        Parts of each minibatch, of which workers compute several; at most this number of workers
        compute at once. See :class:`pcnet.PCRegressor`.
    client : distributed.Client or None, default=None
        None: Dask's default client. It is neither copied by ``clone`` nor pickled.
    **arguments
        All others of :class:`pcnet.PCRegressor`, except ``solver="lbfgs"``.

    Attributes
    ----------
    client_ : distributed.Client
        The client that `fit` uses.

    Raises
    ------
    WorkerLostError
        A worker was lost, or has not answered for 30 seconds, and there is no `checkpoint` from
        which the others could continue.
    """

    _plain = PlainRegressor

    if TYPE_CHECKING:  # `_with_client` makes it

        def __init__(self, *args: Any, client: Any = None, **kwargs: Any) -> None: ...


def _as_table(X):
    """X as a collection, a data frame, a CSR matrix or a NumPy array, of two dimensions."""
    if not (is_dask_collection(X) or hasattr(X, "iloc")):
        X = X.tocsr() if hasattr(X, "tocsr") else np.asarray(X)
    if len(X.shape) != 2:
        raise ValueError(
            f"X must have 2 dimensions, (n_samples, n_features); got {len(X.shape)}. "
            "X.reshape(-1, 1) is one feature"
        )
    return X


def _type_of_table(X):
    """The type of the numbers of X, NumPy's."""
    meta = getattr(X, "_meta", X)
    try:
        found = _parts.common_type(meta) if hasattr(meta, "columns") else np.dtype(meta.dtype)
    except TypeError:  # of pandas only
        found = np.dtype(object)
    if found.kind not in "biuf":
        raise ValueError(
            "X must hold numbers, and has columns of other types: encode them first, for example "
            "with dask.dataframe.get_dummies, or drop them"
        )
    return found


def _check_names(estimator, X, n_features, reset):
    """Take note of the features' number and names, or hold X against them."""
    meta, row = getattr(X, "_meta", X), np.zeros((1, n_features))
    if hasattr(meta, "columns"):
        import pandas as pd

        row = pd.DataFrame(row, columns=meta.columns)
    validate_data(estimator, row, reset=reset)
