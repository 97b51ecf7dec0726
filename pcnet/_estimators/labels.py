"""What a classifier does with labels: the classes, their codes and their weights."""

import numpy as np

from .._checks import shown
from .._data.checks import normalised_weight
from .._data.rows import check_rows_and_targets
from .targets import (
    ClassTargets,
    MatrixTargets,
    check_labels,
    class_weight_per_class,
    encode_labels,
    find_classes,
)


def _check_classes(classes):
    """The labels that `partial_fit` is told of, sorted."""
    labels = np.asarray(classes)
    if (
        labels.ndim != 1
        or not labels.size
        or (labels.dtype.kind in "fc" and np.isnan(labels).any())
    ):
        raise ValueError(
            "classes must be the array of all labels that will ever occur, such as [0, 1]; got "
            f"{shown(classes)}"
        )
    try:
        return np.unique(labels)
    except TypeError:
        raise ValueError(
            f"classes must hold labels that can be sorted, of one kind; got {shown(classes)}"
        ) from None


class LabelsMixin:
    """The methods by which `BasePC` turns labels into targets."""

    def _check_X_y(self, X, y, *, dtype, reset):
        X, y = check_rows_and_targets(self, X, y, dtype=dtype, reset=reset, multi_output=True)
        return X, check_labels(y)

    def _encode_targets(self, y, sample_weight, *, call, warm, dtype):
        if call.incremental and isinstance(self.class_weight, str):
            raise ValueError(
                "class_weight='balanced' is not supported by partial_fit, which does not see how "
                "frequent each class is; pass a dict, such as that of "
                "sklearn.utils.class_weight.compute_class_weight on all labels"
            )
        self._set_classes(y, call, warm)
        if not self._multilabel:
            codes = encode_labels(y, self.classes_)
            weight = self._times_class_weight(sample_weight, codes)
            return ClassTargets(codes, len(self.classes_)), weight
        if self.class_weight is not None:
            raise ValueError(
                "class_weight is not supported for multilabel targets; weigh samples with "
                "sample_weight instead"
            )
        return MatrixTargets(y.astype(dtype)), sample_weight

    def _encode_validation(self, y, dtype):
        if (y.ndim == 2) != self._multilabel or (y.ndim == 2 and y.shape[1] != self.n_outputs_):
            raise ValueError(
                f"its y has the shape {y.shape}, unlike the y to train on; give labels of the "
                "same kind"
            )
        if self._multilabel:
            return MatrixTargets(y.astype(dtype))
        codes = encode_labels(y, self.classes_, remedy="Leave out what cannot be predicted")
        return ClassTargets(codes, len(self.classes_))

    def _set_classes(self, y, call, warm):
        """Fix ``classes_`` in a first call; in later ones hold `y` and `classes` against it."""
        found = find_classes(y)
        if not warm:
            if call.incremental and call.classes is None:
                raise ValueError(
                    "classes must be passed on the first call to partial_fit: the array of all "
                    "labels that will ever occur"
                )
            given = found if call.classes is None else _check_classes(call.classes)
            self._multilabel = y.ndim == 2
            if self._multilabel and len(given) != y.shape[1]:
                raise ValueError(
                    f"classes names {len(given)} labels, but the multilabel y has {y.shape[1]} "
                    "columns; one label per column is expected"
                )
            self.classes_ = given
            return
        if call.classes is not None and not np.array_equal(
            _check_classes(call.classes), self.classes_
        ):
            raise ValueError(
                f"`classes={call.classes!r}` is not the same as on last call to partial_fit, was: "
                f"{self.classes_!r}"
            )
        expected = (len(y), self.n_outputs_) if self._multilabel else (len(y),)
        if y.shape != expected:
            raise ValueError(
                f"y has the shape {y.shape}, but after the previous call {expected} is expected; "
                "go on with the same kind of targets, or fit a new estimator"
            )
        if not call.incremental and not np.array_equal(found, self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {found}"
            )

    def _times_class_weight(self, sample_weight, codes):
        if self.class_weight is None:
            return sample_weight
        per_class = class_weight_per_class(self.class_weight, self.classes_, codes, sample_weight)
        weight = normalised_weight(per_class)[codes]
        return normalised_weight(weight if sample_weight is None else weight * sample_weight)

    def _stratify(self, targets):
        return None if self._multilabel else targets.codes
