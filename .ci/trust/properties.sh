# New random examples in every run; a failure prints the example that violates the property.
[ -e "$tree"/pcnet/_core/binding*.so ] || (cd "$tree" && "$python" setup.py -q build_ext --inplace)
(cd "$tree" && PCNET_PROPERTY_EXAMPLES=2000 PYTHONPATH=$tree \
    "$python" -m pytest -q -p no:cacheprovider tests/properties)
