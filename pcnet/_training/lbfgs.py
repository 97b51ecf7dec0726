"""Full-batch training by L-BFGS on the energy at equilibrium.

The objective is J = (F* + alpha / 2 ||theta||^2) / lambda, where F* is the mean over all samples
of the energy after inference and lambda the output precision. At an equilibrium dF/dz = 0, so the
derivative of F* by a weight is that of F at fixed activities (the envelope theorem). It is the
same local gradient that the other solvers use.

The variables are theta_l = W_l / r_l, where r_l^2 is the layer's learning rate multiplier times
the scale of its gradient. Gradient descent on theta is then gradient descent with the rates and
scales of `Trainer`, which suit all depths, and the penalty has the stationary points of the
decoupled weight decay. With plain W_l as variables a network of 17 layers hardly trains.
"""

import math

import numpy as np

from .._core import binding
from .._core.sums import dot
from .._core.threads import effective_n_threads
from .._network_core import core_network, network_output
from ..inference import ErrorDescent
from ..parameterization import PerLayer, gradient_scales, learning_rate_multipliers
from .optimizer import Optimizer, StepReport, inference_sums
from .quasi_newton import QuasiNewton

#: Smallest limit of steps of the tightened inference.
LEAST_MAX_STEPS = 200

#: Samples per block of inference; fixed, because the last bits of sums depend on it.
BLOCK = 1024

# Value of a point at which inference fails, over 1 + |J| at the start; above all other values.
_WALL = 1e10


def tightened(method, solver):
    """The inference method for L-BFGS, whose line search needs a smooth function.

    Parameters
    ----------
    method : inference object
    solver : LBFGS

    Returns
    -------
    ErrorDescent

    Raises
    ------
    ValueError
        The method does not end at an equilibrium.
    """
    if not isinstance(method, ErrorDescent):
        raise ValueError(
            "solver='lbfgs' minimises the energy at equilibrium and needs inference='error' or "
            f"an ErrorDescent object; got {method!r}"
        )
    return ErrorDescent(
        max_steps=max(method.max_steps, LEAST_MAX_STEPS),
        tol=min(method.tol, solver.inference_tol),
        energy_tol=min(method.energy_tol, solver.resolution),
    )


