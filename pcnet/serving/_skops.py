"""The types that skops must trust to load an estimator of pcnet."""

#: The types in a file with an estimator of pcnet that skops does not trust by default.
#: They are pcnet's own, consist of numbers, strings and arrays, and run no code when loaded:
#: ``skops.io.load(file, trusted=pcnet.serving.TRUSTED_TYPES)``.
TRUSTED_TYPES = (
    "pcnet._estimators.classifier.PCClassifier",
    "pcnet._estimators.imputer.PCImputer",
    "pcnet._estimators.regressor.PCRegressor",
    "pcnet._objective.Huber",
    "pcnet._objective.Objective",
    "pcnet._training.optimizer.OptimizerState",
    "pcnet.inference._activity_descent.ActivityDescent",
    "pcnet.inference._activity_descent.AdamActivityDescent",
    "pcnet.inference._augmented_lagrangian.AugmentedLagrangian",
    "pcnet.inference._backprop.Backprop",
    "pcnet.inference._backprop.ZeroDivergence",
    "pcnet.inference._error_descent.ErrorDescent",
    "pcnet.inference._error_descent.ProspectiveConfiguration",
    "pcnet.inference._error_optimization.ErrorOptimization",
    "pcnet.inference._exact_equilibrium.ExactEquilibrium",
    "pcnet.inference._forward_update.ForwardUpdate",
    "pcnet.inference._gauss_seidel.GaussSeidel",
    "pcnet.inference._gradient_flow.GradientFlow",
    "pcnet.inference._incremental.IncrementalDescent",
    "pcnet.inference._learned_precision.LearnedPrecision",
    "pcnet.inference._nudged.Nudged",
    "pcnet.inference._precision_descent.PrecisionDescent",
    "pcnet.inference._quasi_newton.QuasiNewton",
    "pcnet.network.Network",
    "pcnet.schedules.Adaptive",
    "pcnet.schedules.Constant",
    "pcnet.schedules.Cosine",
    "pcnet.schedules.InvScaling",
    "pcnet.schedules.Linear",
    "pcnet.solvers.Adam",
    "pcnet.solvers.LBFGS",
    "pcnet.solvers.SGD",
)
