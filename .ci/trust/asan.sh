# The Python suite on an extension under AddressSanitizer and UBSan. CPython does not free all memory
# at exit, so leaks are not checked here but in tests/estimators/test_leaks.py.
sanitizers=address,undefined
[ -z "$short" ] || sanitizers=address # the C core's UBSan is in .ci/run
flags="-O1 -g -fno-omit-frame-pointer -fsanitize=$sanitizers -fno-sanitize-recover=all"
instrumented asan "$flags"
tests=(tests/core tests/numerics tests/generative tests/golden tests/properties tests/estimators tests/serving)
[ -z "$short" ] || tests=(tests/core/test_core_inputs.py tests/core/test_core_network.py
    tests/numerics/test_gradients.py)
# Without the tests that measure memory, which the sanitizer changes.
(cd "$work/asan" && LD_PRELOAD=$(gcc -print-file-name=libasan.so):$(gcc -print-file-name=libubsan.so) \
    ASAN_OPTIONS=detect_leaks=0 UBSAN_OPTIONS=print_stacktrace=1 PYTHONPATH=$work/asan \
    PYTHONMALLOC=malloc OMP_NUM_THREADS=2 "$python" -m pytest -q -p no:cacheprovider "${tests[@]}" \
    --deselect tests/estimators/test_data.py::test_large_memory_map_is_read_in_blocks \
    --deselect tests/estimators/test_memory.py --deselect tests/estimators/test_leaks.py)
