"""`cost` against programs of counted and timed layer products, and against pcnet's passes."""

import numpy as np
import pytest

from pcnet import Network, PCClassifier, infer
from pcnet.inference import (
    METHODS,
    ActivityDescent,
    AdamActivityDescent,
    AugmentedLagrangian,
    ErrorDescent,
    ErrorOptimization,
    ForwardUpdate,
    GaussSeidel,
    GradientFlow,
    IncrementalDescent,
    InferenceMethod,
    NesterovDescent,
    Nudged,
    PrecisionDescent,
    QuasiNewton,
)
from pcnet.theory import EnergyConstants, MethodCost, cost

from ..helpers import make_batch, make_network

SIZES = (7, 5, 4, 6, 3, 2)
BATCH = 10
ADAPTIVE = ("error", "quasi_newton", "prospective", "learned_precision", "gradient_flow", "nudged")


class Machine:
    """One unit a layer. Values are the times at which they are ready; a product takes time 1.

    z and e have the entries 0..L; z_0, the input, is ready at time 0.
    """

    def __init__(self, sizes, n_samples=1):
        self.sizes, self.n, self.top = sizes, n_samples, len(sizes) - 1
        self.multiply_adds = self.links = 0
        self.weights = [0] * (self.top + 1)
        self.first = self.up(1, 0)
        self.z = [0, self.first]
        for layer in range(2, self.top + 1):
            self.z.append(self.up(layer, self.z[-1]))
        self.e = [None, *[0] * (self.top - 1), self.z[-1]]

    def up(self, layer, ready):
        """f(z_{l-1}) W_l: z_{l-1} goes up."""
        self.links += self.n * self.sizes[layer - 1]
        return self.product(layer, ready)

    def down(self, layer, ready):
        """e_l W_l^T: e_l goes down."""
        self.links += self.n * self.sizes[layer]
        return self.product(layer, ready)

    def product(self, layer, ready):
        self.multiply_adds += self.n * self.sizes[layer - 1] * self.sizes[layer]
        return max(ready, self.weights[layer]) + 1

    def residuals(self, lowest=1):
        """e = z - mu of the layers from `lowest` on; mu_1 is known."""
        for layer in range(lowest, self.top + 1):
            mu = self.first if layer == 1 else self.up(layer, self.z[layer - 1])
            self.e[layer] = mu if layer == self.top else max(self.z[layer], mu)

    def jacobi(self, lowest=1):
        """A step of gradient descent in the hidden layers from `lowest` on, then their errors."""
        hidden = range(lowest, self.top)
        moved = [max(self.z[i], self.e[i], self.down(i + 1, self.e[i + 1])) for i in hidden]
        self.z[lowest : self.top] = moved
        self.residuals(lowest + (lowest > 1))  # below, no prediction has changed

    def respond(self):
        """A backward pass: e_l from e_{l+1}."""
        for layer in range(self.top - 1, 0, -1):
            self.e[layer] = self.down(layer + 1, self.e[layer + 1])

    def propagate(self):
        """A forward pass with given errors."""
        self.z[1] = max(self.first, self.e[1])
        for layer in range(2, self.top + 1):
            mu = self.up(layer, self.z[layer - 1])
            self.z[layer] = mu if layer == self.top else max(mu, self.e[layer])
        self.e[self.top] = self.z[self.top]

    def sweep(self):
        """A Gauss-Seidel sweep from the top, then all errors."""
        for layer in range(self.top - 1, 0, -1):
            slope = max(self.e[layer], self.down(layer + 1, self.e[layer + 1]))
            self.z[layer] = self.e[layer] = max(self.z[layer], slope)
        self.residuals()

    def learn(self):
        for layer in range(1, self.top + 1):
            ready = max(self.z[layer - 1], self.e[layer])
            self.weights[layer] = self.product(layer, ready)

    def done(self):
        self.learn()
        return self


def repeated(machine, times, step):
    for _ in range(times):
        step()
    return machine


def backprop(m):
    m.respond()


def activity(m):
    repeated(m, 6, m.jacobi)


def errors(m):  # five backward and five forward passes after the first
    repeated(m, 5, lambda: (m.respond(), m.propagate()))


def converged(m):  # the last forward pass is followed by a backward one
    errors(m)
    m.respond()


