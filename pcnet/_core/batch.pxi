# The core's own inference methods, gradients by the weights, updates.


cdef class Batch(SinglePasses):
    """The memory of inference on up to `capacity` samples, made once and used for every batch.

    Parameters
    ----------
    network : CoreNetwork
    capacity : int
    n_threads : int
        The most threads a call may use.
    trace_steps : int, optional
        Steps that `trace` may grow to; None: no trace.

    Attributes
    ----------
    output_precisions : ndarray, (n, K), or None
        Factors of each output's loss for the batches of n samples that follow, at least 0 and of
        the network's dtype; a target of factor 0 is not used, not even if it is NaN. Default None:
        all 1.
    sample_biases : LayerRows or None
        Added to mu_1..mu_H of each sample in all that follows; its last array is not used. Default
        None: 0.
    activities, errors : LayerRows: list of ndarray, (capacity, row_stride(n_l))
        z_1..z_H, mu_L and e_1..e_H, delta; the columns beyond n_l stay 0.
    energy, loss : ndarray of float64, (capacity,)
    n_steps, n_half_passes, status : ndarray of int, (capacity,)
    trace : ndarray of float64, or None
        Mean energy after 0, 1, .. steps; with room for more, see `write_trace`.
    """

    def error_descent(self, X, Y, loss, double output_precision, double activity_decay,
                      int max_steps, double tol, double energy_tol, bint predict=False):
        """Inference by error descent; results in `activities`, `errors` and the report."""
        cdef pcnet_status status
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        cdef pcnet_objective objective = self._objective(loss, output_precision, activity_decay)
        cdef pcnet_error_descent options
        options.max_steps, options.tol, options.energy_tol = max_steps, tol, energy_tol
        options.predict = predict
        self._begin_records(max_steps)
        self._set(X, Y)
        with nogil:
            status = net.core.error_descent(&called, &self.batch, &objective, &options,
                                            &self.report, self.workspace, self.n_threads)
        _check(status)
        self._end_records(self.batch.n_samples)

    def quasi_newton(self, X, Y, loss, double output_precision, double activity_decay,
                     int max_steps, double tol, double energy_tol, int memory, *,
                     from_errors=False):
        """As `error_descent`, by L-BFGS of each sample; with ``from_errors`` it starts from the
        hidden errors that the batch holds, where the energy is not higher than at 0."""
        cdef pcnet_status status
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        cdef pcnet_objective objective = self._objective(loss, output_precision, activity_decay)
        cdef pcnet_quasi_newton options
        options.ends.max_steps, options.ends.tol = max_steps, tol
        options.ends.energy_tol = energy_tol
        options.memory, options.from_errors = memory, bool(from_errors)
        options.history = self._history_for(memory)
        self._begin_records(max_steps)
        self._set(X, Y)
        with nogil:
            status = net.core.quasi_newton(&called, &self.batch, &objective, &options,
                                           &self.report, self.workspace, self.n_threads)
        _check(status)
        self._end_records(self.batch.n_samples)

    def activity_descent(self, X, Y, loss, double output_precision, double activity_decay,
                         int n_steps, double rate, *, double momentum=0.0, rates=None):
        """Inference by activity descent; results in `activities`, `errors` and the report.

        With ``momentum`` by Nesterov's method; ``rates``, float64 (n,), has one rate for each
        sample, in place of ``rate``.
        """
        cdef pcnet_status status
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        cdef pcnet_objective objective = self._objective(loss, output_precision, activity_decay)
        cdef pcnet_activity_descent options
        options.n_steps, options.rate, options.momentum = n_steps, rate, momentum
        options.rates = NULL
        self._begin_records(n_steps)
        cdef int n = self._set(X, Y)
        if rates is not None:
            options.rates = <const double *> _address(rates, np.float64, (n,))
        with nogil:
            status = net.core.activity_descent(&called, &self.batch, &objective, &options,
                                               &self.report, self.workspace, self.n_threads)
        _check(status)
        self._end_records(self.batch.n_samples)

    def weight_gradients(self, X, sample_weight):
        """dF/dW_l and dF/db_l at the present activities and errors.

        Parameters
        ----------
        X : ndarray, (n, D)
        sample_weight : ndarray of float64, (n,)
            Of sum one.

        Returns
        -------
        (list of ndarray, list of ndarray or None)
        """
        cdef pcnet_status status
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        cdef int n = self._set(X, None)
        cdef const double *weight = <const double *> _address(sample_weight, np.float64, (n,))
        sizes = net.layer_sizes
        weights = [np.empty(shape, net.dtype) for shape in zip(sizes, sizes[1:])]
        biases = [np.empty(m, net.dtype) for m in sizes[1:]]
        cdef _Pointers weight_out = _Pointers(weights)
        cdef _Pointers bias_out = _Pointers(biases)
        cdef void **weight_start = weight_out.get()
        cdef void **bias_start = bias_out.get()
        with nogil:
            status = net.core.weight_gradients(&called, &self.batch, weight, weight_start,
                                               bias_start, self.workspace, self.n_threads)
        _check(status)
        return weights, biases if net.has_biases else None

    def packed_gradients(self, X, sample_weight, gradient):
        """Write the same gradients into a `PackedGradient` of the network."""
        cdef pcnet_status status
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        if gradient.kind != (net.layer_sizes, net.dtype, net.has_biases):
            raise ValueError("expected a PackedGradient of this network")
        cdef int n = self._set(X, None)
        cdef const double *weight = <const double *> _address(sample_weight, np.float64, (n,))
        cdef void **weights = _mutable(gradient.weight_pointers)
        cdef void **biases = _mutable(gradient.bias_pointers)
        with nogil:
            status = net.core.packed_gradients(&called, &self.batch, weight, weights, biases,
                                               self.workspace, self.n_threads)
        _check(status)

    def gradient_square(self, Update update, X=None, sample_weight=None):
        """Square of the gradient as ``update`` would see it, with its scales, over all entries.

        Without X it is that of the gradient of ``update.set_gradients``.

        Returns
        -------
        float
            Not finite if an entry is not.
        """
        cdef pcnet_status status
        cdef double square = 0
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        cdef const double *weight = NULL
        cdef pcnet_batch *batch = self._source(X, sample_weight, &weight)
        with nogil:
            status = net.core.gradient_square(&called, batch, weight, &update.update,
                                              &square, self.workspace, self.n_threads)
        _check(status)
        return square

    def update(self, Update update, X=None, sample_weight=None):
        """One solver step from the present activities and errors.

        Without X it is made from the gradient of ``update.set_gradients``.

        Returns
        -------
        int
            0, or the lowest layer whose gradient or new weights were not finite; no value that
            is not finite was written.
        """
        cdef pcnet_status status
        cdef pcnet_fault fault
        cdef CoreNetwork net = self.network
        cdef pcnet_network called = _for_one_call(net)
        cdef const double *weight = NULL
        cdef pcnet_batch *batch = self._source(X, sample_weight, &weight)
        with nogil:
            status = net.core.update(&called, batch, weight, &update.update, &fault,
                                     self.workspace, self.n_threads)
        if status == PCNET_GRADIENT_NOT_FINITE:
            return fault.layer
        _check(status)
        return 0

    cdef pcnet_batch *_source(self, X, sample_weight, const double **weight) except? NULL:
        """The batch with these rows and their weights; NULL, which stands for given gradients."""
        if X is None:
            return NULL
        cdef int n = self._set(X, None)
        weight[0] = <const double *> _address(sample_weight, np.float64, (n,))
        return &self.batch
