/* Filters: read, checked, compared with a job. Must never match a job the caller may not see. */
#include "broker/core/filter.h"

#include <errno.h>

#include "broker/core/cause.h"
#include "broker/core/reply.h"
#include "proto/json.h"
#include "proto/scan.h"

#define ALL_STATES (((1u << JOB_STATE_COUNT) - 1) & ~(1u << JOB_NONE))

static int read_states(struct core *core, struct slice words, unsigned *states_out)
{
    struct list_iter iter;
    struct text word;
    *states_out = 0;
    if (list_open(words, &iter) != 0)
        return refuse(core, WIRE_INVALID_REQUEST, "status", "expected a list of states");
    while (list_next_text(&iter, &word) == 1) {
        enum job_state state = job_state_of(word);
        if (state == JOB_NONE)
            return refuse(core, WIRE_INVALID_REQUEST, "status", "\"%.*s\" is no state",
                          (int)(word.len < 40 ? word.len : 40), word.at);
        *states_out |= 1u << state;
    }
    if (iter.count == 0)
        *states_out = ALL_STATES;
    return 0;
}

/* Keys are texts, values are scalars: what a person can name. */
static int check_metadata(struct core *core, struct slice metadata)
{
    if (metadata.len == 0)
        return 0;
    struct mp_reader reader = mp_reader_of(metadata);
    struct mp_token map = mp_next(&reader);
    if (map.type != MP_MAP || map.as.count > FILTER_METADATA_MAX)
        return refuse(core, WIRE_INVALID_REQUEST, "metadata", "expected a map of at most %d keys",
                      FILTER_METADATA_MAX);
    for (uint32_t i = 0; i < map.as.count; i++) {
        if (mp_next(&reader).type != MP_STR)
            return refuse(core, WIRE_INVALID_REQUEST, "metadata", "expected texts as keys");
        enum mp_type type = mp_next(&reader).type;
        if (type == MP_MAP || type == MP_ARRAY || type == MP_END || type == MP_BAD)
            return refuse(core, WIRE_INVALID_REQUEST, "metadata",
                          "expected texts, numbers, flags or nil as values");
    }
    return 0;
}

static void set_owner(const struct caller *caller, struct text asked, struct filter *filter)
{
    filter->owner = asked;
    if (caller->sees_all)
        return;
    filter->nothing = asked.len && !text_eq(asked, caller->owner);
    filter->owner = caller->owner;
}

static int read_filter(struct core *core, const struct caller *caller, struct slice wire,
                       struct filter *filter)
{
    struct wire_filter asked = {0};
    if (wire.len && shape_decode(wire, &shape_filter, KEYS_NAMES, &asked, &core->fault) != 0)
        return REFUSED;
    *filter = (struct filter){
        .type = asked.type,
        .queue = asked.queue,
        .group = asked.group,
        .name = asked.name,
        .metadata = asked.metadata,
        .created_after = asked.created_after,
        .created_before = asked.created_before,
        .ended_before = asked.ended_before,
        .system = asked.system || queue_is_system(asked.queue),
    };
    set_owner(caller, asked.owner, filter);
    if (asked.cause.len && cause_parse(asked.cause, &filter->cause) != 0)
        return refuse(core, WIRE_INVALID_REQUEST, "cause", "expected the %d hex digits of a cause",
                      CAUSE_LEN);
    int rc = read_states(core, asked.status, &filter->statuses);
    if (filter->cause)
        filter->statuses &= 1u << JOB_FAILED; /* whatever else was asked for has no cause */
    return rc != 0 ? rc : check_metadata(core, asked.metadata);
}

int filter_read(struct core *core, const struct caller *caller, struct slice wire,
                struct filter *filter_out)
{
    int rc = read_filter(core, caller, wire, filter_out);
    if (rc == REFUSED)
        fault_within(&core->fault, "filter", -1);
    return rc;
}

static bool needs_spec(const struct filter *filter)
{
    return filter->name.len > 0 || filter->metadata.len > 0;
}

bool filter_has_more(const struct filter *filter)
{
    return needs_spec(filter) || filter->group.len > 0 || filter->created_after > 0 ||
           filter->created_before > 0 || filter->ended_before > 0 || filter->cause != 0;
}

static bool name_fits(struct text wanted, struct text name)
{
    return wanted.len == 0 || text_eq(wanted, name);
}

