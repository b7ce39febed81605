/* Query parameters by table. Pure. Must never let a value through that its row does not allow. */
#include "gateway/http/query.h"

#include <inttypes.h>
#include <stdio.h>

/* Decimal digits only. false: none, other characters, or over 64 bits. */
static bool read_number(struct text text, uint64_t *out)
{
    uint64_t value = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.at[i];
        if (c < '0' || c > '9' || __builtin_mul_overflow(value, 10u, &value) ||
            __builtin_add_overflow(value, (uint64_t)(c - '0'), &value))
            return false;
    }
    *out = value;
    return text.len > 0;
}

static bool is_one_of(struct text text, const char *words)
{
    for (const char *at = words; *at;) {
        size_t len = strcspn(at, " ");
        if (text_eq(text, (struct text){at, len}))
            return true;
        at += len + (at[len] == ' ');
    }
    return false;
}

static int check_text(const struct query_row *row, struct text value, struct fault *fault)
{
    if (value.len > 0 && value.len <= row->max)
        return 0;
    return fault_set(fault, WIRE_INVALID_REQUEST, row->name,
                     "must be a text of 1 to %" PRIu64 " bytes", row->max);
}

static int check_number(const struct query_row *row, struct text value, struct fault *fault)
{
    uint64_t number;
    if (read_number(value, &number) && number >= row->min && number <= row->max)
        return 0;
    return fault_set(fault, WIRE_INVALID_REQUEST, row->name,
                     "must be a whole number from %" PRIu64 " to %" PRIu64, row->min, row->max);
}

static int check_word(const struct query_row *row, struct text value, const char *words,
                      struct fault *fault)
{
    if (is_one_of(value, words))
        return 0;
    return fault_set(fault, WIRE_INVALID_REQUEST, row->name, "must be one of: %s", words);
}

#define STATE(number, NAME, word, moves) word " "
static const char state_words[] =
#include "proto/states.def"
    ;
#undef STATE

static const char flag_words[] = "1 0 true false yes no";

static int check_value(const struct query_row *row, struct text value, struct fault *fault)
{
    switch (row->kind) {
    case QUERY_TEXT:
        return check_text(row, value, fault);
    case QUERY_NUMBER:
        return check_number(row, value, fault);
    case QUERY_FLAG:
        return check_word(row, value, flag_words, fault);
    case QUERY_WORD:
        return check_word(row, value, row->words, fault);
    case QUERY_STATE:
        return check_word(row, value, state_words, fault);
    }
    return 0;
}

static const struct query_row *find_row(const struct query_table *table, struct text name)
{
    for (size_t i = 0; i < table->count; i++) {
        if (text_is(name, table->rows[i].name))
            return &table->rows[i];
    }
    return NULL;
}

int query_check(const struct target *target, const struct query_table *table, struct fault *fault)
{
    for (size_t i = 0; i < target->param_count; i++) {
        const struct target_param *param = &target->params[i];
        const struct query_row *row = find_row(table, param->name);
        if (!row) {
            int len = param->name.len < 64 ? (int)param->name.len : 64;
            char name[65];
            snprintf(name, sizeof name, "%.*s", len, param->name.at);
            return fault_set(fault, WIRE_INVALID_REQUEST, name, "unknown query parameter");
        }
        if (!row->many && target_param(target, param->name) != param)
            return fault_set(fault, WIRE_INVALID_REQUEST, row->name, "is given more than once");
        if (check_value(row, param->value, fault))
            return 1;
    }
    return 0;
}

struct text query_text(const struct target *target, const char *name)
{
    const struct target_param *param = target_param(target, text_of(name));
    return param ? param->value : TEXT("");
}

uint64_t query_number(const struct target *target, const char *name, uint64_t otherwise)
{
    uint64_t number = otherwise;
    read_number(query_text(target, name), &number);
    return query_text(target, name).len ? number : otherwise;
}

bool query_flag(const struct target *target, const char *name)
{
    struct text value = query_text(target, name);
    return value.len > 0 && strchr("1ty", value.at[0]) != NULL;
}
