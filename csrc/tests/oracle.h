/* A second implementation of the formulas, one sample and one unit at a time, in double. */
#ifndef PCNET_TESTS_ORACLE_H
#define PCNET_TESTS_ORACLE_H

#include "fixture.h"

double oracle_activation(pcnet_activation activation, double z);

/* mu_l of a sample, unit j, from the batch's activities. */
double oracle_prediction(const model *m, const samples *b, int layer, int sample, int j);

/* Energy of one layer for one sample; the last layer's times lambda; without decay. */
double oracle_layer_energy(const model *m, const samples *b, const pcnet_objective *objective,
                           int layer, int sample);

/* The sum over layers, with decay. */
double oracle_energy(const model *m, const samples *b, const pcnet_objective *objective,
                     int sample);

#endif
