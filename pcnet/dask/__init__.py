"""Training of one network on a Dask cluster, to the same bits as on one machine.

The estimators have the names, arguments and attributes of those of :mod:`pcnet`. See the page
"Clusters with Dask" of the documentation. Needs ``pip install "pcnet[dask]"``.
"""

try:
    import distributed  # noqa: F401
except ImportError as error:
    raise ImportError('pcnet.dask needs dask and distributed: pip install "pcnet[dask]"') from error

from ._estimators import PCClassifier, PCRegressor
from ._session import WorkerLostError

__all__ = ["PCClassifier", "PCRegressor", "WorkerLostError"]
