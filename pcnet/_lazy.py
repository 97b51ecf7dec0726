"""Public names of a package that are imported at their first use."""

import importlib
import sys


def lazy_names(package, module_of):
    """The functions ``__getattr__`` and ``__dir__`` of a package with such names.

    A program that only predicts then imports neither scikit-learn nor SciPy.

    Parameters
    ----------
    package : str
        Its ``__name__``.
    module_of : dict of str to str
        For each name the module below the package that defines it, or "" for a module itself.

    Returns
    -------
    __getattr__, __dir__ : function
    """
    names = vars(sys.modules[package])

    def __getattr__(name):
        if name not in module_of:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = module_of[name]
        try:
            found = importlib.import_module(f".{module or name}", package)
        except ModuleNotFoundError as error:
            missing = (error.name or "pcnet").partition(".")[0]
            if missing == "pcnet":
                raise
            raise ImportError(
                f"{package}.{name} needs {missing}, which is not installed: pip install "
                "scikit-learn, which brings SciPy and joblib. With NumPy alone pcnet offers "
                "Network, infer and pcnet.serving.load_predictor"
            ) from error
        names[name] = getattr(found, name) if module else found
        return names[name]

    def __dir__():
        return sorted({*names, *names["__all__"]})

    return __getattr__, __dir__
