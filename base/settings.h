/* A program's options from one table: defaults, environment, command line, checks and --help.
 * Must never know a program's options itself, and never let a value outside its limits through.
 *
 * A program keeps its rows in a `settings.def` of its own, each made of
 *
 *     SETTING(data, "data", 'd', TEXT, "REEVE_DATA", NULL, 1, 4096, "DIR", "Folder of the store.")
 *
 * (field, name, letter, kind, environment, default, min, max, label, help) and makes from it the
 * struct and the table:
 *
 *     struct broker_settings {
 *     #define SETTING(field, name, letter, kind, ...) SETTING_TYPE_##kind field;
 *     #include "broker/settings.def"
 *     #undef SETTING
 *     };
 *     static const struct setting rows[] = {
 *     #define SETTING(field, ...) SETTING_ROW(struct broker_settings, field, __VA_ARGS__)
 *     #include "broker/settings.def"
 *     #undef SETTING
 *     };
 *
 * Layers, the later wins: default, environment, command line. (A configuration file will be one
 * more layer between default and environment, read by the same rows: `name = value`.)
 */
#ifndef REEVE_BASE_SETTINGS_H
#define REEVE_BASE_SETTINGS_H

#include "base/slice.h"

/* The most rows a table may have, and entries a list. */
#define SETTINGS_ROWS_MAX 256
#define SETTINGS_LIST_MAX 1024

/* What a number, duration or size without a default holds when it was not given. */
#define SETTING_ABSENT UINT64_MAX

/* Words that came one after another; owned by the settings they are in. */
struct settings_list {
    char **at;
    size_t count;
};

/* Kinds, and what their field holds. LIST: `--name a --name b`; in the environment `a,b`. The first
 * entry of a layer replaces those of the layer below. */
enum setting_kind {
    SETTING_TEXT,     /* char *: owned, NULL when absent; min and max are its length in bytes */
    SETTING_NUMBER,   /* uint64_t */
    SETTING_INTEGER,  /* int64_t: may be negative, as may its min and max; 0 when absent */
    SETTING_DURATION, /* uint64_t: milliseconds, written as base/duration.h reads it */
    SETTING_SIZE,     /* uint64_t: bytes, written as base/size.h reads it */
    SETTING_FLAG, /* bool: `--name`, `--name=no`; 1/0 true/false yes/no on/off; false when absent */
    SETTING_LIST  /* struct settings_list; min and max are the length of each entry */
};

typedef char *SETTING_TYPE_TEXT;
typedef uint64_t SETTING_TYPE_NUMBER;
typedef int64_t SETTING_TYPE_INTEGER;
typedef uint64_t SETTING_TYPE_DURATION;
typedef uint64_t SETTING_TYPE_SIZE;
typedef bool SETTING_TYPE_FLAG;
typedef struct settings_list SETTING_TYPE_LIST;

/* One option. Strings are borrowed for ever. */
struct setting {
    const char *name; /* long option without its dashes */
    char letter;      /* short option or 0 */
    enum setting_kind kind;
    const char *env;    /* environment variable or NULL */
    const char *preset; /* default, as a user would write it, or NULL for absent */
    uint64_t min;       /* smallest and largest value, in the field's unit; both 0 = any */
    uint64_t max;
    const char *label; /* what --help calls the value: "DIR"; unused by flags */
    const char *help; /* one or more sentences; wrapped by --help; NULL hides the row from --help */
    size_t offset;    /* of the field in the program's struct */
};

/* What a line of a settings.def becomes in the table. */
#define SETTING_ROW(type, field, name, letter, kind, env, preset, min, max, label, help) \
    {(name),          (letter),        SETTING_##kind, (env),  (preset),                 \
     (uint64_t)(min), (uint64_t)(max), (label),        (help), offsetof(type, field)},

/* A program's words and rows. --help and --version are added by themselves, -h too if it is free.
 */
struct settings_table {
    const char *program;     /* "reeve-broker" */
    const char *version;     /* "0.1.0" */
    const char *usage;       /* what follows the program's name on the usage line */
    const char *description; /* a paragraph or more; printed as it is */
    const char *examples;    /* lines printed as they are, or NULL */
    const struct setting *rows;
    size_t count;
};

/* settings_load's results: go on; --help or --version was printed, leave with 0; wrong usage, said
 * on stderr, leave with 2. */
#define SETTINGS_GO_ON    0
#define SETTINGS_ANSWERED 1
#define SETTINGS_WRONG    2

/* Fills `values` (the program's struct, zeroed) from all layers, and `rest_out` with the words that
 * are no options (everything after `--` too). With rest_out NULL such a word is wrong usage.
 * Returns SETTINGS_*, or -ENOMEM (said on stderr). Anything but SETTINGS_GO_ON leaves nothing to
 * free. Otherwise settings_fini frees what the fields own. Call before threads start (reads
 * environment). */
int settings_load(const struct settings_table *table, int argc, char *const argv[], void *values,
                  struct settings_list *rest_out);

/* The exit status that a result other than SETTINGS_GO_ON means: 0, 2, or 1 when out of memory. */
int settings_exit(int result);

/* The first word in argv that is neither an option of this table nor its value: the COMMAND of a
 * program with commands, found before its table is chosen. Unknown options are skipped. Borrowed;
 * NULL = none. */
const char *settings_command(const struct settings_table *table, int argc, char *const argv[]);

/* Prints `PROGRAM: sentence` and where help is to be had on stderr, for checks across options that
 * only the program knows. Returns SETTINGS_WRONG. */
int settings_wrong(const struct settings_table *table, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* Begins logging as two settings of the program say: `level` and `format` as their words. Says what
 * is wrong with one. SETTINGS_GO_ON or SETTINGS_WRONG. */
int settings_log(const struct settings_table *table, const char *level, const char *format);

/* Frees texts and lists in `values` and zeroes those fields. NULL is allowed. */
void settings_fini(const struct settings_table *table, void *values);

/* Frees a list and its words; it is {0} afterwards. NULL is allowed. */
void settings_list_fini(struct settings_list *list);

#endif
