# Lines of the C core that the C tests or the Python suite execute (gcov: one build of the generic
# instruction set for each, counts added up), and lines of the Python files that the suite executes.
# PCNET_COVERAGE_LINES=1 also lists the lines that are never executed.
"$python" -m pip install gcovr
counted="-O0 -g --coverage -fprofile-update=atomic"

instrumented coverage "$counted"
(cd "$work/coverage" && printf '[run]\nsource = pcnet\nparallel = true\n' >.coveragerc &&
    PYTHONPATH=$work/coverage "$python" -m coverage run -m pytest -q -p no:cacheprovider tests)

mkdir "$work/coverage/c"
c_tests=(csrc/builds/core_f32_generic.c csrc/builds/core_f64_generic.c csrc/dispatch.c csrc/tests/*.c)
(cd "$work/coverage" && objects c gcc -std=c11 $counted -fopenmp -DPCNET_USE_OPENMP=1 \
    -DPCNET_SERIAL_WORK=0 -DPCNET_ONLY_GENERIC -Icsrc -- "${c_tests[@]}" &&
    gcc --coverage -fopenmp c/*.o -lm -o c/c_tests && c/c_tests)

cd "$work/coverage"
gcovr=("$venv/bin/gcovr" --root . --filter 'csrc/[^/]*$' --merge-mode-functions=separate)
"${gcovr[@]}"
"$python" -m coverage combine -q
"$python" -m coverage report --skip-covered ${PCNET_COVERAGE_LINES:+--show-missing}
