# Single passes through all layers.


cdef class SinglePasses(BatchArrays):
    """The single passes of `Batch`, for inference methods outside the core."""

    def forward(self, X):
        """Feed-forward pass into `activities`."""
        cdef pcnet_status status
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        self._set(X, None)
        with nogil:
            status = net.core.forward(&called, &self.batch, self.workspace, self.n_threads)
        _check(status)

    def evaluate(self, X, Y, loss, double output_precision, double activity_decay=0.0):
        """Errors at the present `activities` z_1..z_H; writes mu_L and `errors`.

        Returns
        -------
        ndarray, (n, L)
            Each sample's layer energies, without decay.
        """
        cdef pcnet_status status
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        cdef int n = self._set(X, Y)
        cdef pcnet_objective objective = self._objective(loss, output_precision, activity_decay)
        result = np.zeros((n, net.n_layers))
        cdef double[:, ::1] energies = result
        cdef double *start = &energies[0, 0] if n else NULL
        with nogil:
            status = net.core.errors(&called, &self.batch, &objective, start, self.workspace,
                                     self.n_threads)
        _check(status)
        return result

    def forward_from_errors(self, X, Y=None, loss="squared_error", double output_precision=1.0,
             double activity_decay=0.0, *, from_errors=True, errors=None, responses=None):
        """z_l = mu_l + e_l for l = 1..H and then mu_L, into `activities`: one forward pass.

        With targets it ends with the losses, and with the output deltas in the last of the
        errors; without them that array keeps what it holds. The hidden errors are only read.

        Parameters
        ----------
        X : ndarray, (n, D)
        Y : ndarray, (n, K), or None
        loss, output_precision, activity_decay
            Of the energy; read with targets only.
        from_errors : bool
            False: the feed-forward pass, as if all e_l were 0.
        errors : LayerRows, optional
            Default: those of the batch.
        responses : LayerRows, optional
            With targets: OUT what `backward` would find afterwards (with ``activity_decay``), for
            the cost of the backward pass alone. May be the errors, if these are not read.

        Returns
        -------
        losses : ndarray of float64, (n,)
            The output precision left out.
        layer_energies : ndarray of float64, (n, L)
            As `evaluate` returns them. Both None without targets.
        """
        cdef pcnet_status status
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        cdef int n = self._set(X, Y)
        cdef pcnet_batch batch = self.batch
        cdef pcnet_objective objective = self._objective(loss, output_precision, activity_decay)
        cdef pcnet_forward_from_errors options
        if errors is not None:
            batch.errors = self._pointers_of(errors)
        options.from_errors = bool(from_errors)
        options.loss = options.layer_energies = NULL
        options.responses = NULL if responses is None else self._pointers_of(responses)
        losses = energies = None
        if Y is not None:
            losses, energies = np.zeros(n), np.zeros((n, net.n_layers))
            options.loss = <double *> <uintptr_t> losses.ctypes.data
            options.layer_energies = <double *> <uintptr_t> energies.ctypes.data
        elif responses is not None:
            raise ValueError("responses need targets: without them there is no output delta")
        if from_errors and responses is not None and options.responses == batch.errors:
            raise ValueError("responses cannot overwrite the errors that the pass starts from")
        with nogil:
            status = net.core.forward_from_errors(&called, &batch, &objective, &options,
                                                  self.workspace, self.n_threads)
        _check(status)
        return losses, energies

    cdef int _set_state(self, int n, errors, pcnet_batch *batch) except -1:
        """The batch at its present activities, with other errors if given."""
        if not 0 <= n <= self.capacity:
            raise ValueError(f"{n} samples in a batch made for {self.capacity}")
        batch[0] = self.batch
        batch.n_samples = n
        if errors is not None:
            batch.errors = self._pointers_of(errors)
        return 0

    def backward(self, int n_samples, out, *, errors=None, sources=None,
                 double activity_decay=0.0):
        """One backward pass of the output deltas at `activities`: the responses v of all layers.

        ``v_l = a_{l+1} (v_{l+1} W_{l+1}^T) f'(z_l) + tau_{l+1} v_{l+1} - decay z_l + s_l``, v_L
        being the last of the errors. ``errors - v`` is the gradient in error space; at the feed-forward
        activities v are backpropagation's deltas.

        Parameters
        ----------
        n_samples : int
        out : LayerRows
            OUT v_1..v_H; its last array is left alone. May be the errors.
        errors : LayerRows, optional
            Default: those of the batch. Only the last is read.
        sources : LayerRows, optional
            s_1..s_H, other arrays than ``out``; the last is not read. Default: 0.
        activity_decay : float
        """
        cdef pcnet_status status
        cdef pcnet_batch batch
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        self._set_state(n_samples, errors, &batch)
        cdef void **responses = self._pointers_of(out)
        cdef void **added = NULL if sources is None else self._pointers_of(sources)
        if added == responses:
            raise ValueError("out must be other arrays than the sources that are read")
        with nogil:
            status = net.core.backward(&called, &batch, activity_decay, added, responses,
                                       self.workspace, self.n_threads)
        _check(status)

    def activity_gradients(self, int n_samples, out, *, errors=None, double activity_decay=0.0):
        """Gradients by the activities, with any vectors u_1..u_L for errors.

        ``g_l = u_l - [a_{l+1} (u_{l+1} W_{l+1}^T) f'(z_l) + tau_{l+1} u_{l+1}] + decay z_l`` at
        the present `activities`. With the errors (and the output delta) themselves it is dF/dz.

        Parameters
        ----------
        n_samples : int
        out : LayerRows
            OUT g_1..g_H; its last array is left alone. Not the errors.
        errors : LayerRows, optional
            u_1..u_L. Default: the errors of the batch.
        activity_decay : float
        """
        cdef pcnet_status status
        cdef pcnet_batch batch
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        self._set_state(n_samples, errors, &batch)
        cdef void **gradients = self._pointers_of(out)
        if gradients == batch.errors:
            raise ValueError("out must be other arrays than the errors that are read")
        with nogil:
            status = net.core.activity_gradients(&called, &batch, activity_decay, gradients,
                                                 self.workspace, self.n_threads)
        _check(status)

    def gauss_seidel_sweep(self, int n_samples, double rate, *, errors=None,
                           double activity_decay=0.0):
        """One reverse Gauss-Seidel sweep over the activities, from the top.

        For l = H..1: g_l as of `activity_gradients`, then ``z_l -= rate g_l`` and
        ``e_l -= rate g_l`` at once, so that the gradient of layer l - 1 includes the move. The
        errors must be those at the activities (`evaluate`); afterwards they lack what the moves
        of lower layers changed in the predictions.

        Parameters
        ----------
        n_samples : int
        rate : float
            Above 0.
        errors : LayerRows, optional
            Default: those of the batch.
        activity_decay : float
        """
        cdef pcnet_status status
        cdef pcnet_batch batch
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        self._set_state(n_samples, errors, &batch)
        with nogil:
            status = net.core.gauss_seidel_sweep(&called, &batch, activity_decay, rate,
                                                 self.workspace, self.n_threads)
        _check(status)


def output(CoreNetwork network, X, out, int n_threads):
    """Feed-forward outputs mu_L (n, K) of X (n, D), into ``out``, in little memory.

    Returns
    -------
    bool
        Whether X may hold inf or nan, or a layer has overflowed: some row of some mu_l is not
        finite.
    """
    cdef pcnet_status status
    cdef pcnet_batch batch = _batch_of(NULL, 0)
    cdef int n = _set_inputs(network, X, &batch)
    cdef void *target = <void *> _address(
        out, network.dtype, (n, network.layer_sizes[-1]), True)
    # a thread's tile holds no more; pages it does not use (of inference) stay untouched
    size = network.core.workspace_size(&network.net, min(n, TILE_SIZE * n_threads), n_threads)
    buffer = aligned_zeros((size,), np.uint8)
    cdef void *workspace = <void *> <uintptr_t> buffer.ctypes.data
    cdef pcnet_network called = _for_one_call(network)
    with nogil:
        status = network.core.output(&called, &batch, target, workspace, n_threads)
    if status == PCNET_OUTPUT_NOT_FINITE:
        return True
    _check(status)
    return False
