"""From a fitted network to predictions, with NumPy alone: of the estimators and of serving."""
