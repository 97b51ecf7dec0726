# libFuzzer on the C core under AddressSanitizer and UBSan; csrc/tests/fuzz_core.c lists the checks.
need clang clang
# clang's runtime is a separate recommended package, which may be missing
clang_major=$(clang -dumpversion | cut -d. -f1)
need "libclang-rt-$clang_major-dev" /usr/lib/llvm-"$clang_major"/lib/clang/*/lib/linux/libclang_rt.fuzzer-*
fuzzed=(csrc/builds/core_f32_generic.c csrc/builds/core_f64_generic.c csrc/dispatch.c csrc/tests/fuzz_core.c
    csrc/tests/fuzz_case.c csrc/tests/fuzz_passes.c csrc/tests/fixture.c csrc/tests/check.c)
fuzz_flags=(-std=c11 -g -O1 -fno-omit-frame-pointer -Icsrc -DPCNET_FUZZING -DPCNET_ONLY_GENERIC)
sanitizers=address,undefined
[ -z "$short" ] || sanitizers=address # half the time to compile; gcc's UBSan is in .ci/run
if [ -z "$short" ]; then # start threads for any size of work
    need libomp-dev /usr/lib/llvm-*/lib/libomp.so
    fuzz_flags+=(-fopenmp -DPCNET_USE_OPENMP=1 -DPCNET_SERIAL_WORK=0)
fi
objects "$work/fuzz" clang "${fuzz_flags[@]}" -fsanitize=fuzzer-no-link,$sanitizers \
    -fno-sanitize-recover=all -- "${fuzzed[@]}"
clang "${fuzz_flags[@]}" -fsanitize=fuzzer,$sanitizers "$work"/fuzz/*.o -lm -o "$work/fuzz/fuzz"

corpus=${PCNET_FUZZ_CORPUS:-$work/corpus}
mkdir -p "$corpus"
# Start from long inputs: bytes after the end are zeros, and short inputs end before inference.
"$python" -c 'import pathlib, random, sys
for i in range(200):
    (pathlib.Path(sys.argv[1]) / f"seed{i}").write_bytes(random.Random(i).randbytes(600))' "$corpus"
found=${PCNET_FUZZ_FOUND:-$root}
seconds=${PCNET_FUZZ_SECONDS:-600}
[ -z "$short" ] || seconds=20
"$work/fuzz/fuzz" "$corpus" -seed=1 -max_total_time="$seconds" -max_len=600 -len_control=20 \
    -timeout=300 -report_slow_units=300 -print_final_stats=1 -artifact_prefix="$found/" \
    >"$work/fuzz.log" 2>&1 || {
    tail -n 60 "$work/fuzz.log"
    exit 1
}
grep -E "DONE|^Done|average_exec|peak_rss" "$work/fuzz.log"

if [ -z "$short" ]; then # coverage of the corpus
    need llvm llvm-cov
    objects "$work/fuzz-cov" clang -std=c11 -g -O1 -Icsrc -DPCNET_ONLY_GENERIC \
        -fprofile-instr-generate -fcoverage-mapping -- "${fuzzed[@]}"
    objects "$work/fuzz-cov" clang -std=c11 -g -O1 -- "$root/.ci/trust/replay.c"
    clang -fprofile-instr-generate "$work"/fuzz-cov/*.o -lm -o "$work/fuzz-cov/replay"
    find "$corpus" -type f -print0 |
        LLVM_PROFILE_FILE=$work/fuzz-cov/profile xargs -0 -n 100000 "$work/fuzz-cov/replay"
    llvm-profdata merge "$work/fuzz-cov/profile" -o "$work/fuzz-cov/merged"
    llvm-cov report "$work/fuzz-cov/replay" -instr-profile "$work/fuzz-cov/merged" \
        --show-region-summary=false csrc/*.inc csrc/*.c
fi
