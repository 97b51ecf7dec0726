"""Every public callable with arguments that work, to be called with one of them wrong."""

import inspect
import pickle

import numpy as np

import pcnet
from pcnet import display, inference, losses, parameterization, schedules, serving, solvers, theory
from pcnet.callbacks import Checkpoint, with_batches

SIZES = (3, 4, 4, 2)
RNG = np.random.default_rng(0)
X = RNG.standard_normal((6, 3))
Y = RNG.standard_normal((6, 2))
LABELS = np.array([0, 1, 0, 1, 0, 1])
WEIGHTS = np.ones(6)
TARGETS = X[:, 0]

#: Values that hardly any argument accepts. A new object each time, because callees may change it.
WRONG = {
    "None": lambda: None,
    "text": lambda: "text",
    "inf": lambda: np.inf,
    "nan": lambda: np.nan,
    "-1": lambda: -1,
    "10**400": lambda: 10**400,
    "[]": list,
    "object": object,
    "dict": dict,
    "list of huge": lambda: [10**400] * 6,
    "rows of huge": lambda: [[10**400] * 3] * 6,
    "3-d": lambda: np.zeros((2, 2, 2)),
    "class": lambda: int,
}


def huge_within(value):
    """``value`` with an integer that no float can hold as its first number; None if it has none."""
    if isinstance(value, (bool, str)) or value is None:
        return None
    if isinstance(value, (int, float)):
        return 10**400
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if isinstance(value, dict):
        return {key: huge_within(entry) for key, entry in value.items()} or None
    if isinstance(value, (list, tuple)) and len(value):
        first = huge_within(value[0])
        return None if first is None else type(value)([first, *value[1:]])
    return None


def net(activation="tanh"):
    return pcnet.Network.init(SIZES, activation, random_state=0, dtype=np.float64)


def made(cls):
    return pickle.loads(FITTED[cls])


def train(cls):
    return cls(hidden_layer_sizes=(4,), max_iter=1, learning_rate="linear", random_state=0)


def train_imputer():
    return pcnet.PCImputer(1, (4,), max_iter=1, n_estimators=1, random_state=0)


def train_generative():
    return pcnet.PCGenerative(1, (4,), max_iter=1, random_state=0)


FITTED = {
    pcnet.PCClassifier: pickle.dumps(train(pcnet.PCClassifier).fit(X, LABELS)),
    pcnet.PCRegressor: pickle.dumps(train(pcnet.PCRegressor).fit(X, TARGETS)),
    pcnet.PCImputer: pickle.dumps(train_imputer().fit(X)),
    pcnet.PCGenerative: pickle.dumps(train_generative().fit(X, LABELS)),
}
RESULT = pcnet.infer(net(), X, Y)
HESSIAN = theory.activity_hessian(net(), X[0], Y[0])
MADE_OF = {  # arguments of inference methods that contain another method
    name: getattr(inference, name)
    for name in inference.__all__
    if hasattr(getattr(inference, name), "check")
}


def _functions():
    """Name -> (callable, its arguments by name)."""
    clamped = {"net": net(), "X": X, "Y": Y}
    linear = {"net": net("identity"), "X": X, "Y": Y}
    yield "infer", pcnet.infer, clamped
    yield "learning_gradients", inference.learning_gradients, clamped
    yield "Network.init", pcnet.Network.init, {"layer_sizes": SIZES}
    yield "from_weights", pcnet.Network.from_weights, {"weights": net().weights}
    yield "set_num_threads", _set_num_threads, {"n_threads": 1}
    yield "load_checkpoint", pcnet.load_checkpoint, {"path": "nowhere"}
    yield "Chunks", pcnet.Chunks, {"chunks": [X, X]}
    yield "with_batches", with_batches, {"callback": _Batches()}
    yield "Checkpoint", lambda **options: Checkpoint(**options).exists(), {"path": "nowhere"}
    yield "to_onnx", serving.to_onnx, {"model": made(pcnet.PCClassifier), "X": X}
    for name in ("forward", "output"):
        yield name, getattr(net(), name), {"X": X}
    activities = {"X": X, "Y": Y, "activities": net().forward(X)}
    yield "Network.energy", net().energy, activities
    yield "activity_gradients", net().activity_gradients, activities
    errors = {"X": X, "errors": RESULT.errors, "activities": RESULT.activities}
    yield "weight_gradients", net().weight_gradients, errors
    yield from _theory(clamped, linear)
    yield from _displays()
    yield from _parameterization()


