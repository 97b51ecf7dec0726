"""Sources of features, and their checks, conversion and scaling batch by batch."""
