# Ctrl-C in long calls, and the exceptions for statuses of the core. Only the main thread may handle
# signals, so only it checks for them.

cdef extern from "<time.h>" nogil:
    ctypedef long time_t
    struct timespec:
        time_t tv_sec
        long tv_nsec
    int timespec_get(timespec *, int)
    int TIME_UTC

cdef extern from "Python.h":
    int PyErr_CheckSignals() except -1

cdef double _SECONDS_BETWEEN = 0.05  # two checks, each of which needs the GIL
cdef double _SECONDS_AWAKE = 0.001  # a thread that waits for others checks only the clock so long
cdef double _looked = 0, _idle_since = 0
cdef object _interruption = None  # what the handler of a signal raised


cdef double _seconds() noexcept nogil:
    cdef timespec now
    timespec_get(&now, TIME_UTC)
    return now.tv_sec + 1e-9 * now.tv_nsec


cdef bint _checks_signals() except -1:
    """Whether the call that begins is to get `_interrupted`."""
    global _idle_since
    if threading.get_ident() != threading.main_thread().ident:
        return False
    _idle_since = 0
    return True


cdef int _interrupted(int idle) noexcept nogil:
    """`pcnet_network.interrupted` of calls from the main thread."""
    global _looked, _idle_since
    cdef double now = _seconds(), waited
    if idle:
        if _idle_since == 0:
            _idle_since = now
        waited = now - _idle_since
        # sleep for a sixteenth of the time waited so far, which delays the call little
        return _look(min(waited / 16, 0.01)) if not 0 <= waited < _SECONDS_AWAKE else 0
    if 0 <= now - _looked < _SECONDS_BETWEEN:
        return 0
    _looked = now
    return _look(0)


cdef int _look(double pause) noexcept with gil:
    global _interruption
    try:
        if pause > 0:
            time.sleep(pause)
        PyErr_CheckSignals()
    except BaseException as error:
        _interruption = error
        return 1
    return 0


cdef int _check(pcnet_status status) except -1:
    global _interruption
    if status == PCNET_INTERRUPTED:
        error, _interruption = _interruption, None
        raise KeyboardInterrupt if error is None else error
    if status == PCNET_ENERGY_NOT_FINITE:
        raise FloatingPointError(
            "the energy is not finite: inference diverged, or the network's outputs have "
            "overflowed. Lower the learning rate or the rate of inference, scale the inputs to "
            "about unit variance, or use parameterization='mupc' for deep networks"
        )
    if status != PCNET_OK:
        raise RuntimeError(f"the core refused its arguments (status {<int> status})")
    return 0
