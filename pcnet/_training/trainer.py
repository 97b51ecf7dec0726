"""Training steps: inference and the solver's update of one minibatch, in the C core.

During training a `Trainer` updates packed weights, the layout of the core's matrix products, in
place. `Trainer.sync` copies them back into the network. There are four copies of the weights:
plain, packed, and Adam's two moments; narrow layers have a fifth, the packed transpose.
"""

import math
from functools import partial

import numpy as np

from .._core import binding
from .._core.threads import effective_n_threads
from .._network_core import core_output, parameters
from .._random import run_side_by_side
from ..inference._learning import learns_feed_forward, weight_updates
from ..parameterization import gradient_scales, learning_rate_multipliers
from .centring import Centring
from .optimizer import Optimizer, OptimizerState, step_report


class MinibatchOptimizer(Optimizer):
    """Base class of the optimisers that make a step with each minibatch."""

    def steps(self, run):
        """Yield a function for each minibatch of the rest of the epoch.

        ``step(learning_rate, weight_decay=)`` makes the step and returns its `StepReport`.
        """
        raise NotImplementedError

    def epoch(self, run):
        """Make a step with each minibatch of the run, at the rate of its schedule."""
        for step in self.steps(run):
            rate = run.rate()
            # only here: a FloatingPointError of a callback, scorer or schedule is no divergence
            try:
                report = step(rate, weight_decay=run.weight_decay)
            except FloatingPointError as error:
                run.diverge(error)
                return
            yield report

    def describe_divergence(self, run):
        """Text of the error for a run that diverged."""
        return (
            f"Training diverged in epoch {run.n_epochs + 1} (optimiser step "
            f"{run.n_steps + 1}): {run.error}. The usual causes are a learning_rate_init (now "
            f"{run.schedule.learning_rate_init:g}) that is too large and features far from unit "
            "scale: lower the one, put StandardScaler before the other. The weights are the last "
            "finite ones."
        )

    def describe_limit(self, run):
        """Text of a warning, unless the schedule ends at `max_iter` as planned."""
        if run.schedule.has_horizon:
            return None
        return (
            f"Maximum iterations ({run.max_iter}) reached and the optimization hasn't "
            "converged yet. Raise max_iter or tol, or use a schedule that ends there: "
            "learning_rate='linear' or 'cosine'."
        )


