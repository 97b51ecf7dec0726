/* The fuzzer's cases of single passes. */
#ifndef PCNET_TESTS_FUZZ_PASSES_H
#define PCNET_TESTS_FUZZ_PASSES_H

#include "fuzz_case.h"

void fuzz_passes(fuzz_case *c, bytes *in);

/* An invalid case is refused; by passes without an objective if network or state is invalid. */
void fuzz_refused_passes(fuzz_case *c, bytes *in, int is_of_state);

#endif
