/* What a submit may say of a job, field by field. Must never look into the store for it. */
#include "broker/core/spec.h"

#include <stdio.h>
#include <string.h>

#include "broker/core/name.h"
#include "broker/core/reply.h"
#include "proto/scan.h"

static int check_name(struct core *core, struct text name, const char *field, size_t len_max)
{
    if (name_is_fit(name, len_max))
        return 0;
    return refuse(core, WIRE_INVALID_REQUEST, field,
                  "expected 1 to %zu bytes without control characters", len_max);
}

/* Fills in what every job has, so that two submits of the same content are the same bytes. */
static int normalise(struct core *core, const struct caller *caller, struct wire_spec *spec)
{
    if (spec->owner.len && !caller->sees_all && !text_eq(spec->owner, caller->owner))
        return refuse(core, WIRE_FORBIDDEN, "owner", "only an admin submits for others");
    if (spec->owner.len == 0)
        spec->owner = caller->owner;
    if (spec->queue.len == 0)
        spec->queue = TEXT("default");
    if (spec->group.len == 0)
        spec->group = spec->owner;
    return 0;
}

static int check_times(struct core *core, const struct wire_spec *spec)
{
    const struct {
        struct opt_u64 value;
        const char *field;
    } times[] = {{spec->timeout_ms, "timeout_ms"},
                 {spec->stuck_timeout_ms, "stuck_timeout_ms"},
                 {spec->start_deadline_ms, "start_deadline_ms"}};
    for (size_t i = 0; i < sizeof times / sizeof *times; i++)
        if (times[i].value.set && times[i].value.value == 0)
            return refuse(core, WIRE_INVALID_REQUEST, times[i].field, "expected more than 0");
    return 0;
}

static int check_values(struct core *core, const struct wire_spec *spec)
{
    if (spec->params.len > core->config.params_size_max)
        return refuse(core, WIRE_PAYLOAD_TOO_LARGE, "params", "expected at most %u bytes",
                      core->config.params_size_max);
    struct mp_reader metadata = mp_reader_of(spec->metadata);
    if (spec->metadata.len && mp_peek(&metadata) != MP_MAP)
        return refuse(core, WIRE_INVALID_REQUEST, "metadata", "expected a map");
    if (spec->run_at && spec->delay_ms)
        return refuse(core, WIRE_INVALID_REQUEST, "run_at",
                      "expected run_at or delay_ms, not both");
    if (spec->max_attempts.set && spec->max_attempts.value == 0)
        return refuse(core, WIRE_INVALID_REQUEST, "max_attempts", "expected at least 1");
    if (spec->max_lost.set && spec->max_lost.value == 0)
        return refuse(core, WIRE_INVALID_REQUEST, "max_lost", "expected at least 1");
    return check_times(core, spec);
}

/* One of some words, or absent. */
static int check_word(struct core *core, struct text word, const char *field, const char *words)
{
    char known[64];
    snprintf(known, sizeof known, "%s", words);
    for (char *rest = known, *one; word.len && (one = strsep(&rest, " ")) != NULL;)
        if (text_is(word, one))
            return 0;
    return word.len == 0 ? 0
                         : refuse(core, WIRE_INVALID_REQUEST, field, "expected one of: %s", words);
}

static int check_needs(struct core *core, struct text word, const char *field, bool has,
                       const char *what)
{
    if (word.len == 0 || has)
        return 0;
    return refuse(core, WIRE_INVALID_REQUEST, field, "expected %s beside it", what);
}

static int check_words(struct core *core, const struct wire_spec *spec)
{
    int rc = check_word(core, spec->on_stuck, "on_stuck", "retry fail");
    if (rc == 0)
        rc = check_word(core, spec->unique_policy, "unique_policy",
                        "reject return replace supersede");
    if (rc == 0)
        rc = check_word(core, spec->on_parent_failure, "on_parent_failure", "cancel run");
    if (rc == 0)
        rc = check_needs(core, spec->on_stuck, "on_stuck", spec->stuck_timeout_ms.set,
                         "stuck_timeout_ms");
    if (rc == 0)
        rc = check_needs(core, spec->unique_policy, "unique_policy", spec->unique_key.at,
                         "unique_key");
    if (rc == 0 && spec->unique_key.at)
        rc = check_name(core, spec->unique_key, "unique_key", KEY_LEN_MAX);
    return rc;
}

int spec_check(struct core *core, const struct caller *caller, struct wire_spec *spec)
{
    int rc = normalise(core, caller, spec);
    if (rc == 0)
        rc = check_name(core, spec->type, "type", TYPE_LEN_MAX);
    if (rc == 0)
        rc = check_name(core, spec->queue, "queue", QUEUE_LEN_MAX);
    if (rc == 0)
        rc = check_name(core, spec->owner, "owner", OWNER_LEN_MAX);
    if (rc == 0)
        rc = check_name(core, spec->group, "group", GROUP_LEN_MAX);
    if (rc == 0)
        rc = check_values(core, spec);
    return rc != 0 ? rc : check_words(core, spec);
}
