# ThreadSanitizer on the C tests. It cannot see the synchronisation of gcc's libgomp; LLVM's runtime
# reports it through the tool archer. Two programs check that this works: a race must be reported, a
# loop without a race must not.
need clang clang
# clang's runtime is a separate recommended package, which may be missing
clang_major=$(clang -dumpversion | cut -d. -f1)
need "libclang-rt-$clang_major-dev" /usr/lib/llvm-"$clang_major"/lib/clang/*/lib/linux/libclang_rt.tsan-*
need libomp-dev /usr/lib/llvm-*/lib/libarcher.so
archer=$(ls /usr/lib/llvm-"$(clang -dumpversion | cut -d. -f1)"/lib/libarcher.so)
threads=(-g -O1 -fsanitize=thread -fopenmp)

supervised() {
    OMP_TOOL_LIBRARIES=$archer TSAN_OPTIONS="ignore_noninstrumented_modules=1 exitcode=66" "$@"
}

clang "${threads[@]}" "$root/.ci/trust/race.c" -o "$work/race"
supervised "$work/race"
if supervised "$work/race" on purpose >"$work/race.log" 2>&1; then
    echo "ThreadSanitizer did not report a race"
    exit 1
fi
grep -q "data race" "$work/race.log"

c_tests=(csrc/builds/core_f32_generic.c csrc/builds/core_f64_generic.c csrc/dispatch.c csrc/tests/*.c)
objects "$work/tsan" clang -std=c11 "${threads[@]}" -fno-omit-frame-pointer -Icsrc \
    -DPCNET_USE_OPENMP=1 -DPCNET_SERIAL_WORK=0 -DPCNET_ONLY_GENERIC -- "${c_tests[@]}"
clang "${threads[@]}" "$work"/tsan/*.o -lm -o "$work/tsan/c_tests"
supervised "$work/tsan/c_tests"
