"""Fitted estimators as skops files and ONNX models.

skops and skl2onnx are optional: ``pip install "pcnet[skops]"``, ``pip install "pcnet[onnx]"``.
"""

from typing import TYPE_CHECKING

from .._lazy import lazy_names
from ._skops import TRUSTED_TYPES

if TYPE_CHECKING:
    from ._onnx import register_onnx, to_onnx

__all__ = ["TRUSTED_TYPES", "register_onnx", "to_onnx"]

if not TYPE_CHECKING:
    __getattr__, __dir__ = lazy_names(__name__, {"register_onnx": "_onnx", "to_onnx": "_onnx"})
