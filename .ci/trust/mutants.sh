# Runs .ci/mutants; the short form takes some mutants of the C core and of the Python files.
every=1
[ -z "$short" ] || every=30
if [ ! -e "$tree"/pcnet/_core/binding*.so ]; then
    (cd "$tree" && CFLAGS=-DPCNET_ONLY_GENERIC "$python" setup.py -q build_ext --inplace)
fi
(cd "$tree" && "$python" .ci/mutants/run.py --every "$every")
