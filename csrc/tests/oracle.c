#include "oracle.h"

#include <math.h>

static double logistic(double z) { return 1 / (1 + exp(-z)); }

double oracle_activation(pcnet_activation activation, double z) {
    switch (activation) {
    case PCNET_TANH:
        return tanh(z);
    case PCNET_HARD_TANH:
        return fmin(1, fmax(-1, z));
    case PCNET_RELU:
        return z > 0 ? z : 0;
    case PCNET_LEAKY_RELU:
        return z > 0 ? z : 0.01 * z;
    case PCNET_GELU:
        return 0.5 * z * (1 + tanh(sqrt(2 / 3.14159265358979323846) * (z + 0.044715 * z * z * z)));
    case PCNET_SELU:
        return 1.0507009873554805 * (z > 0 ? z : 1.6732632423543772 * expm1(z));
    case PCNET_SILU:
        return z * logistic(z);
    case PCNET_LOGISTIC:
        return logistic(z);
    case PCNET_IDENTITY:
    case PCNET_N_ACTIVATIONS:
        break;
    }
    return z;
}

double oracle_prediction(const model *m, const samples *b, int layer, int sample, int j) {
    const int n_in = m->s.sizes[layer - 1], n_out = m->s.sizes[layer];
    double sum = 0;
    for (int i = 0; i < n_in; i++) {
        double z = layer == 1 ? vec_get(b->inputs, (size_t)sample * (size_t)n_in + (size_t)i)
                              : activity(b, layer - 1, sample, i);
        double w = vec_get(m->weights[layer - 1], (size_t)i * (size_t)n_out + (size_t)j);
        sum += oracle_activation((pcnet_activation)m->activations[layer - 1], z) * w;
    }
    sum *= m->scales[layer - 1];
    if (m->s.bias)
        sum += vec_get(m->biases[layer - 1], (size_t)j);
    if (m->skips[layer - 1])
        sum += activity(b, layer - 1, sample, j);
    return sum;
}

/* The loss of one output, or for the log loss its term. */
static double output_loss(const pcnet_objective *objective, double mu, double y, double log_sum) {
    const double bend = objective->huber_delta;
    switch (objective->loss) {
    case PCNET_SQUARED_ERROR:
        return 0.5 * (y - mu) * (y - mu);
    case PCNET_LOG_LOSS:
        return -y * (mu - log_sum);
    case PCNET_LOGISTIC_LOSS:
        return log1p(exp(-fabs(mu))) + fmax(mu, 0) - y * mu;
    case PCNET_HUBER:
        return fabs(y - mu) <= bend ? 0.5 * (y - mu) * (y - mu)
                                    : bend * fabs(y - mu) - 0.5 * bend * bend;
    default:
        return exp(mu) - y * mu - (y > 0 ? y - y * log(y) : 0);
    }
}

/* precision: of each output, a target of precision 0 being nan; or NULL. */
static double loss_of(const pcnet_objective *objective, int n, const double *mu, const double *y,
                      const double *precision) {
    double sum = 0, largest = -INFINITY, normalizer = 0;
    for (int k = 0; k < n; k++)
        largest = fmax(largest, mu[k]);
    for (int k = 0; k < n; k++)
        normalizer += exp(mu[k] - largest);
    for (int k = 0; k < n; k++)
        if (precision == NULL || precision[k] > 0)
            sum += (precision == NULL ? 1 : precision[k]) *
                   output_loss(objective, mu[k], y[k], largest + log(normalizer));
    return sum;
}

/* The same, the sum over the blocks if there are any. */
static double loss_of_blocks(const pcnet_objective *objective, int n, const double *mu,
                             const double *y, const double *precision) {
    double sum = 0;
    int start = 0;
    if (objective->n_blocks == 0)
        return loss_of(objective, n, mu, y, precision);
    for (int b = 0; b < objective->n_blocks; b++) {
        const pcnet_loss_block *own = &objective->blocks[b];
        const pcnet_objective single = {own->loss, 1, 0, own->huber_delta, 0, NULL};
        sum += loss_of(&single, own->n_outputs, mu + start, y + start,
                       precision == NULL ? NULL : precision + start);
        start += own->n_outputs;
    }
    return sum;
}

double oracle_layer_energy(const model *m, const samples *b, const pcnet_objective *objective,
                           int layer, int sample) {
    double mu[256], y[256], p[256], sum = 0; /* no test network is wider */
    const int n = m->s.sizes[layer];
    for (int j = 0; j < n; j++)
        mu[j] = oracle_prediction(m, b, layer, sample, j);
    if (layer == m->s.n_layers) {
        for (int j = 0; j < n; j++)
            y[j] = vec_get(b->targets, (size_t)sample * (size_t)n + (size_t)j);
        for (int j = 0; j < n; j++)
            p[j] = vec_get(b->precisions, (size_t)sample * (size_t)n + (size_t)j);
        return objective->output_precision *
               loss_of_blocks(objective, n, mu, y, b->batch.output_precisions == NULL ? NULL : p);
    }
    for (int j = 0; j < n; j++) {
        double error = activity(b, layer, sample, j) - mu[j];
        sum += 0.5 * error * error;
    }
    return sum;
}

double oracle_energy(const model *m, const samples *b, const pcnet_objective *objective,
                     int sample) {
    double sum = 0;
    for (int l = 1; l <= m->s.n_layers; l++) {
        sum += oracle_layer_energy(m, b, objective, l, sample);
        if (l < m->s.n_layers)
            for (int j = 0; j < m->s.sizes[l]; j++)
                sum += 0.5 * objective->activity_decay * activity(b, l, sample, j) *
                       activity(b, l, sample, j);
    }
    return sum;
}
