"""The compiled core, its threads, sums without BLAS, and the NumPy reference."""
