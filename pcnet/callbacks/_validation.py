"""Scores of the network after every epoch, on samples that it does not train on."""

from ._base import Callback


class Validation(Callback):
    """Measures the score of the held-out samples.

    Parameters
    ----------
    X : Rows
        The held-out samples, in the network's dtype.
    score : callable
        ``score(predict_outputs) -> float``, where ``predict_outputs(X)`` gives the outputs.
    """

    def __init__(self, X, score):
        self.X = X
        self.score = score

    def measure(self, run):
        return {"validation_score": self.score(run.trainer.output)}
