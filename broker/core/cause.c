/* Fingerprints of failures, and their table. Changes only the table CAUSE. */
#include "broker/core/cause.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "broker/core/job.h"

/* --- the fingerprint -------------------------------------------------------------------------- */

enum { HEX_RUN = 8, FINGERPRINTED_MAX = 300 }; /* letters a to f this long together are an id */

static uint64_t mix(uint64_t hash, unsigned char byte)
{
    return (hash ^ byte) * UINT64_C(0x100000001b3);
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '-';
}

/* How many bytes from `i` on are an id or a number, and so no part of the cause; 0: none. */
static size_t variable_at(struct text text, size_t i)
{
    size_t hex = 0, digits = 0;
    bool has_digit = false;
    while (i + hex < text.len && is_hex(text.at[i + hex]))
        has_digit |= is_digit(text.at[i + hex++]);
    if (has_digit && hex >= HEX_RUN)
        return hex;
    while (i + digits < text.len && is_digit(text.at[i + digits]))
        digits++;
    return digits;
}

/* A quoted word is what the sentence is about today: its bytes up to the closing quote; 0: none. */
static size_t quoted_at(struct text text, size_t i)
{
    char quote = text.at[i];
    if ((quote != '\'' && quote != '"' && quote != '`') || i + 1 >= text.len ||
        (i > 0 && text.at[i - 1] != ' ' && text.at[i - 1] != '(' && text.at[i - 1] != '['))
        return 0;
    const char *end = memchr(text.at + i + 1, quote, text.len - i - 1);
    return end ? (size_t)(end - (text.at + i)) + 1 : 0;
}

static uint64_t mix_words(uint64_t hash, struct text text)
{
    size_t len = text.len < FINGERPRINTED_MAX ? text.len : FINGERPRINTED_MAX;
    for (size_t i = 0; i < len;) {
        size_t skipped = quoted_at(text, i);
        if (skipped == 0)
            skipped = variable_at(text, i);
        hash = mix(hash, skipped ? '#' : (unsigned char)text.at[i]);
        i += skipped ? skipped : 1;
    }
    return mix(hash, 0);
}

static uint64_t mix_name(uint64_t hash, struct text name)
{
    for (size_t i = 0; i < name.len; i++)
        hash = mix(hash, (unsigned char)name.at[i]);
    return mix(hash, 0);
}

uint64_t cause_of(struct text type, struct text error, struct text message)
{
    uint64_t hash = mix_name(UINT64_C(0xcbf29ce484222325), type);
    hash = mix_words(mix_name(hash, error), message);
    return hash ? hash : 1;
}

void cause_format(uint64_t cause, char out[CAUSE_LEN + 1])
{
    snprintf(out, CAUSE_LEN + 1, "%016" PRIx64, cause);
}

int cause_parse(struct text text, uint64_t *cause_out)
{
    uint64_t cause = 0;
    if (text.len != CAUSE_LEN)
        return 1;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (!is_digit(c) && (c < 'a' || c > 'f'))
            return 1;
        cause = cause << 4 | (unsigned)(is_digit(c) ? c - '0' : c - 'a' + 10);
    }
    *cause_out = cause;
    return cause == 0;
}

/* --- the table -------------------------------------------------------------------------------- */

static int read_cause(struct core *core, uint64_t cause, struct rec_cause *record_out)
{
    struct rec_key key;
    struct slice value;
    struct fault fault;
    int rc = store_get(core->store, TABLE_CAUSE, key_cause(&key, cause), &value);
    if (rc != 0)
        return rc;
    buf_clear(&core->value); /* its texts must outlive the next call of the store */
    rc = buf_append(&core->value, value.at, value.len);
    if (rc == 0 && shape_decode(buf_slice(&core->value), &shape_rec_cause, KEYS_NUMBERS, record_out,
                                &fault) != 0)
        rc = -EBADMSG;
    return rc;
}

static int write_cause(struct core *core, uint64_t cause, const struct rec_cause *record)
{
    struct rec_key key;
    struct slice value;
    int rc = shape_keep(&core->record, &shape_rec_cause, record, KEYS_NUMBERS, &value);
    return rc < 0 ? rc : store_put(core->store, TABLE_CAUSE, key_cause(&key, cause), value);
}

int cause_add(struct core *core, struct job *job)
{
    static const struct slice nothing = {(const uint8_t *)"", 0};
    struct wire_failure failure = {0};
    struct fault fault;
    if (job->s.error.len)
        shape_decode(job->s.error, &shape_failure, KEYS_NAMES, &failure, &fault);
    job->s.cause = cause_of(job->s.type, failure.type, failure.message);
    struct rec_cause record = {0};
    int rc = read_cause(core, job->s.cause, &record);
    if (rc < 0)
        return rc;
    if (rc == STORE_NOT_FOUND)
        record = (struct rec_cause){
            .type = job->s.type, .error = failure.type, .message = failure.message};
    record.count++;
    rc = write_cause(core, job->s.cause, &record);
    struct rec_key key;
    if (rc == 0)
        rc = store_put(core->store, TABLE_CAUSE,
                       key_cause_job(&key, job->s.cause, job->s.completed_at, &job->id), nothing);
    return rc;
}

int cause_remove(struct core *core, const struct job *job)
{
    struct rec_cause record;
    struct rec_key key;
    if (job->s.cause == 0) /* it failed before causes were kept */
        return 0;
    int rc = store_del(core->store, TABLE_CAUSE,
                       key_cause_job(&key, job->s.cause, job->s.completed_at, &job->id));
    if (rc == 0)
        rc = read_cause(core, job->s.cause, &record);
    if (rc != 0)
        return rc < 0 ? rc : -EBADMSG;
    if (--record.count > 0)
        return write_cause(core, job->s.cause, &record);
    rc = store_del(core->store, TABLE_CAUSE, key_cause(&key, job->s.cause));
    return rc < 0 ? rc : 0;
}