class Trainer(MinibatchOptimizer):
    """Trains a network on minibatches.

    Parameters
    ----------
    network : Network
        Its arrays are read at construction and written by `sync`.
    objective : Objective
    method : inference object
        A method with learned parameters is copied and continues from them.
    solver : Adam or SGD
    max_batch_size : int
    state : OptimizerState, optional
        Solver memory to continue from; default: none.
    feed_forward : bool, optional
        Whether the weights learn at the feed-forward activities, see
        `pcnet.inference.learning_gradients`. Default: as networks are trained on this loss.
    centre : ndarray, (D,), optional
        Centre of the inputs, for networks with biases: see `pcnet._training.centring`. Default: 0.
    """

    def __init__(
        self,
        network,
        objective,
        method,
        solver,
        max_batch_size,
        state=None,
        feed_forward=None,
        centre=None,
    ):
        self.network = network
        self.objective = objective
        self.method = method.for_training(network, method)
        self._solver = solver
        by_loss = learns_feed_forward(objective.loss)
        self._feed_forward = by_loss if feed_forward is None else feed_forward
        self._n_updates = 0 if state is None else state.n_updates
        self._allocate(max_batch_size)
        self._centring = None
        if centre is not None:
            n_rows = max_batch_size * self.method.rows_per_sample
            self._centring = Centring(centre, network, self._forward, n_rows)
        self._rates = learning_rate_multipliers(network)
        self._scales = gradient_scales(network, objective.output_precision)
        self._n_parameters = sum(p.size for p in parameters(network))
        self.load()
        if state is not None:
            self._load_state(state)

    def _allocate(self, max_batch_size):
        net = self.network
        sizes, dtype = net.layer_sizes, net.dtype
        self._forward = binding.allocate_packed(sizes, dtype)
        self._backward = binding.allocate_packed(sizes, dtype, transposed=True)
        n_moments = self._solver.n_moments
        self._moments = [binding.allocate_packed(sizes, dtype) for _ in range(n_moments)]
        self._biases, self._bias_moments = None, []
        if net.biases is not None:
            self._biases = [np.zeros_like(b) for b in net.biases]
            self._bias_moments = [[np.zeros_like(b) for b in net.biases] for _ in range(n_moments)]
        self._core_network = binding.CoreNetwork(
            sizes,
            net.activations,
            net.skips,
            net.scales,
            dtype,
            biases=self._biases,
            packed=(self._forward, self._backward),
        )
        first, second = (*self._moments, None)[:2]
        bias_first, bias_second = (*self._bias_moments, None, None)[:2]
        self._update = binding.Update(
            *self._solver.core_options(dtype),
            forward=self._forward,
            backward=self._backward,
            first_moments=first,
            second_moments=second,
            biases=self._biases,
            bias_first_moments=bias_first,
            bias_second_moments=bias_second,
        )
        n_rows = max_batch_size * self.method.rows_per_sample
        self._batch = binding.Batch(self._core_network, n_rows, effective_n_threads())

    @property
    def batch(self):
        """The memory of inference, which `step` uses."""
        return self._batch

    @property
    def packed(self):
        """The packed weights, their packed transposes and the biases or None; steps change them."""
        return self._forward, self._backward, self._biases

    @property
    def n_updates(self):
        """Solver steps so far."""
        return self._n_updates

    def set_multipliers(self, rates, scales):
        """Replace each layer's multiples of the rate, and the factors of the gradients.

        Parameters
        ----------
        rates, scales : PerLayer
        """
        self._rates, self._scales = rates, scales

    # ------------------------------------------------------------ weights and state

    def load(self):
        """Read the network's weights and biases."""
        layers = zip(self.network.weights, self._forward, self._backward, strict=True)
        tasks = [partial(binding.pack_weights, [w], [p], [t]) for w, p, t in layers]
        run_side_by_side(tasks, self._n_parameters, effective_n_threads())
        _copy_all(self.network.biases, self._biases)
        if self._centring is not None:
            self._centring.begin()

    def sync(self):
        if self.writes_network:
            binding.unpack_weights(self._forward, self.network.weights)
            _copy_all(self._biases, self.network.biases)

    def release(self):
        """Free all memory and return the solver's, to continue from. No step can follow.

        The packed weights are freed first and the moments converted one by one, so that this needs
        no more memory than training.

        Returns
        -------
        OptimizerState
        """
        # these also reference the packed weights
        self._core_network = self._update = self._batch = self._centring = None
        self._forward = self._backward = None
        moments = []
        while self._moments:
            moments.append([np.empty_like(w) for w in self.network.weights])
            binding.unpack_weights(self._moments.pop(0), moments[-1])
        return OptimizerState(self._n_updates, moments, self._bias_moments)

    def state(self):
        moments = []
        for packed in self._moments:
            moments.append([np.empty_like(w) for w in self.network.weights])
            binding.unpack_weights(packed, moments[-1])
        biases = [[b.copy() for b in moment] for moment in self._bias_moments]
        return OptimizerState(self._n_updates, moments, biases)

    def _load_state(self, state):
        for packed, plain in zip(self._moments, state.weights, strict=True):
            binding.pack_weights(plain, packed)
        for kept, given in zip(self._bias_moments, state.biases, strict=True):
            _copy_all(given, kept)

    # ------------------------------------------------------------ work

    @property
    def takes_sparse(self):
        """Whether steps read sparse rows as they are."""
        return self.method.takes_sparse and self._centring is None

    def steps(self, run):
        for X, Y, weight in run.minibatches.epoch(run.random_state, run.batch, self.takes_sparse):
            yield partial(self.step, X, Y, sample_weight=weight)

    def step(self, X, Y, learning_rate, sample_weight=None, weight_decay=0.0):
        """Infer the batch's activities, then update weights and biases.

        Some methods of inference make several updates per batch, see `pcnet.inference._learning`;
        rate and weight decay apply to each.

        Parameters
        ----------
        X : ndarray, (n, D), or SparseInputs
            C-contiguous, of the network's dtype; n up to ``max_batch_size``.
        Y : ndarray, (n, K)
            C-contiguous, of the network's dtype.
        learning_rate : float
            The base rate; layers have multiples of it (`learning_rate_multipliers`).
        sample_weight : ndarray of float64, (n,), optional
            Weights w of the samples' gradients g, as in sum w g / sum w.
        weight_decay : float
            Weights (not biases) are first multiplied by ``1 - learning_rate * weight_decay``,
            or 0 if that is negative.

        Returns
        -------
        StepReport

        Raises
        ------
        FloatingPointError
            Energy, gradient or new weights are not finite; the weights stay finite.
        """
        batch, n = self._batch, len(X)
        share = shares(sample_weight, n)
        updates = weight_updates(
            self.method, batch, X, Y, self.objective, share, self._feed_forward
        )
        for weight_update in updates:
            self.learn(self._centred(weight_update), learning_rate, weight_decay)
        return step_report(batch, share, sample_weight)

    def _centred(self, weight_update):
        if self._centring is None:
            return weight_update
        return weight_update._replace(X=self._centring.centred(weight_update.X))

    def learn(self, source, learning_rate, weight_decay):
        """One update of weights and biases, at rates as for `step`.

        ``source`` is a `WeightUpdate` of the batch's activities and errors, or () for the gradient
        that the solver's step has been given.
        """
        with np.errstate(over="ignore"):  # an overflow is reported with the new weights
            rates = [learning_rate * rate for rate in self._rates]
        self._set_rates(rates, self._clipping(source, rates))
        self._update.begin(self._n_updates + 1, max(0.0, 1.0 - learning_rate * weight_decay))
        failed = self._batch.update(self._update, *source)
        if failed:
            raise FloatingPointError(
                f"the gradient or the new weights of layer {failed} are not finite at update "
                f"{self._n_updates + 1}; lower the learning rate"
            )
        if self._centring is not None:
            self._centring.follow(self._biases[0])
        self._n_updates += 1

    def _set_rates(self, rates, factor=1.0):
        """Set the update's rates, and the scales of its gradients, times ``factor``."""
        weights, biases = self._scales
        # the core leaves a_l out of the weights' gradient
        self._update.set_rates(*rates, factor * weights * self.network.scales, factor * biases)

    def _clipping(self, source, rates):
        """The factor that keeps the gradient's root mean square within the solver's `clip`."""
        clip = self._solver.clip
        if clip is None:
            return 1.0
        self._set_rates(rates)
        square = self._batch.gradient_square(self._update, *source)
        size = math.sqrt(square / self._n_parameters)
        # the core reports values that are not finite
        return clip / size if clip < size < math.inf else 1.0

    def output(self, X):
        """Outputs mu_L (n, K) with the current weights; X is `Rows`, or an array as for `step`."""
        return core_output(self._core_network, X)[0]


def _copy_all(sources, targets):
    if sources is not None:
        for source, target in zip(sources, targets, strict=True):
            target[...] = source


def shares(sample_weight, n):
    """Normalised sample weights, of sum 1."""
    if sample_weight is None:
        return np.full(n, 1.0 / n)
    sample_weight = np.asarray(sample_weight, dtype=np.float64)
    return sample_weight / sample_weight.sum()
