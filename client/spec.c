/* From a reeve_spec to bytes. JSON becomes msgpack here, once; the broker checks the rest.
 * Must never wait or send.
 */
#include "client/spec.h"

#include "proto/json.h"
#include "proto/pack.h"
#include "proto/scan.h"

/* Appends a JSON value as msgpack and says where it lies: the buffer still moves. */
static int add_json(struct reeve *reeve, const char *field, const char *json, struct buf *out,
                    size_t *len_out)
{
    struct fault fault;
    size_t before = out->len;
    int rc = json ? json_to_msgpack(text_of(json), out, &fault) : 0;
    *len_out = out->len - before;
    if (rc < 0)
        return handle_fail_memory(reeve);
    if (rc == 0)
        return REEVE_OK;
    return handle_fail(reeve, REEVE_INVALID_REQUEST, field, "%s is not JSON: %s", field,
                       fault.problem);
}

static int add_params(struct reeve *reeve, const struct reeve_spec *spec, struct buf *out,
                      size_t *len_out)
{
    const char *problem = NULL;
    struct slice value = {spec->params_msgpack, spec->params_msgpack_size};
    if (!spec->params_msgpack)
        return add_json(reeve, "params", spec->params_json, out, len_out);
    *len_out = value.len;
    if (scan_value(value, VALUE_DEPTH_MAX, MESSAGE_ITEMS_MAX, &problem) != 0)
        return handle_fail(reeve, REEVE_INVALID_REQUEST, "params", "params is not msgpack: %s",
                           problem ? problem : "malformed");
    return buf_append(out, value.at, value.len) < 0 ? handle_fail_memory(reeve) : REEVE_OK;
}

/* The ids as a list; nothing where there are none. */
static int add_parents(struct reeve *reeve, const struct reeve_spec *spec, struct buf *out)
{
    size_t mark;
    if (spec->depends_on_count == 0)
        return REEVE_OK;
    if (spec->depends_on_count > DEPENDS_MAX)
        return handle_fail(reeve, REEVE_INVALID_REQUEST, "depends_on",
                           "expected at most %d parents", DEPENDS_MAX);
    int rc = list_begin(out, &mark);
    for (size_t i = 0; i < spec->depends_on_count && rc == 0; i++) {
        struct uuid id;
        if (uuid_parse(text_of(spec->depends_on[i]), &id) != 0)
            return handle_fail(reeve, REEVE_INVALID_REQUEST, "depends_on", "'%s' is no id",
                               spec->depends_on[i] ? spec->depends_on[i] : "");
        rc = pack_uuid(out, &id);
    }
    if (rc < 0)
        return handle_fail_memory(reeve);
    list_end(out, mark, (uint32_t)spec->depends_on_count);
    return REEVE_OK;
}

/* The values behind each other in `scratch`. */
static int add_values(struct reeve *reeve, const struct reeve_spec *spec, struct buf *scratch,
                      struct wire_spec *wire)
{
    size_t params = 0, metadata = 0;
    buf_clear(scratch);
    int code = add_params(reeve, spec, scratch, &params);
    if (code == REEVE_OK)
        code = add_json(reeve, "metadata", spec->metadata_json, scratch, &metadata);
    size_t parents = scratch->len;
    if (code == REEVE_OK)
        code = add_parents(reeve, spec, scratch);
    if (code != REEVE_OK)
        return code;
    uint64_t size_max = conn_limits(reeve->conn).params_size_max;
    if (params > size_max)
        return handle_fail(reeve, REEVE_PAYLOAD_TOO_LARGE, "params",
                           "params are %zu bytes; the broker takes %llu", params,
                           (unsigned long long)size_max);
    wire->params = (struct slice){scratch->at, params};
    wire->metadata = (struct slice){params ? scratch->at + params : scratch->at, metadata};
    if (scratch->len > parents)
        wire->depends_on = (struct slice){scratch->at + parents, scratch->len - parents};
    return REEVE_OK;
}

static struct opt_u64 unless_zero(uint64_t value)
{
    return (struct opt_u64){value, value != 0};
}

static void fill(const struct reeve_spec *spec, struct wire_spec *wire)
{
    wire->type = text_of(spec->type);
    wire->owner = text_of(spec->owner);
    wire->queue = text_of(spec->queue);
    wire->priority = (struct opt_u64){spec->priority, spec->has_priority};
    wire->group = text_of(spec->group);
    wire->name = text_of(spec->name);
    wire->description = text_of(spec->description);
    wire->run_at = spec->run_at_ms;
    wire->delay_ms = spec->delay_ms;
    wire->timeout_ms = unless_zero(spec->timeout_ms);
    wire->max_attempts = unless_zero(spec->max_attempts);
    wire->max_lost = unless_zero(spec->max_lost);
    wire->backoff_ms = unless_zero(spec->backoff_ms);
    wire->backoff_cap_ms = unless_zero(spec->backoff_cap_ms);
    wire->retention_ms = unless_zero(spec->retention_ms);
    wire->result_retention_ms = unless_zero(spec->result_retention_ms);
    wire->start_deadline_ms = unless_zero(spec->start_deadline_ms);
    wire->stuck_timeout_ms = unless_zero(spec->stuck_timeout_ms);
    wire->on_stuck = text_of(spec->on_stuck);
    wire->unique_key = text_of(spec->unique_key);
    wire->unique_policy = text_of(spec->unique_policy);
    wire->on_parent_failure = text_of(spec->on_parent_failure);
    wire->traceparent = text_of(spec->traceparent);
}

int spec_encode(struct reeve *reeve, const struct reeve_spec *spec, struct buf *scratch,
                struct buf *out, struct uuid *id_out)
{
    struct wire_spec wire = {0};
    int code = REEVE_OK;
    if (!spec->type || !spec->type[0])
        return handle_fail(reeve, REEVE_INVALID_REQUEST, "type", "a job needs a type");
    fill(spec, &wire);
    if (id_out)
        wire.id = handle_new_id(reeve);
    if (spec->id)
        code = handle_read_id(reeve, spec->id, &wire.id);
    if (id_out)
        *id_out = wire.id;
    if (code == REEVE_OK)
        code = add_values(reeve, spec, scratch, &wire);
    if (code != REEVE_OK)
        return code;
    return shape_encode(out, &shape_spec, &wire, KEYS_NAMES) < 0 ? handle_fail_memory(reeve)
                                                                 : REEVE_OK;
}
