/* Idempotency keys: the stored answer is the broker's own encoded reply, given again as it was. */
#include "broker/core/idempotency.h"

#include <errno.h>

#include "base/endian.h"
#include "base/tooth.h"
#include "broker/core/reply.h"
#include "broker/core/timer.h"

/* Two runs of 64-bit FNV-1a with different starts: tells requests apart, keeps no secret. */
static void fnv(struct slice bytes, uint64_t hash[2])
{
    for (size_t i = 0; i < bytes.len; i++) {
        hash[0] = (hash[0] ^ bytes.at[i]) * UINT64_C(0x100000001b3);
        hash[1] = (hash[1] ^ bytes.at[i]) * UINT64_C(0x100000001b3);
    }
}

/* A client that gives no fingerprint: that of its jobs, whatever ids it made for them. */
static int own_fingerprint(struct core *core, const struct msg_submit *submit, uint8_t out[16])
{
    uint64_t hash[2] = {UINT64_C(0xcbf29ce484222325), UINT64_C(0x84222325cbf29ce4)};
    struct list_iter iter;
    struct wire_spec spec;
    struct fault fault;
    if (list_open(submit->jobs, &iter) != 0)
        return -EBADMSG;
    while (list_next(&iter, &shape_spec, KEYS_NAMES, &spec, &fault) == 1) {
        struct slice bytes;
        spec.id = (struct uuid){{0}};
        spec.traceparent = (struct text){0};
        int rc = shape_keep(&core->record, &shape_spec, &spec, KEYS_NUMBERS, &bytes);
        if (rc < 0)
            return rc;
        fnv(bytes, hash);
    }
    put_be64(out, hash[0]);
    put_be64(out + 8, hash[1]);
    return 0;
}

static int fingerprint_of(struct core *core, const struct msg_submit *submit, uint8_t own[16],
                          struct slice *out)
{
    *out = submit->fingerprint;
    if (out->len)
        return 0;
    *out = (struct slice){own, 16};
    return own_fingerprint(core, submit, own);
}

static int replay(struct core *core, struct slice stored)
{
    struct message message;
    struct fault fault;
    if (message_decode(stored, &message, &fault) != 0 || message.id != MSG_SUBMITTED)
        return -EBADMSG;
    message.submitted.replayed = true;
    int rc = reply(core, &message);
    return rc < 0 ? rc : IDEMPOTENCY_REPLAYED;
}

static int read_row(struct slice value, struct rec_idempotency *row_out)
{
    struct fault fault;
    bool good = shape_decode(value, &shape_rec_idempotency, KEYS_NUMBERS, row_out, &fault) == 0;
    return good ? 0 : -EBADMSG;
}

int idempotency_replay(struct core *core, const struct caller *caller,
                       const struct msg_submit *submit)
{
    uint8_t own[16];
    struct slice fingerprint, value;
    int rc = fingerprint_of(core, submit, own, &fingerprint);
    if (rc < 0)
        return rc;
    struct rec_key key;
    rc = store_get(core->store, TABLE_IDEMPOTENCY,
                   key_idempotency(&key, caller->owner, submit->idempotency_key), &value);
    if (rc != 0)
        return rc < 0 ? rc : 0;
    struct rec_idempotency row;
    rc = read_row(value, &row);
    if (rc < 0)
        return rc;
    if (row.at + (TOOTH(key_for_an_hour) ? IDEMPOTENCY_MS / 24 : IDEMPOTENCY_MS) <=
        core->now.wall_ms)
        return 0;
    if (!TOOTH(fingerprint_ignored) && !slice_eq(row.fingerprint, fingerprint))
        return refuse(core, WIRE_IDEMPOTENCY_MISMATCH, "idempotency_key",
                      "this key was used with another request");
    return replay(core, row.answer);
}

int idempotency_keep(struct core *core, const struct caller *caller,
                     const struct msg_submit *submit, const struct message *answer)
{
    uint8_t own[16];
    struct rec_idempotency row = {.at = core->now.wall_ms};
    int rc = fingerprint_of(core, submit, own, &row.fingerprint);
    if (rc < 0)
        return rc;
    buf_clear(&core->scratch);
    rc = message_encode(&core->scratch, answer);
    if (rc < 0)
        return rc;
    row.answer = buf_slice(&core->scratch);
    struct slice value;
    struct rec_key key;
    struct slice what = key_idempotency(&key, caller->owner, submit->idempotency_key);
    rc = shape_keep(&core->record, &shape_rec_idempotency, &row, KEYS_NUMBERS, &value);
    if (rc == 0)
        rc = store_put(core->store, TABLE_IDEMPOTENCY, what, value);
    if (rc == 0)
        rc = timer_set(core, core->now.wall_ms + IDEMPOTENCY_MS, TIMER_IDEMPOTENCY, what);
    return rc;
}

int idempotency_expire(struct core *core, struct slice what)
{
    struct slice value;
    struct rec_idempotency row;
    int rc = store_get(core->store, TABLE_IDEMPOTENCY, what, &value);
    if (rc == 0)
        rc = read_row(value, &row);
    if (rc == 0 && row.at + IDEMPOTENCY_MS <= core->now.wall_ms)
        rc = store_del(core->store, TABLE_IDEMPOTENCY, what);
    return rc < 0 ? rc : 0;
}
