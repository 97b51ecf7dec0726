# The slow tests: a failure at every allocation, 1,000 fits.
[ -e "$tree"/pcnet/_core/binding*.so ] || (cd "$tree" && "$python" setup.py -q build_ext --inplace)
(cd "$tree" && PYTHONPATH=$tree "$python" -m pytest -q -s -m slow -p no:cacheprovider \
    tests/estimators/test_allocation_failures.py tests/estimators/test_leaks.py)
