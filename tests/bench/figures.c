/* Figures.
 * Must never round what goes into the JSON. */
#include "tests/bench/figures.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct figure {
    const char *name, *unit;
    double value;
    struct setup setup;
};

enum { FIGURES_MAX = 4096 };

static struct figure figures[FIGURES_MAX];
static size_t figure_count;

static void print_setup(uint32_t value)
{
    if (value > 0)
        printf(" %7u", value);
    else
        printf(" %7s", "-");
}

void figure_add(const char *name, double value, const char *unit, struct setup setup)
{
    if (figure_count == 0)
        printf("%-24s %7s %7s %7s %14s\n", "figure", "window", "workers", "batch", "value");
    if (figure_count == FIGURES_MAX)
        die("more than %d figures", FIGURES_MAX);
    figures[figure_count++] = (struct figure){name, unit, value, setup};
    printf("%-24s", name);
    print_setup(setup.window);
    print_setup(setup.workers);
    print_setup(setup.batch);
    printf(value < 100 ? " %14.2f %s\n" : " %14.0f %s\n", value, unit);
    fflush(stdout);
}

static void write_one(FILE *file, const struct figure *figure, bool last)
{
    fprintf(file,
            "  {\"name\": \"%s\", \"value\": %.6g, \"unit\": \"%s\", \"window\": %u, "
            "\"workers\": %u, \"batch\": %u, \"durability\": \"fsync\"}%s\n",
            figure->name, figure->value, figure->unit, figure->setup.window, figure->setup.workers,
            figure->setup.batch, last ? "" : ",");
}

int figures_write(const char *path)
{
    FILE *file = fopen(path, "w");
    if (!file)
        return -errno;
    fprintf(file, "[\n");
    for (size_t i = 0; i < figure_count; i++)
        write_one(file, &figures[i], i + 1 == figure_count);
    fprintf(file, "]\n");
    return fclose(file) == 0 ? 0 : -errno;
}

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double percentile(double *samples, size_t count, double percent)
{
    if (count == 0)
        return 0;
    qsort(samples, count, sizeof *samples, compare);
    size_t at = (size_t)((double)count * percent / 100);
    return samples[at < count ? at : count - 1];
}