class FullBatch(Optimizer):
    """Trains a network by L-BFGS; an iteration counts as an epoch.

    Parameters
    ----------
    network : Network
        Its arrays always hold the last accepted point.
    objective : Objective
    method : ErrorDescent
        The estimator's method; its tolerances are tightened as the solver requires.
    solver : LBFGS
    minibatches : Minibatches
        Blocks of all rows, not shuffled.
    alpha : float
        Factor of the penalty.
    tol : float
        Training has converged if no entry of the gradient of J is larger.
    """

    def __init__(self, network, objective, method, solver, minibatches, alpha, tol):
        self.network = network
        self.objective = objective
        self.method = tightened(method, solver)
        self.solver = solver
        self.minibatches = minibatches
        self.alpha = alpha
        self.tol = tol
        self.n_calls = self._n_calls_reported = 0
        self._search = None  # the running QuasiNewton
        self._reason = None  # the reason why it ended
        self._n_threads = effective_n_threads()
        self._trial = network.copy()
        self._found = None  # (theta, gradient, report) of the newest point with a finite value
        self._wall = math.inf
        rates = learning_rate_multipliers(network)
        scales = gradient_scales(network, objective.output_precision)
        self._units = PerLayer(*(np.sqrt(a * b) for a, b in zip(rates, scales, strict=True)))
        weight = minibatches.sample_weight
        if weight is not None and minibatches.rows is not None:
            weight = weight[minibatches.rows]
        self._total = float(minibatches.n_samples if weight is None else weight.sum())

    # ------------------------------------------------------------ variables

    def variables(self):
        """theta of the network's current weights and biases, one float64 vector."""
        parts = self._parts(self.network)
        return np.concatenate([array.ravel() / unit for array, unit in parts], dtype=np.float64)

    def _parts(self, network):
        """(array, unit) of all weights, then of all biases."""
        parts = [*zip(network.weights, self._units.weights, strict=True)]
        if network.biases is not None:
            parts += zip(network.biases, self._units.biases, strict=True)
        return parts

    def _write(self, theta, network):
        start = 0
        for array, unit in self._parts(network):
            stop = start + array.size
            array[...] = (unit * theta[start:stop]).reshape(array.shape)
            start = stop

    # ------------------------------------------------------------ the objective

    def evaluate(self, theta):
        """J and its gradient.

        If inference fails, J is above all other values and the gradient the last one, so that the
        line search rejects the point.

        Raises
        ------
        FloatingPointError
            Inference fails at the first point.
        """
        self.n_calls += 1
        with np.errstate(over="ignore"):  # of float32: noticed by inference
            self._write(theta, self._trial)
        try:
            report, gradients = self._infer()
        except FloatingPointError:
            if self._found is None:
                raise
            return self._wall, self._found[1]
        n_weights = sum(w.size for w in self._trial.weights)
        pull = np.where(np.arange(len(theta)) < n_weights, self.alpha * theta, 0.0)
        parts = zip(gradients, self._parts(self._trial), strict=True)
        slope = np.concatenate([unit * g.ravel() for g, (_, unit) in parts])
        precision = self.objective.output_precision
        value = (report.energy + 0.5 * dot(pull, theta)) / precision
        gradient = (slope + pull) / precision
        if self._found is None:
            self._wall = _WALL * (1.0 + abs(value))
        self._found = theta.copy(), gradient, report
        return value, gradient

    def _infer(self):
        """StepReport and gradients of the mean energy (weights, then biases) at `_trial`."""
        blocks, net = self.minibatches, self._trial
        batch = binding.Batch(core_network(net), blocks.batch_size, self._n_threads, None)
        gradients = [np.zeros(array.shape) for array, _ in self._parts(net)]
        loss = energy = 0.0
        counts = np.zeros(4)
        for X, Y, weight in blocks.epoch(None):
            n = len(X)
            self.method.run(batch, X, Y, self.objective)
            share = (np.ones(n) if weight is None else weight) / self._total
            by_weight, by_bias = batch.weight_gradients(X, share)
            for total, part in zip(gradients, [*by_weight, *(by_bias or [])], strict=True):
                total += part
            loss += dot(share, batch.loss[:n])
            energy += dot(share, batch.energy[:n])
            counts += inference_sums(batch, n)
        if not all(np.isfinite(g).all() for g in gradients):
            raise FloatingPointError("the gradient is not finite")
        n = blocks.n_samples
        return StepReport(n, loss, energy, *(counts / n).tolist(), float(n)), gradients

    def accept(self, theta):
        """Write a point into the network; return its StepReport."""
        if self._found is None or not np.array_equal(self._found[0], theta):
            self.evaluate(theta)
        self._write(theta, self.network)
        return self._found[2]

    # ------------------------------------------------------------ as an Optimizer

    def epoch(self, run):
        """One iteration, the only step of its epoch.

        It yields nothing if no lower point was found. A start that cannot be improved is still
        yielded, so that the history has a row.
        """
        try:
            report = self._iterate(run)
        except FloatingPointError as error:
            run.diverge(error)
            return
        if report is not None:
            run.learning_rate = math.nan  # each line search chooses its own
            run.n_samples_seen += report.n_samples * (self.n_calls - self._n_calls_reported - 1)
            self._n_calls_reported = self.n_calls
            yield report

    def _iterate(self, run):
        """Step to a lower point; return its StepReport, or None."""
        begins = self._search is None
        if begins:
            self._search = QuasiNewton(self.evaluate, self.variables(), self.solver.history_size)
        search, before = self._search, self._search.value
        if begins and search.largest_slope <= self.tol:
            self._reason = "converged"
        elif search.step():
            report = self.accept(search.x)
            self._reason = self._reason_after(run, before)
            return report
        else:
            self._reason = "plateau"
        return self.accept(search.x) if begins else None

    def _reason_after(self, run, before):
        """Reason why the iteration from the value ``before`` was the last; or None."""
        search, after = self._search, self._search.value
        if run.n_epochs + 1 >= run.max_iter or self.n_calls > self.solver.max_fun:
            return "max_iter"
        decrease = (before - after) / max(abs(before), abs(after), 1.0)
        if search.largest_slope <= self.tol or decrease <= self.solver.resolution:
            return "converged"
        return None

    def steps_per_epoch(self, minibatches):
        """1, whatever the number of blocks of samples."""
        return 1

    def reason_to_stop(self, run):
        """Also "converged", and "plateau" if no lower point was found."""
        return self._reason or super().reason_to_stop(run)

    def sync(self):
        """Do nothing: the network is up to date after each iteration."""

    def state(self):
        """None: L-BFGS starts each fit without memory and writes no checkpoints."""

    def release(self):
        """None; the memory of past steps is not kept after the fit."""
        self._search = None

    def load(self):
        """Restart from the network's weights, which a caller has changed."""
        self._search = self._reason = None

    def output(self, X):
        """Outputs mu_L (n, K) with the current weights; rows of the network's dtype."""
        return network_output(self.network, X)[0]

    def describe_divergence(self, run):
        """Text of the error: only the first point can fail."""
        return (
            f"Training could not start: {run.error}. The usual cause is features far from unit "
            "scale: put StandardScaler before."
        )

    def describe_limit(self, run):
        """Text of the warning: the limit of iterations or evaluations was reached."""
        return (
            f"L-BFGS ended at its limit of iterations (max_iter={run.max_iter}) or of "
            f"evaluations (max_fun={self.solver.max_fun}) without having converged. "
            "Raise max_iter, LBFGS(max_fun=...) or tol."
        )
