/* Log records on stderr.
 * Must never allocate, and never write a record in more than one write(2).
 */
#include "base/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/rfc3339.h"

static struct {
    const char *program;
    enum log_level level;
    enum log_format format;
} settings = {"reeve", LOG_LEVEL_INFO, LOG_FORMAT_TEXT};

static const char *const level_names[] = {"debug", "info", "warning", "error"};
static const char *const format_names[] = {"text", "json"};

/* Kept free behind a cut-off record: the mark, a closing `"}` and the line's end. */
#define TAIL_ROOM 16
#define CUT_MARK  "..."

/* A line being written; what does not fit is left out and `cut` set. */
struct line {
    char at[LOG_LINE_MAX];
    size_t len;
    bool cut;
};

void log_init(const char *program, enum log_level level, enum log_format format)
{
    settings.program = program;
    settings.level = level;
    settings.format = format;
}

static int find_name(struct text text, const char *const *names, size_t count, size_t *out)
{
    for (size_t i = 0; i < count; i++) {
        if (text_is(text, names[i])) {
            *out = i;
            return 0;
        }
    }
    return LOG_UNREADABLE;
}

int log_level_parse(struct text text, enum log_level *out)
{
    size_t found = 0;
    int rc = find_name(text, level_names, sizeof level_names / sizeof level_names[0], &found);
    if (rc == 0)
        *out = (enum log_level)found;
    return rc;
}

int log_format_parse(struct text text, enum log_format *out)
{
    size_t found = 0;
    int rc = find_name(text, format_names, sizeof format_names / sizeof format_names[0], &found);
    if (rc == 0)
        *out = (enum log_format)found;
    return rc;
}

bool log_wants(enum log_level level)
{
    return level >= settings.level;
}

/* All of `words` or nothing, so that an escape is never cut in half. */
static void put(struct line *line, const char *words, size_t len)
{
    if (line->cut || len > sizeof line->at - TAIL_ROOM - line->len) {
        line->cut = true;
        return;
    }
    memcpy(line->at + line->len, words, len);
    line->len += len;
}

static void put_words(struct line *line, const char *words)
{
    put(line, words, strlen(words));
}

/* Control characters as \n, \t or \u00XX, which both a reader and JSON understand. */
static void put_escaped(struct line *line, char c)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char byte = (unsigned char)c;
    char code[] = "\\u0000";
    if (c == '\n') {
        put_words(line, "\\n");
    } else if (c == '\t') {
        put_words(line, "\\t");
    } else if (byte < 0x20 || byte == 0x7f) {
        code[4] = digits[byte >> 4];
        code[5] = digits[byte & 15];
        put_words(line, code);
    } else {
        put(line, &c, 1);
    }
}

/* Length of the well-formed UTF-8 character at `at`, 0 when there is none. */
static size_t utf8_len(const unsigned char *at)
{
    unsigned first = at[0];
    size_t len = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first > 0xf4)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((at[i] & 0xc0) != 0x80)
            return 0;
    }
    bool overlong = (first == 0xe0 && at[1] < 0xa0) || (first == 0xf0 && at[1] < 0x90);
    bool beyond = (first == 0xed && at[1] > 0x9f) || (first == 0xf4 && at[1] > 0x8f);
    return overlong || beyond ? 0 : len;
}

/* Foreign words, safe for a terminal; with `json` also between quotation marks. */
static void put_foreign(struct line *line, const char *words, bool json)
{
    while (*words && !line->cut) {
        size_t len = utf8_len((const unsigned char *)words);
        if (len > 1) {
            put(line, words, len);
        } else if (len == 0) {
            put_words(line, "\xef\xbf\xbd");
        } else {
            if (json && (*words == '"' || *words == '\\'))
                put_words(line, "\\");
            put_escaped(line, *words);
        }
        words += len ? len : 1;
    }
}

static void put_text_head(struct line *line, enum log_level level, const char *event)
{
    char now[RFC3339_LEN + 1];
    rfc3339_format(clock_wall_ms(), now);
    put_words(line, now);
    put_words(line, " ");
    put_words(line, level_names[level]);
    put_words(line, " ");
    put_words(line, settings.program);
    put_words(line, " ");
    put_words(line, event);
    put_words(line, ": ");
}

static void put_json_head(struct line *line, enum log_level level, const char *event)
{
    char now[RFC3339_LEN + 1];
    rfc3339_format(clock_wall_ms(), now);
    put_words(line, "{\"at\":\"");
    put_words(line, now);
    put_words(line, "\",\"level\":\"");
    put_words(line, level_names[level]);
    put_words(line, "\",\"program\":\"");
    put_foreign(line, settings.program, true);
    put_words(line, "\",\"event\":\"");
    put_foreign(line, event, true);
    put_words(line, "\",\"message\":\"");
}

static void finish(struct line *line, bool json)
{
    if (line->cut) {
        memcpy(line->at + line->len, CUT_MARK, sizeof CUT_MARK - 1);
        line->len += sizeof CUT_MARK - 1;
    }
    if (json) {
        memcpy(line->at + line->len, "\"}", 2);
        line->len += 2;
    }
    line->at[line->len++] = '\n';
}

void log_record(enum log_level level, const char *event, const char *fmt, ...)
{
    if (!log_wants(level))
        return;
    int kept = errno;
    bool json = settings.format == LOG_FORMAT_JSON;
    char message[LOG_LINE_MAX];
    struct line line = {.len = 0, .cut = false};
    va_list args;
    va_start(args, fmt);
    if (vsnprintf(message, sizeof message, fmt, args) < 0)
        message[0] = '\0';
    va_end(args);
    if (json)
        put_json_head(&line, level, event);
    else
        put_text_head(&line, level, event);
    put_foreign(&line, message, json);
    finish(&line, json);
    ssize_t ignored = write(STDERR_FILENO, line.at, line.len);
    (void)ignored;
    errno = kept;
}
