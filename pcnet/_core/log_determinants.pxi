# Half the log determinants of energies' curvatures.


def half_log_determinants(weights, squares, skips, slopes, outputs, output_of, int n_threads):
    """Half the log determinant of each sample's Gauss-Newton Hessian; see ``csrc/pcnet.h``.

    Parameters
    ----------
    weights : list of ndarray, (H,)
        a_l W_l (n_{l-1}, n_l).
    squares : list of ndarray, (H,)
        a_l^2 W_l W_l^T.
    skips : sequence of bool, (H,)
    slopes : list of ndarray, (H + 1,)
        f_{l+1}'(z_l) (n, n_l) for l = 0..H.
    outputs : ndarray, (m, n_H, n_H)
        Symmetric.
    output_of : ndarray of intc, (n,)
        Which of the ``outputs`` is each sample's.
    n_threads : int

    Returns
    -------
    ndarray of float64, (n,)
        NaN where a matrix is not positive definite.
    """
    cdef pcnet_status status
    cdef const pcnet_core *core = _find_core(np.dtype(np.float64), default_isa())
    cdef pcnet_curvatures c
    cdef int[::1] sizes = np.array([s.shape[1] for s in slopes], dtype=np.intc)
    cdef int[::1] skip_flags = np.array([*skips, False], dtype=np.intc)
    cdef int[::1] numbers = output_of
    cdef int n = len(output_of), l
    cdef _Pointers of_weights, of_squares, of_slopes
    for l in range(sizes.shape[0]):
        _address(slopes[l], np.float64, (n, sizes[l]))
    for l in range(sizes.shape[0] - 1):
        _address(weights[l], np.float64, (sizes[l], sizes[l + 1]))
        _address(squares[l], np.float64, (sizes[l], sizes[l]))
    of_weights, of_squares, of_slopes = _Pointers(weights), _Pointers(squares), _Pointers(slopes)
    if n and not 0 <= np.min(output_of) <= np.max(output_of) < len(outputs):
        raise ValueError(f"output_of must be from 0 to {len(outputs) - 1}")
    halves = np.empty(n)
    if not n:
        return halves
    c.n_samples, c.n_layers = n, sizes.shape[0] - 1
    c.sizes, c.skips, c.output_of = &sizes[0], &skip_flags[0], &numbers[0]
    c.weights = c.squares = NULL
    if c.n_layers:
        c.weights, c.squares = _constant(of_weights), _constant(of_squares)
    c.slopes = _constant(of_slopes)
    c.outputs = <const void *> _address(outputs, np.float64, (len(outputs), sizes[-1], sizes[-1]))
    c.interrupted = NULL
    if _checks_signals():
        c.interrupted = _interrupted
    cdef double *target = <double *> _address(halves, np.float64, (n,), True)
    memory = aligned_zeros((core.log_determinants_size(&c, n_threads),), np.uint8)
    cdef void *workspace = <void *> _address(memory, np.uint8, memory.shape, True)
    with nogil:
        status = core.log_determinants(&c, target, workspace, n_threads)
    _check(status)
    return halves
