/* With arguments, all threads write to the same element; otherwise each to a different one. */
int main(int argc, char **argv) {
    int written[8] = {0}, i;
    (void)argv;
#pragma omp parallel for num_threads(2) schedule(static, 1)
    for (i = 0; i < 8; i++)
        written[argc > 1 ? 0 : i] += i;
    return written[0] > 1000;
}
