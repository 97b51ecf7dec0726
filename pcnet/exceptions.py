"""Warning classes of pcnet, for filters."""

__all__ = ["FeatureScaleWarning"]


class FeatureScaleWarning(UserWarning):
    """The features are far from unit scale, which initial weights and learning rates assume."""