def sweeps(m):
    repeated(m, 4, m.sweep)


def incremental(m):
    m.jacobi()
    for _ in range(3):
        m.learn()
        m.first = m.up(1, 0)
        m.residuals()
        m.jacobi()


PROGRAMS = {
    "backprop": ("backprop", None, backprop),
    "activity": (ActivityDescent(6, 0.1), None, activity),
    "heavy ball": (ActivityDescent(6, 0.1, 0.5), None, activity),
    "adam": (AdamActivityDescent(6), None, activity),
    "nesterov": (NesterovDescent(6, 0.1), None, activity),
    "precision": (PrecisionDescent(6), None, activity),
    "duals": (AugmentedLagrangian(3, rate=0.1, inner_steps=2), None, activity),
    "forward update": (ForwardUpdate(ActivityDescent(6, 0.1)), None, activity),
    "fixed errors": (ErrorOptimization(5), None, errors),
    "error descent": ("error", 6, converged),
    "quasi newton": ("quasi_newton", 6, converged),
    "sweeps": (GaussSeidel(4), None, sweeps),
    "incremental": (IncrementalDescent(4, 0.1), None, incremental),
}


@pytest.mark.parametrize("sizes", [SIZES, (3, 2, 4), (6, *(4,) * 9, 4)], ids=str)
@pytest.mark.parametrize("name", PROGRAMS)
def test_counted_products(name, sizes):
    method, n_passes, program = PROGRAMS[name]
    machine = Machine(sizes, BATCH)
    program(machine)
    machine.learn()
    found = cost(sizes, method, n_passes, batch_size=BATCH)
    assert found.multiply_adds == machine.multiply_adds
    assert found.depth == max(machine.weights)
    # of an adaptive method half of the passes count as forward ones
    spread = abs(sizes[1] - sizes[-1]) * BATCH if n_passes else 0
    assert abs(found.link_bytes - 4 * machine.links) <= 4 * spread


@pytest.mark.parametrize("n_steps", [1, 3, 4, 9])
@pytest.mark.parametrize("sizes", [SIZES, (6, *(4,) * 9, 4)], ids=str)
def test_skipped_layers(sizes, n_steps):
    """Step t moves the top t hidden layers, from the feed-forward state."""
    machine = Machine(sizes)
    for t in range(1, n_steps + 1):
        machine.jacobi(max(1, machine.top - t))
    machine.learn()
    found = cost(sizes, NesterovDescent(n_steps, 0.1), skip_unreached=True)
    assert found.multiply_adds == machine.multiply_adds
    assert found.link_bytes == 4 * machine.links
    assert found.depth == max(machine.weights)


def test_exact_equilibrium():
    """The responses to the unit deltas once for the minibatch, two further passes for a sample."""
    machine, units = Machine(SIZES, BATCH), Machine(SIZES, SIZES[-1])
    units.multiply_adds, units.e[-1] = 0, 0
    units.respond()
    assert max(units.e[1:-1]) <= machine.e[-1]  # ready before the outputs
    gram = SIZES[-1] ** 2 * sum(SIZES[1:-1])
    machine.respond()
    machine.propagate()
    machine.learn()
    found = cost(SIZES, "exact", batch_size=BATCH)
    assert found.multiply_adds == machine.multiply_adds + units.multiply_adds + gram
    assert found.depth == max(machine.weights)


@pytest.mark.parametrize("name", METHODS)
def test_passes_are_those_that_inference_reports(name):
    net = make_network((7, 5, 5, 5, 3), "identity")
    X, Y = make_batch(net, BATCH)
    reported = infer(net, X, Y, name).n_passes
    if name == "incremental":  # `infer` does not update the weights
        y = Y.argmax(axis=1)
        options = {"inference": name, "learning_rate_init": 1e-6, "max_iter": 1, "tol": 0}
        model = PCClassifier((5, 5, 5), "identity", batch_size=BATCH, **options)
        reported = np.array(model.fit(X, y).n_inference_passes_)
    if name in ADAPTIVE:
        found = cost(net, name, reported.mean(), batch_size=BATCH)
        assert found.n_passes == pytest.approx(reported.mean(), rel=1e-12)
    else:
        assert np.all(reported == cost(net, name, batch_size=BATCH).n_passes)


