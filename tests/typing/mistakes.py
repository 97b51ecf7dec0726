"""Calls that a type checker must reject: each line with an ignore is an error without it.

`warn_unused_ignores` reports a line that is accepted.
"""

import numpy as np

from pcnet import Network, PCClassifier, infer
from pcnet.solvers import Adam

X = np.ones((2, 4))

PCClassifier(activation="rellu")  # type: ignore[arg-type]
PCClassifier(max_iter="often")  # type: ignore[arg-type]
PCClassifier(hidden_layers=(8,))  # type: ignore[call-arg]
PCClassifier().fit(X)  # type: ignore[call-arg]
PCClassifier().fit(X, X, sample_weights=X)  # type: ignore[call-arg]
Network.init((4, 2), parameterization="mup")  # type: ignore[arg-type]
Adam(beta_1="0.9")  # type: ignore[arg-type]
net = Network.init((4, 2))
infer(net, X, X, loss="mse")  # type: ignore[arg-type]
infer(X, X, X)  # type: ignore[arg-type]
print(net.forward(X).shape)  # type: ignore[attr-defined]
