/* Log records: one line each on stderr, written with a single write(2), from any thread.
 * Must never be given a secret (key, token, password, params of a job), and never fails its caller.
 */
#ifndef REEVE_BASE_LOG_H
#define REEVE_BASE_LOG_H

#include "base/slice.h"

/* A record longer than this many bytes is cut off, and says so. */
#define LOG_LINE_MAX 4096

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARNING, LOG_LEVEL_ERROR };
enum log_format { LOG_FORMAT_TEXT, LOG_FORMAT_JSON };

/* log_level_parse, log_format_parse: no such word. */
#define LOG_UNREADABLE 1

/* Call once before threads start; `program` is borrowed for ever. Without it: "reeve", info, text.
 */
void log_init(const char *program, enum log_level level, enum log_format format);

/* "debug", "info", "warning", "error"; "text", "json". 0 or LOG_UNREADABLE (out untouched). */
int log_level_parse(struct text text, enum log_level *out);
int log_format_parse(struct text text, enum log_format *out);

/* True when a record of this level would be written: to spare the making of costly arguments. */
bool log_wants(enum log_level level);

/* `event` is a short fixed word (snake_case) to search for, `fmt` the sentence for people. Control
 * characters are escaped, errno is kept. May block on a stderr that does. */
void log_record(enum log_level level, const char *event, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#define log_debug(...)   log_record(LOG_LEVEL_DEBUG, __VA_ARGS__)
#define log_info(...)    log_record(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_warning(...) log_record(LOG_LEVEL_WARNING, __VA_ARGS__)
#define log_error(...)   log_record(LOG_LEVEL_ERROR, __VA_ARGS__)

#endif