def _theory(clamped, linear):
    one = {"net": net(), "x": X[0], "y": Y[0]}
    yield "at_origin", theory.at_origin, {"net": net()}
    yield "in_float64", theory.in_float64, {"net": net()}
    yield "flatten_weights", theory.flatten_weights, {"weights": net().weights}
    yield "weight_slices", theory.weight_slices, {"net": net()}
    flat = theory.flatten_weights(net().weights)
    yield "split_weights", theory.split_weights, {"net": net(), "vector": flat}
    yield "linearize", theory.linearize, {"net": net(), "X": X}
    yield "linearized_rescaling", theory.linearized_rescaling, {"net": net(), "X": X}
    yield "forward_norms", theory.forward_norms, {"net": net(), "X": X}
    yield "activity_hessian", theory.activity_hessian, one
    yield "extreme_eigenvalues", theory.extreme_eigenvalues, {"hessian": HESSIAN}
    yield "equilibrium_rescaling", theory.equilibrium_rescaling, {"net": net("identity")}
    for name in ("equilibrium_activities", "equilibrium_energy", "equilibrium_weight_gradients"):
        yield name, getattr(theory, name), linear
    for name in (
        "backprop_gradients",
        "compare_with_backprop",
        "energy_hessian",
        "fisher_preconditioner",
        "gradient_decomposition",
        "is_strict_saddle",
        "linearized_equilibrium",
        "loss_hessian",
        "newton_equilibrium",
        "origin_hessian",
        "predicted_activity_step",
        "predicted_equilibrium_energy",
        "predicted_origin_eigenvalues",
        "target_alignment",
    ):
        function = getattr(theory, name)
        names = inspect.signature(function).parameters
        given = {**clamped, "x": X[0]}
        yield name, function, {key: value for key, value in given.items() if key in names}
    hessian = theory.loss_hessian(net(), X, Y)
    yield "smallest_eigenpair", theory.smallest_eigenpair, {"hessian": hessian}
    curve = {"loss": "squared_error", "mu": Y, "Y": Y}
    yield "output_curvature", theory.output_curvature, curve
    second = {"name": "tanh", "z": X}
    yield "activation_second_derivative", theory.activation_second_derivative, second
    shapes = {"measure": lambda width, depth, seed: {"a": 1}, "widths": [2], "depths": [2]}
    yield "over_shapes", theory.over_shapes, shapes
    sweep = {"X": X, "Y": Y, "widths": [2], "depths": [2]}
    yield "backprop_comparison_sweep", theory.backprop_comparison_sweep, sweep
    transfer = {
        "estimator": train(pcnet.PCRegressor), "X": X, "y": TARGETS, "X_test": X, "y_test": TARGETS,
        "rates": [0.1], "widths": [2], "depths": [1],
    }  # fmt: skip
    yield "learning_rate_transfer", theory.learning_rate_transfer, transfer


def _displays():
    model = {"estimator": made(pcnet.PCClassifier), "X": X, "y": LABELS}
    for cls in (display.LayerEnergyDisplay, display.GradientCosineDisplay):
        yield f"{cls.__name__}.from_estimator", cls.from_estimator, model
    for cls in (display.InferencePassesDisplay, display.LayerErrorDisplay):
        yield f"{cls.__name__}.from_result", cls.from_result, {"result": RESULT}
    train_display = display.TrainingDisplay
    for name in ("from_estimator", "from_estimators"):
        if hasattr(train_display, name):
            given = made(pcnet.PCClassifier)
            first = next(iter(inspect.signature(getattr(train_display, name)).parameters))
            value = given if first == "estimator" else {"a": given}
            yield f"TrainingDisplay.{name}", getattr(train_display, name), {first: value}


def _parameterization():
    yield "default_skips", parameterization.default_skips, {"layer_sizes": SIZES}
    scales = {"layer_sizes": SIZES, "parameterization": "mupc", "skips": net().skips}
    yield "layer_scales", parameterization.layer_scales, scales
    rates = {"network": net()}
    yield "learning_rate_multipliers", parameterization.learning_rate_multipliers, rates
    yield "gradient_scales", parameterization.gradient_scales, {**rates, "output_precision": 1.0}


def _set_num_threads(n_threads):
    with pcnet.set_num_threads(n_threads):
        pass


class _Batches:
    """An object that `with_batches` accepts as a callback."""


def _resume_of(cls):
    def resume(checkpoint):
        return train(cls).resume(X, LABELS, checkpoint=checkpoint)

    return resume