static bool state_fits(const struct filter *filter, const struct rec_state *s)
{
    if (!(filter->statuses & (1u << s->status)) || filter->nothing)
        return false;
    if (!filter->system && queue_is_system(s->queue))
        return false;
    if (s->created_at < filter->created_after ||
        (filter->created_before && s->created_at >= filter->created_before))
        return false;
    if (filter->ended_before && (!s->completed_at || s->completed_at >= filter->ended_before))
        return false;
    if (filter->cause && s->cause != filter->cause)
        return false;
    return name_fits(filter->owner, s->owner) && name_fits(filter->queue, s->queue) &&
           name_fits(filter->type, s->type) && name_fits(filter->group, s->group);
}

/* --- metadata -------------------------------------------------------------------------------- */

static bool is_number(const struct mp_token *token)
{
    return token->type == MP_UINT || token->type == MP_INT || token->type == MP_FLOAT;
}

static double real_of(const struct mp_token *token)
{
    return token->type == MP_UINT  ? (double)token->as.uint
           : token->type == MP_INT ? (double)token->as.sint
                                   : token->as.real;
}

/* The same value, however it is encoded: 5 in one byte or in eight, 2 and 2.0. */
static bool same_value(struct mp_token a, struct mp_token b)
{
    if (a.type != b.type)
        return is_number(&a) && is_number(&b) && real_of(&a) == real_of(&b);
    switch (a.type) {
    case MP_NIL:
        return true;
    case MP_BOOL:
        return a.as.boolean == b.as.boolean;
    case MP_UINT:
        return a.as.uint == b.as.uint;
    case MP_INT:
        return a.as.sint == b.as.sint;
    case MP_FLOAT:
        return a.as.real == b.as.real;
    case MP_STR:
    case MP_BIN:
        return slice_eq(a.as.bytes, b.as.bytes);
    case MP_END:
    case MP_BAD:
    case MP_ARRAY:
    case MP_MAP:
        break;
    }
    return false;
}

/* HTTP and the command line only have texts: 5, 2.5 and true are found by their words too. */
static int same_words(struct core *core, struct slice wanted_text, struct slice value)
{
    buf_clear(&core->scratch);
    int rc = json_from_msgpack(value, &core->scratch);
    if (rc < 0)
        return rc == -ENOMEM ? rc : 0;
    return slice_eq(wanted_text, buf_slice(&core->scratch));
}

static int value_fits(struct core *core, struct slice wanted, struct slice value)
{
    struct mp_reader wanted_reader = mp_reader_of(wanted), reader = mp_reader_of(value);
    struct mp_token a = mp_next(&wanted_reader), b = mp_next(&reader);
    if (same_value(a, b))
        return 1;
    if (a.type == MP_STR && (is_number(&b) || b.type == MP_BOOL))
        return same_words(core, a.as.bytes, value);
    return 0;
}

/* The value of a key in a map; .at == NULL where there is none. */
static struct slice look_up(struct slice map, struct slice key)
{
    struct mp_reader reader = mp_reader_of(map);
    struct mp_token head = mp_next(&reader);
    for (uint32_t i = 0; head.type == MP_MAP && i < head.as.count; i++) {
        struct mp_reader at_key = reader;
        struct mp_token name = mp_next(&at_key);
        mp_skip(&reader);
        struct slice value = mp_skip(&reader);
        if (!value.at || (name.type == MP_STR && slice_eq(name.as.bytes, key)))
            return value;
    }
    return (struct slice){0};
}

static int metadata_fits(struct core *core, struct slice wanted, struct slice metadata)
{
    struct mp_reader reader = mp_reader_of(wanted);
    struct mp_token map = mp_next(&reader);
    for (uint32_t i = 0; i < map.as.count; i++) {
        struct slice key = mp_next(&reader).as.bytes;
        struct slice value = look_up(metadata, key);
        int rc = value.at ? value_fits(core, mp_skip(&reader), value) : 0;
        if (rc <= 0)
            return rc;
    }
    return 1;
}

static int spec_fits(struct core *core, const struct filter *filter, const struct uuid *id)
{
    struct wire_spec spec;
    int rc = spec_get(core, id, &spec);
    if (rc < 0)
        return rc;
    if (spec.name.len < filter->name.len)
        return 0;
    spec.name.len = filter->name.len;
    if (!text_eq(spec.name, filter->name))
        return 0;
    return filter->metadata.len ? metadata_fits(core, filter->metadata, spec.metadata) : 1;
}

int filter_fits(struct core *core, const struct filter *filter, const struct job *job)
{
    if (!state_fits(filter, &job->s))
        return 0;
    return needs_spec(filter) ? spec_fits(core, filter, &job->id) : 1;
}
