"""The compiled core and what stands beside it: threads, sums without BLAS, the NumPy reference."""
