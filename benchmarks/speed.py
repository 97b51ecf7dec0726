"""Speed of inference, training and prediction, compared with peers measured in the same run.

    python benchmarks/speed.py PATH_TO_NPZ [--quick] [--rows inference activity step fit]

inference   useful FLOP rate of error descent with fixed work, against the best large sgemm
activity    activity descent against the same in plain NumPy
step        a training step against PyTorch's backpropagation and Adam (needs torch)
fit         an epoch of MNIST and prediction of its test set against MLPClassifier

Times are medians of turns that alternate with the peer's. All works may use ``--threads``
threads. Inference and activity need no data.
"""

import argparse
import itertools
import statistics
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
from _common import Table, alternate_seconds, load_mnist, print_environment
from _problems import (
    FIXED_STEPS,
    OBJECTIVE,
    inference_flops,
    one_hot,
    prepared_inference,
    random_problem,
)
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from threadpoolctl import threadpool_limits

from pcnet import Network, PCClassifier
from pcnet._core import reference
from pcnet._estimators.objective_state import AUTO_PRECISION
from pcnet._training.rates import ADAM_RATE
from pcnet._training.trainer import Trainer
from pcnet.inference import ActivityDescent, ErrorDescent, Objective
from pcnet.solvers import Adam

try:
    import torch
    from _torch_peer import ADAM_VARIANTS, TorchPeer
except ModuleNotFoundError:
    torch = None

BATCH_SIZE = 64
SGEMM_SIZES = (2048, 3072, 4096)
#: (hidden layers, width, batch, share of sgemm's rate to reach)
INFERENCE_ROWS = [
    *((32, n, b, 0.80 if n >= 256 else 0.65) for n in (128, 256, 512, 1024) for b in (64, 128)),
    (127, 128, 64, 0.65),
    (127, 512, 64, 0.65),
]
#: One training step of jpc with jitted activity descent at the size of the activity row, on a
#: machine whose large sgemm ran at this rate; to be undercut by this factor.
JPC_MS, JPC_GFLOPS, JPC_FACTOR = 1308, 194, 1308 / 225
#: (layers, width, steps of training before the measurement, most of PyTorch's time)
STEP_ROWS = [(128, 128, 300, 0.6), (128, 512, 100, 1.15)]
#: (hidden layers, batch size, most of MLPClassifier's time)
FIT_ROWS = [((128,) * 8, 64, 0.6), ((100,), 200, 1.0)]
PREDICT_TARGET = 0.75


class Effort(NamedTuple):
    """How much to measure."""

    repeats: int
    fit_repeats: int
    train_share: float  # of the steps that precede the measurement of a step
    n_train: int  # rows of MNIST in an epoch


FULL = Effort(repeats=5, fit_repeats=3, train_share=1.0, n_train=60_000)
QUICK = Effort(repeats=3, fit_repeats=1, train_share=0.05, n_train=6_000)


