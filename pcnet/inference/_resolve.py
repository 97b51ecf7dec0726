"""From the argument ``method`` or ``inference`` to an object with checked options."""

from .._checks import our_name, shown

#: Names of methods, and the classes whose default options they stand for; filled by `named`.
METHODS = {}


def named(name):
    """Class decorator: make a method of inference known by a name."""

    def enter(cls):
        METHODS[name] = cls
        return cls

    return enter


def resolve_method(method, name="inference"):
    """The inference object that a ``method`` argument stands for, its options checked.

    Parameters
    ----------
    method : str or inference object
        A string means the method with its default options.
    name : str
        What errors call it.

    Returns
    -------
    object
    """
    wanted = (
        f"{name} must be one of {', '.join(map(repr, METHODS))} or an object of pcnet.inference "
        "such as ErrorDescent(tol=1e-3); got "
    )
    if isinstance(method, str):
        if method not in METHODS:
            raise ValueError(f"{wanted}{method!r}{our_name(method, METHODS) or _quoted(method)}")
        return METHODS[method]()
    if isinstance(method, type):
        raise TypeError(f"{wanted}the class {method.__name__}; write {method.__name__}()")
    if hasattr(method, "check"):
        method.check()  # before anything is computed from its options
    lacking = [part for part in ("check", "trace_steps", "run") if not hasattr(method, part)]
    if lacking:
        raise TypeError(f"{wanted}{shown(method)}, which has no {' and no '.join(lacking)}")
    return method


def _quoted(method):
    """The end of an error's text, where a class's own name came as a string."""
    is_class = method in {cls.__name__ for cls in METHODS.values()}
    return f". Without quotes that is an object: {method}()" if is_class else ""


def resolve_inner(method):
    """As `resolve_method`, for the method inside another one.

    Raises
    ------
    ValueError
        It does not simply relax the activities and leave one update of the weights to do.
    """
    inner = resolve_method(method, "method")
    if hasattr(inner, "iterate"):
        raise ValueError(
            "method must be one that relaxes the activities and leaves learning to others, such "
            f"as 'error' or 'activity'; got {method!r}"
        )
    return inner


def rows_per_sample(method):
    """Rows of a `pcnet._core.binding.Batch` that a method needs for each sample."""
    return getattr(method, "rows_per_sample", 1)
