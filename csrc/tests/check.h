/* CHECK, and arrays of exact size, so that the sanitizers find writes beyond their end. */
#ifndef PCNET_TESTS_CHECK_H
#define PCNET_TESTS_CHECK_H

#include "pcnet.h"

#include <stdarg.h>
#include <stddef.h>

/* Counts the check; on failure prints where, and the printf-like rest of the arguments. */
#define CHECK(condition, ...) check((condition) != 0, __FILE__, __LINE__, #condition, __VA_ARGS__)

void check(int passed, const char *file, int line, const char *condition, const char *format, ...);

/* Checks that failed so far. */
long check_failures(void);

/* Prints the totals; 0 if all checks passed. */
int check_summary(void);

/* Exactly n_bytes, 64-byte aligned, zeroed, so that one byte too far is a sanitizer's error. */
void *exact_alloc(size_t n_bytes);
void exact_free(void *memory);

/* n numbers of a dtype. */
typedef struct {
    pcnet_dtype dtype;
    size_t n;
    void *data;
} vec;

vec vec_new(pcnet_dtype dtype, size_t n);
void vec_free(vec *v);
double vec_get(vec v, size_t i);
void vec_set(vec v, size_t i, double value);
vec vec_copy(vec v);
/* Bit for bit. */
int vec_same(vec a, vec b);
/* Largest |a - b| over the largest |b|. */
double vec_relative_error(vec a, vec b);

/* What inference records: each sample's energy after 0 .. max_steps steps; those after its last
 * repeat it. */
typedef struct {
    int max_steps;
    double *energies; /* (n_samples, max_steps + 1) */
} step_records;

step_records *records_new(int n_samples, int max_steps);
void records_free(step_records *r);
/* pcnet_report.record. */
void record_step(void *records, int sample, int step, double energy);
double record_of(const step_records *r, int sample, int step);

/* Uniform in (-1, 1), the same sequence in every run after random_seed. */
void random_seed(unsigned seed);
double random_value(void);
void vec_random(vec v, double size);

#endif
