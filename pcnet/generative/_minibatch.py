"""Checks of the arrays of a training step, before anything changes."""

from __future__ import annotations

from typing import Any

import numpy as np

from .._network_checks import check_per_layer
from .._types import Floats, Ints, Loss
from ._observed import check_factors, check_whole_rows


def check_minibatch(
    Y: Floats, factors: Floats | None, n_outputs: int, loss: Loss, no_input: Floats
) -> None:
    """Raise unless the core takes these targets and factors (n, K).

    ``no_input`` has the dtype and the largest number of rows.
    """
    check_array("Y", Y, no_input.dtype, (None, n_outputs))
    if len(Y) > len(no_input):
        raise ValueError(
            f"Y must have at most {len(no_input)} rows; got {len(Y)}. Make the trainer with "
            "a larger max_batch_size"
        )
    if factors is not None:
        check_array("factors", factors, no_input.dtype, Y.shape)
        check_factors("factors", factors)
        check_whole_rows("factors", "0", factors == 0, loss)
    finite = np.isfinite(Y)
    if not finite.all():
        wrong = ~finite
        if factors is not None:
            wrong &= factors > 0
        if wrong.any():
            raise ValueError(
                f"Y must be finite where factors are above 0; row {np.argwhere(wrong)[0, 0]} holds "
                "NaN or infinity. Give such outputs the factor 0"
            )


def check_kept_errors(
    errors: list[Floats] | None, rows: Ints | None, sizes: tuple[int, ...], n: int
) -> Any:
    """The index of the minibatch's n samples in the kept errors e_0..e_H.

    Raises
    ------
    TypeError, ValueError
        They cannot be read or written.
    """
    if errors is None:
        if rows is not None:
            raise ValueError("rows must be None without errors, whose rows they are")
        return slice(n)
    n_all = -1
    for i, kept in enumerate(check_per_layer("errors", errors, len(sizes))):
        wanted = f"a writable array of floats, (n_all, {sizes[i]}), as start_errors makes"
        if not isinstance(kept, np.ndarray) or kept.dtype.kind != "f" or not kept.flags.writeable:
            raise TypeError(f"errors[{i}] must be {wanted}; got {_kind(kept)}")
        n_all = len(kept) if i == 0 and kept.ndim else n_all
        if kept.shape != (n_all, sizes[i]):
            raise ValueError(f"errors[{i}] must be {wanted}; got {_kind(kept)}")
    if rows is None:
        if n > n_all:
            raise ValueError(
                f"rows must say which {n} of the {n_all} samples in errors Y holds; got None. Make "
                "errors for all samples: start_errors(n_samples)"
            )
        return slice(n)
    rows = np.asarray(rows)
    if rows.dtype.kind not in "iu" or rows.shape != (n,):
        raise ValueError(
            f"rows must be {n} integers, one for each row of Y; got {_kind(rows)}"
            + (". Of a mask make np.flatnonzero(mask)" if rows.dtype.kind == "b" else "")
        )
    if rows.min() < 0 or rows.max() >= n_all:
        raise ValueError(
            f"rows must be from 0 to {n_all - 1}, the rows of errors; got {rows.min()} to "
            f"{rows.max()}"
        )
    return rows


def check_array(name: str, array: Any, dtype: Any, shape: tuple[int | None, ...]) -> None:
    """Raise unless the core reads this array as it is; a size of None is any."""
    if not isinstance(array, np.ndarray) or array.dtype != dtype:
        raise TypeError(
            f"{name} must be an array of {dtype}, the network's dtype; got {_kind(array)}. Convert "
            f"it: np.asarray({name}, dtype='{dtype}')"
        )
    wanted = tuple("n" if size is None else size for size in shape)
    if (
        array.ndim != 2
        or not len(array)
        or any(w not in (None, f) for f, w in zip(array.shape, shape))
    ):
        raise ValueError(f"{name} must have shape {wanted}; got {array.shape}".replace("'", ""))
    if not array.flags.c_contiguous or not array.flags.aligned:
        raise ValueError(
            f"{name} must be C-contiguous and aligned. Copy it: np.array({name}, order='C')"
        )


def _kind(array):
    if isinstance(array, np.ndarray):
        only = "" if array.flags.writeable else "read-only "
        return f"a {only}{array.dtype} array of shape {array.shape}"
    return f"a {type(array).__name__}"
