/* Words for people, and what the terminal can show.
 * Must never let a control character of a job's texts through to a terminal.
 */
#include "client/cli/print.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/reeve.h"
#include "proto/json.h"
#include "proto/utf8.h"

bool print_to_terminal(void)
{
    return isatty(STDOUT_FILENO) == 1;
}

size_t print_width(void)
{
    struct winsize size;
    bool known = ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 20;
    return known ? size.ws_col : 80;
}

bool print_colours(void)
{
    const char *none = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    return print_to_terminal() && !(none && none[0]) &&
           !(terminal && strcmp(terminal, "dumb") == 0);
}

bool print_utf8(void)
{
    return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

/* Characters that draw nothing by themselves but change what is drawn: C1 controls, marks that
 * turn the direction of text, line and paragraph separators. `at` is well-formed. */
static bool is_hidden(const uint8_t *at, size_t len)
{
    if (len == 1)
        return at[0] < 0x20 || at[0] == 0x7f;
    if (len == 2)
        return at[0] == 0xc2 && at[1] < 0xa0;
    if (len != 3 || at[0] != 0xe2)
        return false;
    bool general =
        at[1] == 0x80 && ((at[2] >= 0x8b && at[2] <= 0x8f) || (at[2] >= 0xa8 && at[2] <= 0xae));
    return general || (at[1] == 0x81 && at[2] >= 0xa0 && at[2] <= 0xaf);
}

int print_append(struct buf *out, struct text text)
{
    const uint8_t *at = (const uint8_t *)text.at;
    int rc = 0;
    for (size_t left = text.len; rc == 0 && left > 0;) {
        size_t step = utf8_step(at, left);
        bool blank = *at == '\n' || *at == '\t' || *at == '\r';
        if (blank)
            rc = buf_append(out, " ", 1);
        else if (step == 0 || is_hidden(at, step))
            rc = buf_append(out, "?", 1);
        else
            rc = buf_append(out, at, step);
        at += step ? step : 1;
        left -= step ? step : 1;
    }
    return rc;
}

void print_text(FILE *out, struct text text)
{
    struct buf harmless = {0};
    if (print_append(&harmless, text) == 0 && harmless.len > 0)
        fwrite(harmless.at, 1, harmless.len, out);
    buf_fini(&harmless);
}

size_t print_columns(struct text text)
{
    size_t columns = 0;
    for (size_t i = 0; i < text.len; i++)
        columns += ((unsigned char)text.at[i] & 0xc0) != 0x80;
    return columns;
}

struct text print_fitting(struct text text, size_t columns)
{
    size_t len = 0;
    while (len < text.len) {
        bool starts = ((unsigned char)text.at[len] & 0xc0) != 0x80;
        if (starts && columns-- == 0)
            break;
        len++;
    }
    return (struct text){text.at, len};
}

/* --- times and values ------------------------------------------------------------------------- */

void print_span(uint64_t ms, char out[PRINT_SPAN_SIZE])
{
    unsigned long long s = ms / 1000;
    if (s < 10)
        snprintf(out, PRINT_SPAN_SIZE, "%llu.%llus", s, (unsigned long long)(ms % 1000 / 100));
    else if (s < 60)
        snprintf(out, PRINT_SPAN_SIZE, "%llus", s);
    else if (s < 3600)
        snprintf(out, PRINT_SPAN_SIZE, "%llum%02llus", s / 60, s % 60);
    else if (s < 86400)
        snprintf(out, PRINT_SPAN_SIZE, "%lluh%02llum", s / 3600, s % 3600 / 60);
    else
        snprintf(out, PRINT_SPAN_SIZE, "%llud%02lluh", s / 86400, s % 86400 / 3600);
}

void print_value(FILE *out, struct slice value)
{
    struct buf json = {0};
    if (value.len > 0 && json_from_msgpack(value, &json) == 0)
        print_text(out, buf_text(&json));
    buf_fini(&json);
}

void print_json(char *json)
{
    if (json)
        puts(json);
    reeve_free(json);
}
