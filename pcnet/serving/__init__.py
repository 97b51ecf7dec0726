"""Fitted estimators as skops files and ONNX models.

skops and skl2onnx are optional: ``pip install "pcnet[skops]"``, ``pip install "pcnet[onnx]"``.
"""

from ._onnx import register_onnx, to_onnx
from ._skops import TRUSTED_TYPES

__all__ = ["TRUSTED_TYPES", "register_onnx", "to_onnx"]