def test_every_method_has_a_cost():
    for name, kind in METHODS.items():
        assert isinstance(cost(SIZES, kind(), 4.0 if name in ADAPTIVE else None), MethodCost)


def test_nudging_is_two_inferences():
    """Each with a feed-forward pass that knows W_1 x, after one for the output to nudge from."""
    one = cost(SIZES, ErrorOptimization(4))
    both = cost(SIZES, Nudged(ErrorOptimization(4)))
    above = sum(a * b for a, b in zip(SIZES[1:], SIZES[2:], strict=False))
    assert both.multiply_adds == 2 * (one.multiply_adds + above) - SIZES[0] * SIZES[1] - above
    assert both.depth == one.depth + len(SIZES) - 2
    assert cost(SIZES, Nudged(), 6.5).n_passes == 6.5


def test_weights_are_read_once_a_pass_and_minibatch():
    n = sum(a * b for a, b in zip(SIZES, SIZES[1:], strict=False))
    found = cost(SIZES, "backprop", batch_size=BATCH, value_bytes=2)
    assert found.weight_bytes == 2 * (n + (n - SIZES[0] * SIZES[1]) + 2 * n)
    assert found.weight_bytes == cost(SIZES, "backprop", value_bytes=2).weight_bytes


def test_values_kept_between_passes():
    hidden = sum(SIZES[1:-1])
    kept = {"backprop": 1, "activity": 2, "nesterov": 3, "adam_activity": 4}
    for name, values in kept.items():
        assert cost(SIZES, name).stored_values == values * hidden + SIZES[-1]
    assert cost(SIZES, QuasiNewton(memory=4), 5).stored_values == 11 * hidden + SIZES[-1]


def test_energy():
    found = cost(SIZES, "backprop", batch_size=BATCH)
    parts = (found.multiply_adds, found.weight_bytes, found.link_bytes)
    assert found.energy() == pytest.approx(np.dot(parts, (4.6, 244, 1.25)) * 1e-12)
    constants = EnergyConstants(1.0, weight_byte=0.0, link_byte=2.0)
    assert found.energy(constants) == pytest.approx((parts[0] + 2 * parts[2]) * 1e-12)


class OwnMethod(InferenceMethod):
    pass


@pytest.mark.parametrize(
    "arguments, options, error, match",
    [
        ((3.0,), {}, TypeError, "network must be a Network or its layer sizes .*; got float"),
        (((4,),), {}, ValueError, "network must have at least two sizes"),
        (((4, 0, 2),), {}, ValueError, r"network\[1\] must be"),
        ((SIZES, "error"), {}, ValueError, "n_passes must be given for ErrorDescent"),
        ((SIZES, Nudged()), {}, ValueError, "n_passes must be given for Nudged"),
        ((SIZES, "error", 0.5), {}, ValueError, "n_passes must be at least 1.0"),
        ((SIZES, "backprop", 3), {}, ValueError, "n_passes must be None for Backprop"),
        ((SIZES, "backprop"), {"batch_size": 0}, ValueError, "batch_size"),
        ((SIZES, "backprop"), {"value_bytes": 0.0}, ValueError, "value_bytes"),
        ((SIZES, "backprop"), {"skip_unreached": True}, ValueError, "skip_unreached must be False"),
        ((SIZES, OwnMethod()), {}, TypeError, "method must be one of pcnet.inference"),
        ((SIZES, "eror"), {}, ValueError, "Did you mean 'error'"),
    ],
)
def test_wrong_arguments(arguments, options, error, match):
    with pytest.raises(error, match=match):
        cost(*arguments, **options)


def test_wrong_constants():
    with pytest.raises(ValueError, match="link_byte"):
        EnergyConstants(link_byte=-1.0)
    with pytest.raises(TypeError, match=r"constants must be a pcnet\.theory\.EnergyConstants"):
        cost(SIZES, "backprop").energy(4.6)


def test_a_network_and_its_sizes_cost_the_same():
    net = Network.init(SIZES, random_state=0)
    assert cost(net, "backprop") == cost(SIZES, "backprop")
    assert cost(net, GradientFlow(), 7) == cost(SIZES, GradientFlow(), 7)
    assert cost(net, ErrorDescent(9), 7) == cost(SIZES, "error", 7)
