"""Estimators: arguments and results of fit and predict."""

from pathlib import Path
from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import pcnet
from pcnet import Chunks, PCClassifier, PCRegressor, load_checkpoint
from pcnet.callbacks import Callback, Checkpoint
from pcnet.inference import ErrorDescent
from pcnet.losses import Huber
from pcnet.schedules import Cosine
from pcnet.solvers import SGD, Adam

rng = np.random.default_rng(0)
X: NDArray[np.float32] = rng.standard_normal((60, 4)).astype(np.float32)
y = (X[:, 0] > 0).astype(np.int64)

model = PCClassifier((16, 16), "tanh", max_iter=2, random_state=0, solver=Adam(beta_2=0.99))
assert_type(model.fit(X, y), PCClassifier)
assert_type(model.partial_fit(X, y, classes=[0, 1]), PCClassifier)
assert_type(model.predict(X), NDArray[Any])
assert_type(model.classes_, NDArray[Any])
model.fit(X.tolist(), y.tolist(), sample_weight=np.ones(60), validation_data=(X, y))
model.fit(Chunks([X[:30], X[30:]]), y, X_val=X, y_val=y)
probabilities = model.predict_proba(X)
print(float(probabilities.max()), model.score_samples(X).shape, model.energy(X, y).dtype)
print(model.history_["loss"][-1] + 1.0, [W.shape for W in model.coefs_], model.n_iter_ + 1)
print(model.summary().n_parameters + 1)

other = PCRegressor(
    hidden_layer_sizes=[16],
    activation=["relu"],
    loss=Huber(0.5),
    inference=ErrorDescent(tol=0.1),
    solver=SGD(momentum=0.5),
    learning_rate=Cosine(warmup=0.1),
    random_state=np.random.default_rng(0),
    max_iter=2,
    dtype=np.float32,
)
targets = X[:, :2] @ np.ones((2, 2))
assert_type(other.fit(X, targets), PCRegressor)
assert_type(other.set_params(alpha=0.1), PCRegressor)
residuals = other.predict(X) - targets
print(float(np.abs(residuals).mean()), other.y_mean_.shape)


class Stop(Callback):
    """Stops the training at a given loss."""

    def on_epoch_end(self, run: Any, record: dict[str, float]) -> bool | None:
        return record["loss"] < 0.1


def resume(path: Path) -> PCClassifier | PCRegressor:
    """Resume from a checkpoint, and load its estimator."""
    model = PCClassifier(max_iter=2, callbacks=[Stop()], checkpoint=Checkpoint(path))
    assert_type(model.fit(X, y).resume(X, y), PCClassifier)
    return load_checkpoint(path)


with pcnet.set_num_threads(1):
    print(model.predict(X).shape)
