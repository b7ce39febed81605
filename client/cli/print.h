/* Words for people: texts of jobs made harmless, times, spans, values.
 * Must never let a control character of a job's texts through to a terminal. */
#ifndef REEVE_CLIENT_CLI_PRINT_H
#define REEVE_CLIENT_CLI_PRINT_H

#include <stdio.h>

#include "base/buf.h"
#include "base/slice.h"

#define PRINT_SPAN_SIZE 32

/* Standard output is a terminal, and how wide it is (80 where it does not say). */
bool print_to_terminal(void);
size_t print_width(void);
/* The terminal takes colours (and NO_COLOR is not set); it takes UTF-8. */
bool print_colours(void);
bool print_utf8(void);

/* Writes a text on one line: control characters, also those of Unicode that turn text around, and
 * bytes that are no UTF-8 become `?`; line ends and tabs a blank. */
void print_text(FILE *out, struct text text);
/* The same at the end of a buf. 0, -ENOMEM. */
int print_append(struct buf *out, struct text text);
/* How many columns a harmless text takes, near enough: its characters. */
size_t print_columns(struct text text);
/* The first bytes of a harmless text that fit into so many columns. */
struct text print_fitting(struct text text, size_t columns);

/* "0.4s", "12s", "3m05s", "2h10m", "4d03h". */
void print_span(uint64_t ms, char out[PRINT_SPAN_SIZE]);

/* One msgpack value as a line of JSON. */
void print_value(FILE *out, struct slice value);
/* The JSON text `json` of a call, and the line's end; then gives it back. */
void print_json(char *json);

#endif
