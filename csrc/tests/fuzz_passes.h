/* The fuzzer's cases of single passes. */
#ifndef PCNET_TESTS_FUZZ_PASSES_H
#define PCNET_TESTS_FUZZ_PASSES_H

#include "fuzz_case.h"

void fuzz_passes(fuzz_case *c, bytes *in);

/* A spoiled case is refused; by the passes that know no objective if network or state is at fault.
 */
void fuzz_refused_passes(fuzz_case *c, bytes *in, int is_of_state);

#endif
