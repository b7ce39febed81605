/* --help and --version, made from a program's table.
 * Must never say anything of an option that its row does not.
 */
#include "base/settings_parts.h"

#include <stdio.h>
#include <stdlib.h>

#define WIDTH     88
#define HELP_AT   26
#define LEFT_SIZE 256

/* Prints `words` from the column `HELP_AT` on, broken at blanks. `column` is where the cursor is.
 */
static void print_wrapped(const char *words, int column)
{
    while (*words) {
        int len = (int)strcspn(words, " ");
        if (column + 1 + len > WIDTH && column > HELP_AT) {
            printf("\n%*s", HELP_AT, "");
            column = HELP_AT;
        }
        bool gap = column > HELP_AT;
        printf("%s%.*s", gap ? " " : "", len, words);
        column += len + gap;
        words += len + (words[len] == ' ');
    }
}

static void print_row(const char *left, const char *help, const char *facts)
{
    int len = printf("  %s", left);
    if (len > HELP_AT - 2)
        printf("\n%*s", HELP_AT, "");
    else
        printf("%*s", HELP_AT - len, "");
    print_wrapped(help, HELP_AT);
    if (*facts)
        printf("\n%*s%s", HELP_AT, "", facts);
    putchar('\n');
}

static void left_of(const struct setting *row, char out[LEFT_SIZE])
{
    char letter[] = "-x, ";
    letter[1] = row->letter;
    bool valued = row->kind != SETTING_FLAG && row->label;
    snprintf(out, LEFT_SIZE, "%s--%s%s%s%s", row->letter ? letter : "    ", row->name,
             valued ? " " : "", valued ? row->label : "", row->kind == SETTING_LIST ? " ..." : "");
}

/* "(default: 10s; environment: REEVE_X)", or nothing when there is neither. */
static void facts_of(const struct setting *row, char *out, size_t size)
{
    bool preset = row->preset && row->preset[0] && row->kind != SETTING_FLAG;
    out[0] = '\0';
    if (preset || row->env)
        snprintf(out, size, "(%s%s%s%s%s)", preset ? "default: " : "", preset ? row->preset : "",
                 preset && row->env ? "; " : "", row->env ? "environment: " : "",
                 row->env ? row->env : "");
}

static void print_option(const struct setting *row)
{
    char left[LEFT_SIZE];
    char facts[512];
    left_of(row, left);
    facts_of(row, facts, sizeof facts);
    print_row(left, row->help, facts);
}

bool settings_has_letter(const struct settings_table *table, char letter)
{
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i].letter == letter)
            return true;
    }
    return false;
}

void settings_print_help(const struct settings_table *table)
{
    printf("Usage: %s %s\n", table->program, table->usage);
    if (table->description)
        printf("\n%s\n", table->description);
    printf("\nOptions:\n");
    for (size_t i = 0; i < table->count; i++) {
        if (table->rows[i].help)
            print_option(&table->rows[i]);
    }
    print_row(settings_has_letter(table, 'h') ? "    --help" : "-h, --help", "Print this help.",
              "");
    print_row("    --version", "Print the version.", "");
    if (table->examples)
        printf("\nExamples:\n%s\n", table->examples);
    fflush(stdout);
}

void settings_print_version(const struct settings_table *table)
{
    printf("%s %s\n", table->program, table->version);
    fflush(stdout);
}
