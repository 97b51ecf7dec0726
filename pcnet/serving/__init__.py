"""Fitted estimators as files: predictors that need NumPy alone, skops files and ONNX models.

skops and skl2onnx are optional: ``pip install "pcnet[skops]"``, ``pip install "pcnet[onnx]"``.
"""

from typing import TYPE_CHECKING

from .._lazy import lazy_names
from ._skops import TRUSTED_TYPES

if TYPE_CHECKING:
    from ._export import export
    from ._onnx import register_onnx, to_onnx
    from ._predictor import Predictor, load_predictor

__all__ = [
    "TRUSTED_TYPES",
    "Predictor",
    "export",
    "load_predictor",
    "register_onnx",
    "to_onnx",
]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(
        __name__,
        {
            "Predictor": "_predictor",
            "export": "_export",
            "load_predictor": "_predictor",
            "register_onnx": "_onnx",
            "to_onnx": "_onnx",
        },
    )
