/* The figures of a run: a line of the table each as it comes, and JSON at the end. */
#ifndef REEVE_TESTS_BENCH_FIGURES_H
#define REEVE_TESTS_BENCH_FIGURES_H

#include "tests/bench/bench.h"

/* `name` and `unit` are borrowed for ever. */
void figure_add(const char *name, double value, const char *unit, struct setup setup);

/* Writes the JSON array. 0, -errno. */
int figures_write(const char *path);

/* The value below which `percent` of the samples lie; sorts them. */
double percentile(double *samples, size_t count, double percent);

#endif
