"""Warnings of pcnet's own, to be filtered by their class."""

__all__ = ["FeatureScaleWarning"]


class FeatureScaleWarning(UserWarning):
    """The features are far from unit scale, for which networks and learning rates are made."""
