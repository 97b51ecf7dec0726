#ifndef PCNET_TESTS_FUZZ_CORE_H
#define PCNET_TESTS_FUZZ_CORE_H

#include <stddef.h>
#include <stdint.h>

/* One case made from the bytes; 0 if all its checks passed. Built with PCNET_FUZZING it aborts
 * otherwise, because libFuzzer accepts no other return value than 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
