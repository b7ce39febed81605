/* The table of a made-up program, made the way every program makes its own. */
#ifndef REEVE_TESTS_UNIT_BASE_SAMPLE_H
#define REEVE_TESTS_UNIT_BASE_SAMPLE_H

#include "base/settings.h"

struct sample_settings {
#define SETTING(field, name, letter, kind, ...) SETTING_TYPE_##kind field;
#include "tests/unit/base/sample_settings.def"
#undef SETTING
};

static const struct setting sample_rows[] = {
#define SETTING(field, ...) SETTING_ROW(struct sample_settings, field, __VA_ARGS__)
#include "tests/unit/base/sample_settings.def"
#undef SETTING
};

static const struct settings_table sample_table = {
    .program = "sample",
    .version = "1.2.3",
    .usage = "--data DIR [OPTION]... [FILE]...",
    .description = "A made-up program.",
    .examples = "  sample --data /tmp",
    .rows = sample_rows,
    .count = sizeof sample_rows / sizeof sample_rows[0],
};

#endif
