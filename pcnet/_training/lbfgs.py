"""Full-batch training by L-BFGS on the energy at equilibrium.

What is minimised is J = (F* + alpha / 2 ||theta||^2) / lambda, where F* is the mean over all
samples of the energy at the end of inference and lambda the output precision. At an equilibrium
dF/dz = 0, so that the derivative of F* by a weight is that of F at fixed activities (the envelope
theorem): the same local gradient that the other solvers use.

The variables are theta_l = W_l / r_l, where r_l^2 is the layer's learning rate multiplier times
the scale of its gradient. Gradient descent on theta is then gradient descent with the rates and
scales of `Trainer`, so that depth is as harmless as there, and the penalty has the stationary
points of the decoupled weight decay. Without this a network of 17 layers hardly trains.
"""

import math
from contextlib import suppress

import numpy as np

from .._core import binding
from .._core.sums import dot
from .._core.threads import effective_n_threads
from ..parameterization import PerLayer, gradient_scales, learning_rate_multipliers
from .loop import MinibatchLoop
from .quasi_newton import QuasiNewton
from .trainer import StepReport

#: Samples inferred at once; fixed, because sums depend on it in their last bits.
BLOCK = 1024

# What a point costs at which inference fails, over 1 + |J| at the start; higher than any other.
_WALL = 1e10


class FullBatch:
    """Objective, gradient and weights of L-BFGS, in the place of a `Trainer`.

    Parameters
    ----------
    network : Network
        Its arrays always hold the last accepted point.
    objective : Objective
    method : ErrorDescent
        The estimator's, which is tightened as the solver asks.
    solver : LBFGS
    minibatches : Minibatches
        Blocks of all rows, not shuffled.
    alpha : float
        Of the penalty.
    tol : float
        Training has converged where no entry of the gradient of J is larger.
    """

    def __init__(self, network, objective, method, solver, minibatches, alpha, tol):
        self.network = network
        self.objective = objective
        self.method = solver.tightened(method)
        self.solver = solver
        self.minibatches = minibatches
        self.alpha = alpha
        self.tol = tol
        self.n_calls = 0
        self.weights_replaced = False
        self._n_threads = effective_n_threads()
        self._trial = network.copy()
        self._found = None  # (theta, gradient, report) of the newest point that can be computed
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
        """theta of the network's present weights and biases, one float64 vector."""
        self.weights_replaced = False
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

        Where inference fails, a J above all others and the last gradient, so that the line search
        turns back.

        Raises
        ------
        FloatingPointError
            Inference fails at the very first point.
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
        batch = binding.Batch(net.core_network(), blocks.batch_size, self._n_threads, None)
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
            ended = batch.status[:n]
            counts += (
                batch.n_steps[:n].sum(),
                batch.n_half_passes[:n].sum() / 2,
                np.count_nonzero(ended == binding.Status.CONVERGED),
                np.count_nonzero(ended != binding.Status.REACHED_MAX_STEPS),
            )
        if not all(np.isfinite(g).all() for g in gradients):
            raise FloatingPointError("the gradient is not finite")
        n = blocks.n_samples
        return StepReport(n, loss, energy, *(counts / n).tolist()), gradients

    def accept(self, theta):
        """Write a point into the network; return its StepReport."""
        if self._found is None or not np.array_equal(self._found[0], theta):
            self.evaluate(theta)
        self._write(theta, self.network)
        return self._found[2]

    # ------------------------------------------------------------ as of a Trainer

    def sync(self):
        """Nothing: the network is up to date after every iteration."""

    def load(self):
        """Note that the network's weights were written from outside: begin anew from them."""
        self.weights_replaced = True

    def release(self):
        """No memory of the solver outlives a fit."""

    def output(self, X):
        """Outputs mu_L (n, K) with the present weights; rows of the network's dtype."""
        return self.network.core_output(X)[0]


class _Diverged(Exception):
    """Leaves the search; the run knows the error."""


class LbfgsLoop(MinibatchLoop):
    """Trains a network by L-BFGS; an iteration is what an epoch is to the other solvers.

    Parameters
    ----------
    run : Run
        Its trainer is a `FullBatch`.
    """

    def __init__(self, run):
        super().__init__(run)
        self._begun = False
        self._n_calls = 0

    def _epoch(self):
        """Iterate until the end, or until a callback has written other weights."""
        with suppress(_Diverged):
            self._search()

    def _search(self):
        run, full = self.run, self.run.trainer
        search = QuasiNewton(self._evaluate, full.variables(), full.solver.history_size)
        reason = "converged" if search.largest_slope <= full.tol else None
        n_epochs = run.n_epochs
        while reason is None:
            reason = self._iterate(search)
            if run.stop_reason is not None or full.weights_replaced:
                return
        if run.n_epochs == n_epochs:  # nothing was moved: leave a row that says so
            self._record(search.x)
        run.request_stop(reason)

    def _iterate(self, search):
        """One iteration and its row; why it was the last, or None."""
        run, full = self.run, self.run.trainer
        before = search.value
        if not search.step():
            return "plateau"
        self._record(search.x)
        if run.n_epochs >= run.max_iter or full.n_calls > full.solver.max_fun:
            return "max_iter"
        decrease = (before - search.value) / max(abs(before), abs(search.value), 1.0)
        if search.largest_slope <= full.tol or decrease <= full.solver.resolution:
            return "converged"
        return None

    def _evaluate(self, theta):
        run = self.run
        if not self._begun:
            self._begun = True
            run.begin_epoch()
            for observer in run.observers:
                observer.on_epoch_begin(run)
        return self._or_diverge(run.trainer.evaluate, theta)

    def _or_diverge(self, function, theta):
        """``function(theta)``; its FloatingPointError ends training as diverged."""
        try:
            return function(theta)
        except FloatingPointError as error:
            self.run.diverge(error)
            raise _Diverged from error

    def _record(self, theta):
        """Accept a point; the row of its iteration, and what the observers say to it."""
        run, full = self.run, self.run.trainer
        report = self._or_diverge(full.accept, theta)
        run.learning_rate = math.nan  # each line search finds its own
        run.add(report, None)
        run.n_samples_seen += report.n_samples * (full.n_calls - self._n_calls - 1)
        self._n_calls = full.n_calls
        for observer in self._per_batch:
            if observer.on_batch_end(run, report):
                run.request_stop(observer.stop_reason)
        self._end_epoch()
        self._begun = False
