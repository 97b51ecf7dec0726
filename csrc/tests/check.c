#define _POSIX_C_SOURCE 200112L /* posix_memalign */

#include "check.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long n_checks, n_failures;

void check(int passed, const char *file, int line, const char *condition, const char *format, ...) {
    n_checks++;
    if (passed)
        return;
    n_failures++;
#ifdef PCNET_STOP_AT_FIRST
    exit(1); /* run.py only asks whether a mutant passes */
#endif
    if (n_failures > 40) /* the first ones suffice */
        return;
    va_list arguments;
    fprintf(stderr, "%s:%d: not true: %s: ", file, line, condition);
    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
}

long check_failures(void) { return n_failures; }

int check_summary(void) {
    printf("C tests: %ld checks, %ld of them failed\n", n_checks, n_failures);
    return n_failures != 0 || n_checks == 0;
}

void *exact_alloc(size_t n_bytes) {
    void *memory = NULL;
    if (posix_memalign(&memory, 64, n_bytes ? n_bytes : 1) != 0) {
        fprintf(stderr, "out of memory\n");
        exit(2);
    }
    memset(memory, 0, n_bytes);
    return memory;
}

void exact_free(void *memory) { free(memory); }

static size_t item_size(pcnet_dtype dtype) {
    return dtype == PCNET_FLOAT64 ? sizeof(double) : sizeof(float);
}

vec vec_new(pcnet_dtype dtype, size_t n) {
    return (vec){dtype, n, exact_alloc(n * item_size(dtype))};
}

void vec_free(vec *v) {
    free(v->data);
    v->data = NULL;
}

double vec_get(vec v, size_t i) {
    return v.dtype == PCNET_FLOAT64 ? ((double *)v.data)[i] : (double)((float *)v.data)[i];
}

void vec_set(vec v, size_t i, double value) {
    if (v.dtype == PCNET_FLOAT64)
        ((double *)v.data)[i] = value;
    else
        ((float *)v.data)[i] = (float)value;
}

vec vec_copy(vec v) {
    vec copy = vec_new(v.dtype, v.n);
    memcpy(copy.data, v.data, v.n * item_size(v.dtype));
    return copy;
}

int vec_same(vec a, vec b) {
    return a.dtype == b.dtype && a.n == b.n &&
           memcmp(a.data, b.data, a.n * item_size(a.dtype)) == 0;
}

double vec_relative_error(vec a, vec b) {
    double deviation = 0, size = 0;
    if (a.n != b.n)
        return INFINITY;
    for (size_t i = 0; i < a.n; i++) {
        double difference = fabs(vec_get(a, i) - vec_get(b, i));
        if (!(difference <= deviation)) /* also true for nan */
            deviation = difference;
        size = fmax(size, fabs(vec_get(b, i)));
    }
    return size > 0 ? deviation / size : deviation;
}

static uint64_t random_state;

void random_seed(unsigned seed) { random_state = 2 * (uint64_t)seed + 1; }

double random_value(void) {
    random_state = random_state * 6364136223846793005u + 1442695040888963407u;
    return (double)(random_state >> 11) / 4503599627370496.0 - 1.0; /* 2^52 */
}

void vec_random(vec v, double size) {
    for (size_t i = 0; i < v.n; i++)
        vec_set(v, i, size * random_value());
}

step_records *records_new(int n_samples, int max_steps) {
    step_records *r = exact_alloc(sizeof *r);
    r->max_steps = max_steps;
    r->energies = exact_alloc((size_t)n_samples * ((size_t)max_steps + 1) * sizeof(double));
    return r;
}

void records_free(step_records *r) {
    if (r != NULL)
        exact_free(r->energies);
    exact_free(r);
}

void record_step(void *records, int sample, int step, double energy) {
    const step_records *r = records;
    double *own = r->energies + (ptrdiff_t)sample * (r->max_steps + 1);
    for (int k = step; k <= r->max_steps; k++)
        own[k] = energy;
}

double record_of(const step_records *r, int sample, int step) {
    return r->energies[(ptrdiff_t)sample * (r->max_steps + 1) + step];
}
