"""Loader of the golden cases in data/ (see data/README.md)."""

import json
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from pcnet import Network

DATA = Path(__file__).parent / "data"
NAMES = tuple(sorted(path.stem for path in DATA.glob("*.npz")))
LOSSES = {"mse": "squared_error", "ce": "log_loss"}


@dataclass(frozen=True)
class Case:
    """One golden case; arrays have the given dtype, expected values float64."""

    name: str

    @cached_property
    def arrays(self):
        with np.load(DATA / f"{self.name}.npz") as stored:
            return dict(stored)

    @cached_property
    def meta(self):
        return json.loads(str(self.arrays["meta"]))

    @property
    def is_linear(self):
        return self.meta["act"] == "linear"

    @property
    def n_hidden(self):
        return self.meta["H"]

    @cached_property
    def objective(self):
        """loss, output_precision and activity_decay, as the keywords of the public API."""
        precision = self.meta["output_precision"]
        return {
            "loss": LOSSES[self.meta["loss"]],
            "output_precision": 1.0 if precision is None else precision,
            "activity_decay": self.meta["activity_decay"],
        }

    def hidden(self, prefix):
        """[prefix1, ..., prefixH], float64."""
        return [self.arrays[f"{prefix}{i + 1}"] for i in range(self.n_hidden)]

    def layers(self, prefix):
        """[prefix0, ..., prefixH], one a layer, float64."""
        return [self.arrays[f"{prefix}{i}"] for i in range(self.n_hidden + 1)]

    @property
    def energy_total(self):
        """Mean energy at the perturbed activities, decay of the hidden layers included."""
        return self.arrays["energy_total"] - self._decay_of_output()

    @property
    def descent_trace(self):
        """Mean energy before each of the T descent steps, decay of the hidden layers included."""
        keep = 1 - self.meta["activity_lr"] * self.meta["activity_decay"]
        powers = keep ** (2 * np.arange(self.meta["T"]))
        return self.arrays["gd_energy_trace"] - powers * self._decay_of_output()

    def _decay_of_output(self):
        # jpc has an output activity, which starts at the feed-forward output and changes by the
        # decay only; its decay term is in the golden energies
        output = self.arrays[f"ffwd{self.n_hidden + 1}"]
        return 0.5 * self.meta["activity_decay"] * np.mean(np.sum(output**2, axis=1))

    def batch(self, dtype):
        return self.arrays["X"].astype(dtype), self.arrays["Y"].astype(dtype)

    def parameters(self, dtype):
        """weights, biases, activation, scales, skips: the arguments of from_weights.

        Skips run between equal hidden widths: never into layer 1 nor into the output.
        """
        n_layers = self.n_hidden + 1
        return {
            "weights": [w.astype(dtype) for w in self.layers("W")],
            "biases": [b.astype(dtype) for b in self.layers("b")] if self.meta["bias"] else None,
            "activation": "identity" if self.is_linear else self.meta["act"],
            "scales": self.arrays["scales"],
            "skips": np.array(
                [self.meta["skip"] and 0 < i < n_layers - 1 for i in range(n_layers)]
            ),
        }

    def network(self, dtype):
        return Network.from_weights(**self.parameters(dtype))

    def plain_network(self, dtype):
        """The same parameters for the reference, which takes no Network."""
        return SimpleNamespace(**self.parameters(dtype))

    @property
    def plain_objective(self):
        return SimpleNamespace(**self.objective)


@lru_cache
def load(name):
    return Case(name)