def _with_options():
    """Objects with options, and calls that use them."""
    for name, cls in MADE_OF.items():

        def use(cls=cls, name=name, **options):
            network = net("identity" if name == "ExactEquilibrium" else "tanh")
            return pcnet.infer(network, X, Y, cls(**options))

        yield name, use, inspect.signature(cls.__init__).parameters

    def huber(**options):
        return pcnet.infer(net(), X, Y, loss=losses.Huber(**options))

    def huber_fit(**options):
        return train(pcnet.PCRegressor).set_params(loss=losses.Huber(**options)).fit(X, TARGETS)

    for name, use in (("Huber", huber), ("Huber in fit", huber_fit)):
        yield name, use, inspect.signature(losses.Huber.__init__).parameters
    for name in ("Adam", "SGD", "LBFGS"):
        cls = getattr(solvers, name)

        def fit(cls=cls, **options):
            return train(pcnet.PCRegressor).set_params(solver=cls(**options)).fit(X, TARGETS)

        yield name, fit, inspect.signature(cls.__init__).parameters
    for name in schedules.__all__:
        cls = getattr(schedules, name)
        if isinstance(cls, type) and hasattr(cls, "get_params"):

            def plan(cls=cls, **options):
                model = train(pcnet.PCRegressor).set_params(learning_rate=cls(**options))
                return model.fit(X, TARGETS)

            yield name, plan, inspect.signature(cls.__init__).parameters


def _estimators():
    for cls, y in ((pcnet.PCClassifier, LABELS), (pcnet.PCRegressor, TARGETS)):

        def fit(cls=cls, y=y, **arguments):
            return train(cls).set_params(**arguments).fit(X, y)

        yield f"{cls.__name__}()", fit, inspect.signature(cls.__init__).parameters
        data = {"X": X, "y": y}
        held_out = {"X_val": X, "y_val": y, "sample_weight_val": WEIGHTS}
        fitted = {**data, "sample_weight": WEIGHTS, **held_out}
        yield f"{cls.__name__}.fit", train(cls).fit, fitted
        yield (
            f"{cls.__name__}.partial_fit",
            train(cls).partial_fit,
            ({**data, "classes": [0, 1]} if cls is pcnet.PCClassifier else data),
        )
        yield f"{cls.__name__}.resume", _resume_of(cls), {"checkpoint": "nowhere"}
        yield f"{cls.__name__}.summary", train(cls).summary, data
        yield f"{cls.__name__}.from_network", cls.from_network, {"network": net()}
        yield f"{cls.__name__}.from_mlp", cls.from_mlp, {"mlp": None}
        yield f"{cls.__name__}.score", made(cls).score, data
        yield f"{cls.__name__}.energy", made(cls).energy, data
        for name in (
            "predict", "predict_proba", "predict_log_proba", "decision_function", "transform",
            "class_energies", "score_samples",
        ):  # fmt: skip
            if hasattr(cls(), name):
                yield f"{cls.__name__}.{name}", getattr(made(cls), name), {"X": X}


def _imputer():
    def fit(**arguments):
        return train_imputer().set_params(**arguments).fit(X)

    yield "PCImputer()", fit, inspect.signature(pcnet.PCImputer.__init__).parameters
    yield "PCImputer.fit", train_imputer().fit, {"X": X}
    for name in ("transform", "fit_transform"):
        yield f"PCImputer.{name}", getattr(made(pcnet.PCImputer), name), {"X": X}


def _generative():
    def fit(**arguments):
        return train_generative().set_params(**arguments).fit(X, LABELS)

    yield "PCGenerative()", fit, inspect.signature(pcnet.PCGenerative.__init__).parameters
    yield "PCGenerative.fit", train_generative().fit, {"X": X, "y": LABELS}
    for name in (
        "transform", "reconstruct", "sample_conditional", "energy", "score_samples", "predict",
        "predict_proba", "class_energies",
    ):  # fmt: skip
        yield f"PCGenerative.{name}", getattr(made(pcnet.PCGenerative), name), {"X": X}
    recognized = train_generative().set_params(recognition="hybrid").fit(X, LABELS)
    yield "PCGenerative.recognize", recognized.recognize, {"X": X}
    yield "PCGenerative.sample", made(pcnet.PCGenerative).sample, {}
    causes = made(pcnet.PCGenerative).transform(X)
    yield (
        "PCGenerative.inverse_transform",
        made(pcnet.PCGenerative).inverse_transform,
        {"X": causes},
    )


def calls():
    """Yield (name, function, base arguments, name of the wrong one, a right value of it)."""
    for name, function, base in _functions():
        parameters = inspect.signature(function).parameters
        if "options" in parameters:
            parameters = inspect.signature(Checkpoint.__init__).parameters
        for argument, parameter in parameters.items():
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD and argument != "self":
                yield name, function, base, argument, base.get(argument, parameter.default)
    for name, function, parameters in _with_options():
        for argument, parameter in parameters.items():
            if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and argument != "self":
                yield name, function, {}, argument, parameter.default
    for name, function, given in (*_estimators(), *_imputer(), *_generative()):
        fixed = isinstance(given, dict)
        parameters = inspect.signature(function).parameters if fixed else given
        for argument, parameter in parameters.items():
            if parameter.kind is not inspect.Parameter.VAR_KEYWORD and argument != "self":
                base = dict(given) if fixed else {}
                yield name, function, base, argument, base.get(argument, parameter.default)
