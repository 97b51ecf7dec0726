"""Estimators for Dask: training of one network on a cluster, and predictions of collections.

All give the same bits as on one machine. They have the names, arguments and attributes of those of
:mod:`pcnet`. See the page "Clusters with Dask" of the documentation. They need
``pip install "pcnet[dask]"``.
"""

try:
    import distributed  # noqa: F401
except ImportError as error:
    raise ImportError('pcnet.dask needs dask and distributed: pip install "pcnet[dask]"') from error

from ._estimators import PCClassifier, PCRegressor
from ._generative import PCGenerative, PCImputer
from ._session import WorkerLostError

__all__ = ["PCClassifier", "PCGenerative", "PCImputer", "PCRegressor", "WorkerLostError"]