def main():
    arguments = parse_arguments()
    effort = QUICK if arguments.quick else FULL
    print_environment(**({} if torch is None else {"PyTorch": torch.__version__}))
    if arguments.quick:
        print("--quick: short training and few repeats; verdicts are not to be quoted")
    if torch is not None:
        torch.set_num_threads(arguments.threads)
    table = Table()
    with threadpool_limits(arguments.threads):
        sgemm = best_sgemm(effort)
        print(
            f"peak      sgemm {sgemm.gflops:.0f} GFLOP/s at {sgemm.size}, "
            f"copy {copy_gbytes(arguments.threads):.1f} GB/s, {arguments.threads} threads"
        )
        data = None if arguments.data is None else load_mnist(arguments.data)
        for name in arguments.rows:
            if name in NEED_DATA and data is None:
                print(f"\n{name}: skipped, needs the path to an npz of MNIST")
                continue
            SECTIONS[name](table, effort, sgemm, data)
    table.summary()


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("data", nargs="?", help="npz with X_train, y_train, X_test, y_test")
    parser.add_argument("--rows", nargs="+", choices=SECTIONS, default=list(SECTIONS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true")
    return parser.parse_args()


# ------------------------------------------------------------ speed of the machine


class Sgemm(NamedTuple):
    """A large square product of float32."""

    size: int
    run: object
    gflops: float


def best_sgemm(effort):
    """The size at which NumPy's sgemm runs fastest."""
    works = [square_product(n) for n in SGEMM_SIZES]
    times = alternate_seconds(works, max(3, effort.repeats // 2))
    rates = [2e-9 * n**3 / t for n, t in zip(SGEMM_SIZES, times)]
    best = int(np.argmax(rates))
    return Sgemm(SGEMM_SIZES[best], works[best], rates[best])


def square_product(n):
    rng = np.random.default_rng(0)
    a, b = rng.standard_normal((2, n, n), dtype=np.float32)
    out = np.empty_like(a)
    return lambda: np.matmul(a, b, out=out)


def copy_gbytes(n_threads, mbytes=128):
    """Rate of copies by all threads at once, bytes read and written."""
    sources = np.ones((n_threads, mbytes << 18), np.float32)
    copies = np.zeros_like(sources)
    with ThreadPoolExecutor(n_threads) as pool:
        seconds = alternate_seconds([lambda: list(pool.map(np.copyto, copies, sources))])[0]
    return 2e-9 * sources.nbytes / seconds


# ------------------------------------------------------------ inference


def inference_rows(table, effort, sgemm, data):
    """Useful FLOPs per second, with all samples making all steps."""
    table.section("Inference, 8 steps of error descent, useful GFLOP/s", "sgemm", "share")
    for n_hidden, width, n_samples, target in INFERENCE_ROWS:
        problem = random_problem(width, n_hidden, n_samples)
        run, batch = prepared_inference(problem)
        seconds, product = alternate_seconds([run, sgemm.run], effort.repeats)
        if not np.all(batch.n_steps == FIXED_STEPS.max_steps):
            raise RuntimeError("some samples ended before the last step: the work is not fixed")
        gflop = 1e-9 * inference_flops(problem.net.layer_sizes, batch.n_half_passes)
        peak = 2e-9 * sgemm.size**3 / product
        rate = gflop / seconds
        work = f"H={n_hidden} N={width} B={n_samples}, {batch.n_half_passes.mean() / 2:.1f} passes"
        table.row(work, f"{rate:.0f}", f"{peak:.0f}", rate / peak, target)


def plain_descent(net, X, Y, n_steps, rate):
    """Activity descent in NumPy with the energies of every step, as in pcnet; returns the last."""
    z, rate = reference.forward(net, X)[:-1], X.dtype.type(rate)
    for _ in range(n_steps):
        gradients = reference.activity_gradients(net, X, Y, z, OBJECTIVE)
        z = [a - rate * g for a, g in zip(z, gradients, strict=True)]
        energies = reference.sample_energies(net, X, Y, z, OBJECTIVE)
    return energies


def activity_rows(table, effort, sgemm, data):
    """Activity descent as the papers use it, T = H steps."""
    H, N, B, T = 32, 512, 64, 32
    problem = random_problem(N, H, B, gamma=1.0)
    method = ActivityDescent(n_steps=T, rate=0.5)
    run, batch = prepared_inference(problem, method)
    trainer = Trainer(problem.net.copy(), OBJECTIVE, method, Adam(), B)
    plain = []  # results of NumPy
    seconds, plain_seconds, step, product = alternate_seconds(
        [
            run,
            lambda: plain.append(plain_descent(*problem, T, method.rate)),
            lambda: trainer.step(problem.X, problem.Y, 1e-4),
            sgemm.run,
        ],
        max(3, effort.repeats // 2),
    )
    np.testing.assert_allclose(batch.energy, plain[-1], rtol=1e-3)
    table.section("Activity descent", "peer", "faster")
    size = f"H={H} N={N} B={B} T={T}"
    ratio = plain_seconds / seconds
    table.row(f"{size}, NumPy", ms(seconds), ms(plain_seconds), ratio, 4.0)
    jpc = JPC_MS * 1e-3 * JPC_GFLOPS / (2e-9 * sgemm.size**3 / product)
    table.row(f"{size}, step, jpc scaled by sgemm", ms(step), ms(jpc), jpc / step, JPC_FACTOR)
    table.note(
        f"jpc was not run here: its {JPC_MS} ms were taken where sgemm ran at {JPC_GFLOPS} "
        "GFLOP/s; pcnet's step includes the update of the weights"
    )


def ms(seconds):
    return f"{1e3 * seconds:.1f} ms"


# ------------------------------------------------------------ a training step


def step_rows(table, effort, sgemm, data):
    """A step on MNIST with default arguments, in the middle of the first epoch."""
    if torch is None:
        print("\nstep: skipped, PyTorch is not installed")
        return
    table.section(f"Training step, batch {BATCH_SIZE}", "PyTorch", "time")
    for depth, width, n_steps, target in STEP_ROWS:
        n_steps = max(3, int(effort.train_share * n_steps))
        training = Training(depth, width, data)
        for _ in range(n_steps):
            training.step()
        compare_step(table, training, n_steps, target, (effort.repeats, sgemm))


class Training:
    """PCClassifier's default training on MNIST, step by step.

    The learning rate falls linearly as it would over one epoch of 938 batches.
    """

    def __init__(self, depth, width, data):
        self.depth, self.width = depth, width
        X, y = data[:2]
        n_batches = len(X) // BATCH_SIZE
        rows = np.random.default_rng(0).permutation(len(X))[: n_batches * BATCH_SIZE]
        self.batches = [(X[part], one_hot(y[part])) for part in np.split(rows, n_batches)]
        sizes = (X.shape[1], *[width] * (depth - 1), 10)
        self.net = Network.init(sizes, bias=True, random_state=0)
        objective = Objective("squared_error", AUTO_PRECISION / depth)
        self.trainer = Trainer(self.net, objective, ErrorDescent(), Adam(), BATCH_SIZE)
        self.reports = []

    def step(self):
        done = len(self.reports)
        rate = ADAM_RATE * max(0.1, 1 - done / len(self.batches))
        X, Y = self.batches[done % len(self.batches)]
        self.reports.append(self.trainer.step(X, Y, rate, weight_decay=0.03))


def compare_step(table, training, n_steps, target, how):
    """Time steps in turn with PyTorch's on the same network; ``how``: repeats and sgemm.

    The peers are ``torch.optim.Adam`` by default, and with ``fused=True``, its fastest form.
    """
    repeats, sgemm = how
    training.trainer.sync()
    batches = [tuple(map(torch.from_numpy, batch)) for batch in training.batches[:20]]
    peers = {name: TorchPeer(training.net, name) for name in ADAM_VARIANTS}
    check_same_outputs(training, peers["default"], batches[0][0])
    works = [training.step, *(peer_steps(peer, batches) for peer in peers.values())]
    seconds, *peer_seconds = alternate_seconds(works, repeats, least=0.5)
    work = f"{training.depth} layers x {training.width}"
    for name, peer in zip(peers, peer_seconds):
        label = "Adam" if name == "default" else f"Adam, {name}"
        table.row(f"{work}, {label}", ms(seconds), ms(peer), seconds / peer, target, False)
    passes = statistics.mean(report.n_passes for report in training.reports[n_steps:])
    table.note(
        f"after {n_steps} steps; lambda {training.trainer.objective.output_precision:.4f}, "
        f"{passes:.2f} passes a sample"
    )
    table.note(floor_of_step(training.net.layer_sizes, passes, sgemm))


def peer_steps(peer, batches):
    turn = itertools.cycle(batches)
    return lambda: peer.step(*next(turn))


def check_same_outputs(training, peer, x):
    with torch.no_grad():
        theirs = peer.forward(x).numpy()
    np.testing.assert_allclose(training.net.output(x.numpy()), theirs, rtol=1e-3, atol=1e-3)


def floor_of_step(layer_sizes, passes, sgemm):
    """Least work of a step with this many passes: FLOPs, also of backpropagation, and bytes."""
    weights = sum(a * b for a, b in zip(layer_sizes, layer_sizes[1:]))
    half_passes = np.full(BATCH_SIZE, 2 * passes)
    update = 2 * BATCH_SIZE * weights
    gflop = 1e-9 * (inference_flops(layer_sizes, half_passes) + update)
    backprop = 1e-9 * (inference_flops(layer_sizes, np.full(BATCH_SIZE, 2)) + update)
    # the update reads W and two moments and writes them and W^T
    mbytes = 4e-6 * weights * (2 * passes + 7)
    return (
        f"floor: {at_sgemm_rate(gflop, sgemm)} (backpropagation {backprop:.1f} GFLOP); "
        f"weights and moments touched: {mbytes:.0f} MB"
    )


def at_sgemm_rate(gflop, sgemm):
    return f"{gflop:.1f} GFLOP, {1e3 * gflop / sgemm.gflops:.1f} ms at sgemm's rate"


# ------------------------------------------------------------ fit and predict


def fit_rows(table, effort, sgemm, data):
    """An epoch and the prediction of 10,000 rows, against MLPClassifier."""
    X, y, X_test, y_test = data
    X, y = X[: effort.n_train], y[: effort.n_train]
    table.section(f"One epoch of MNIST, {len(X)} rows", "MLPClassifier", "ratio")
    fits = [Fits(*row[:2], X, y) for row in FIT_ROWS]
    for row, fit in zip(FIT_ROWS, fits):
        fit_row(table, effort, row, fit, (X_test, y_test))
    table.section(f"predict, {len(X_test)} rows", "MLPClassifier", "time")
    for (sizes, _, _), fit in zip(FIT_ROWS, fits):
        ours, theirs = fit.ours[-1], fit.theirs[-1]
        seconds, peer = alternate_seconds(
            [lambda m=ours: m.predict(X_test), lambda m=theirs: m.predict(X_test)],
            effort.repeats,
            least=0.2,
        )
        table.row(shape(sizes), ms(seconds), ms(peer), seconds / peer, PREDICT_TARGET, False)
        gflop = 2e-9 * len(X_test) * sum(W.size for W in ours.coefs_)
        table.note(f"floor: {at_sgemm_rate(gflop, sgemm)}")


class Fits:
    """One-epoch fits of both estimators, each with a different seed."""

    def __init__(self, sizes, batch_size, X, y):
        options = {"hidden_layer_sizes": sizes, "batch_size": batch_size, "max_iter": 1}
        self.estimators = PCClassifier(**options), MLPClassifier(**options)
        self.data = X, y
        self.ours, self.theirs = [], []

    def fit_ours(self):
        self.ours.append(self._fit(0, len(self.ours)))

    def fit_theirs(self):
        with warnings.catch_warnings():  # MLPClassifier warns about one epoch
            warnings.simplefilter("ignore", ConvergenceWarning)
            self.theirs.append(self._fit(1, len(self.theirs)))

    def _fit(self, which, seed):
        return clone(self.estimators[which]).set_params(random_state=seed).fit(*self.data)


def fit_row(table, effort, row, fit, test):
    sizes, batch_size, target = row
    seconds, peer = alternate_seconds([fit.fit_ours, fit.fit_theirs], effort.fit_repeats)
    name = f"{shape(sizes)} batch {batch_size}"
    table.row(f"{name}, time", f"{seconds:.2f} s", f"{peer:.2f} s", seconds / peer, target, False)
    ours, theirs = (
        statistics.mean(m.score(*test) for m in models) for models in (fit.ours, fit.theirs)
    )
    table.row(f"{name}, accuracy", f"{ours:.2%}", f"{theirs:.2%}", ours / theirs, 1.0)
    model = fit.ours[-1]
    table.note(
        f"{len(fit.ours)} seeds; lambda {model.output_precision_:.3f}, "
        f"{model.n_inference_passes_[-1]:.2f} passes a sample, "
        f"converged {model.converged_fraction_[-1]:.1%}"
    )


def shape(sizes):
    return f"({sizes[0]},)" + (f" * {len(sizes)}" if len(sizes) > 1 else "")


SECTIONS = {
    "inference": inference_rows,
    "activity": activity_rows,
    "step": step_rows,
    "fit": fit_rows,
}
NEED_DATA = ("step", "fit")

if __name__ == "__main__":
    main()
