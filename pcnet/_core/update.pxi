# The solver step that the core makes, and gradients that are summed before it.


class PackedGradient:
    """The gradient of all parameters as the solver sees it, in one block of memory, zeroed.

    Parameters
    ----------
    network : CoreNetwork

    Attributes
    ----------
    flat : ndarray, one-dimensional
        All of it: sums of several are sums of these.
    """

    def __init__(self, CoreNetwork network):
        packed = packed_sizes(network.layer_sizes, network.dtype)
        biases = network.layer_sizes[1:] if network.has_biases else ()
        ends = np.cumsum([0, *packed, *biases])
        self.flat = aligned_zeros((int(ends[-1]),), network.dtype)
        parts = [self.flat[a:b] for a, b in zip(ends, ends[1:])]
        self.kind = (network.layer_sizes, network.dtype, network.has_biases)
        self.weight_pointers = _Pointers(parts[: len(packed)])
        self.bias_pointers = _Pointers(parts[len(packed) :]) if network.has_biases else None

    def __iadd__(self, other):
        self.flat += other.flat
        return self


cdef class Update:
    """A solver's settings and the arrays that it changes.

    Parameters
    ----------
    solver : {"adam", "sgd", "nesterov"}
    beta_1, beta_2, epsilon : float
        Adam's; ``beta_1`` is also the momentum of SGD.
    forward, backward, first_moments, second_moments : list of ndarray
        Packed, as `allocate_packed` makes them; ``second_moments`` is None for SGD.
    biases, bias_first_moments, bias_second_moments : list of ndarray, or None
    """

    cdef pcnet_update update
    cdef object _keep, _gradient
    cdef double[:, ::1] _rates

    def __init__(self, solver, beta_1, beta_2=0.0, epsilon=0.0, *, forward=None, backward=None,
                 first_moments=None, second_moments=None, biases=None, bias_first_moments=None,
                 bias_second_moments=None):
        lists = (forward, backward, first_moments, second_moments, biases, bias_first_moments,
                 bias_second_moments)
        self._keep = [None if arrays is None else _Pointers(arrays) for arrays in lists]
        self.update.solver = SOLVER_CODES[solver]
        self.update.beta_1 = beta_1
        self.update.beta_2 = beta_2
        self.update.epsilon = epsilon
        self.update.n_updates = 1
        self.update.shrink = 1
        self.update.packed_weights = _mutable(self._keep[0])
        self.update.packed_transposes = _mutable(self._keep[1])
        self.update.first_moments = _mutable(self._keep[2])
        self.update.second_moments = _mutable(self._keep[3])
        self.update.biases = _mutable(self._keep[4])
        self.update.bias_first_moments = _mutable(self._keep[5])
        self.update.bias_second_moments = _mutable(self._keep[6])
        self.update.weight_gradients = NULL
        self.update.bias_gradients = NULL

    def set_gradients(self, gradient):
        """The `PackedGradient` that a call of `Batch.update` without a batch's rows reads."""
        self._gradient = gradient
        self.update.weight_gradients = _constant(gradient.weight_pointers)
        self.update.bias_gradients = _constant(gradient.bias_pointers)

    def set_rates(self, weight_rates, bias_rates, weight_scales, bias_scales):
        """Each layer's step size, and the factor of ``- sum_i w_i f(z_{l-1})^T e_l`` (weights)
        and of dF/db_l (biases) that the solver sees; all (L,)."""
        self._rates = np.array([weight_rates, bias_rates, weight_scales, bias_scales], dtype=float)
        self.update.weight_rates = &self._rates[0, 0]
        self.update.bias_rates = &self._rates[1, 0]
        self.update.weight_scales = &self._rates[2, 0]
        self.update.bias_scales = &self._rates[3, 0]

    def begin(self, double n_updates, double shrink):
        """This update's number (from 1), and the factor of weight decay."""
        self.update.n_updates = n_updates
        self.update.shrink = shrink
