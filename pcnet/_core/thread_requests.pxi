# What `pcnet.set_num_threads` asks for.


# The numbers of threads that `set_num_threads` was called with, oldest first.
cdef list _requests = []


@cython.final
@cython.auto_pickle(False)
cdef class _ThreadRequest:
    cdef int n_threads  # 0: the default
    cdef unsigned long thread  # whose block it is; 0: it holds for good and in all threads


@cython.final
@cython.no_gc
@cython.auto_pickle(False)
cdef class ThreadBlock:
    """A number of threads, permanent from `hold` on or for the time of a ``with`` block.

    The methods run no Python code, so Ctrl-C comes before or after one of them, never within. Where
    it comes between ``__enter__`` and the block, the object dies and takes its number along.

    Parameters
    ----------
    n_threads : int
        0: the default.
    """

    cdef _ThreadRequest _request
    cdef int _n_open  # blocks that have begun with this object and not ended

    def __init__(self, int n_threads):
        self._request = _ThreadRequest()
        self._request.n_threads = n_threads

    def hold(self):
        """Let the number hold in all threads, until a block begins with this object."""
        _requests.append(self._request)

    def withdraw(self):
        """Undo `hold`."""
        _forget_request(self._request)

    def __enter__(self):
        self.withdraw()
        self._request.thread = PyThread_get_thread_ident()
        _requests.append(self._request)
        self._n_open += 1
        return self

    def __exit__(self, *error):
        self._n_open -= 1
        if self._n_open == 0:
            self.withdraw()

    def __dealloc__(self):
        if self._n_open > 0:
            self.withdraw()
        elif self._request is not None and self._request.thread == 0:
            _forget_requests_before(self._request)


cdef int _forget_request(_ThreadRequest request) except -1:
    try:
        _requests.remove(request)
    except ValueError:  # it is not there
        pass
    return 0


cdef int _forget_requests_before(_ThreadRequest newest) except -1:
    """Forget the permanent requests that a newer one has replaced."""
    cdef _ThreadRequest request
    if newest not in _requests:
        return 0
    for request in list(_requests):
        if request is newest:
            break
        if request.thread == 0:
            _forget_request(request)
    return 0


def requested_threads():
    """The number of threads that the calling Python thread was asked to use; 0: the default.

    The newest number counts: of the thread's own blocks and the permanent ones if it is in a block
    of its own, else of all.

    Returns
    -------
    int
    """
    cdef _ThreadRequest request
    cdef unsigned long here = PyThread_get_thread_ident()
    cdef list requests = list(_requests)
    cdef bint is_inside = False
    for request in requests:
        is_inside = is_inside or request.thread == here
    for request in reversed(requests):
        if not is_inside or request.thread == 0 or request.thread == here:
            return request.n_threads
    return 0
