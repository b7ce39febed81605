/* From a reeve_spec to bytes. JSON becomes msgpack here, once; the broker checks the rest.
 * Must never wait or send.
 */
#include "client/spec.h"

#include "proto/json.h"
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

/* Both values behind each other in `scratch`. */
static int add_values(struct reeve *reeve, const struct reeve_spec *spec, struct buf *scratch,
                      struct wire_spec *wire)
{
    size_t params = 0, metadata = 0;
    buf_clear(scratch);
    int code = add_params(reeve, spec, scratch, &params);
    if (code == REEVE_OK)
        code = add_json(reeve, "metadata", spec->metadata_json, scratch, &metadata);
    if (code != REEVE_OK)
        return code;
    uint64_t size_max = conn_limits(reeve->conn).params_size_max;
    if (params > size_max)
        return handle_fail(reeve, REEVE_PAYLOAD_TOO_LARGE, "params",
                           "params are %zu bytes; the broker takes %llu", params,
                           (unsigned long long)size_max);
    wire->params = (struct slice){scratch->at, params};
    wire->metadata = (struct slice){params ? scratch->at + params : scratch->at, metadata};
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
