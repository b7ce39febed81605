/* Effects and the messages inside them: one place that numbers, batches and encodes.
 * Must never decide what is said: that is the callers' business. */
#include "worker/session_parts.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

/* A note is a sentence. */
enum { NOTE_MAX = 500 };

void wsession_effects_clear(struct wsession_effects *effects)
{
    effects->count = 0;
    buf_clear(&effects->bytes);
}

void wsession_effects_fini(struct wsession_effects *effects)
{
    free(effects->at);
    buf_fini(&effects->bytes);
    *effects = (struct wsession_effects){0};
}

struct slice wsession_effect_bytes(const struct wsession_effects *effects,
                                   const struct wsession_effect *effect)
{
    if (effect->len == 0)
        return (struct slice){0};
    return (struct slice){effects->bytes.at + effect->offset, effect->len};
}

static int effects_grow(struct wsession_effects *effects)
{
    if (effects->count < effects->cap)
        return 0;
    size_t cap = effects->cap ? 2 * effects->cap : 16;
    struct wsession_effect *at = realloc(effects->at, cap * sizeof *at);
    if (!at)
        return -ENOMEM;
    effects->at = at;
    effects->cap = cap;
    return 0;
}

int effect_add(struct wsession *session, const struct wsession_effect *effect, struct slice bytes)
{
    struct wsession_effects *effects = session->effects;
    size_t offset = effects->bytes.len;
    int rc = effects_grow(effects);
    if (rc == 0)
        rc = buf_append(&effects->bytes, bytes.at, bytes.len);
    if (rc < 0)
        return rc;
    struct wsession_effect *added = &effects->at[effects->count++];
    *added = *effect;
    added->offset = offset;
    added->len = bytes.len;
    return 0;
}

int effect_note(struct wsession *session, const char *fmt, ...)
{
    char text[NOTE_MAX];
    va_list args;
    va_start(args, fmt);
    int len = vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    CHECK(len >= 0);
    struct wsession_effect effect = {.kind = WSESSION_NOTE};
    size_t size = (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    return effect_add(session, &effect, (struct slice){(const uint8_t *)text, size});
}

int send_message(struct wsession *session, struct message *message)
{
    if (message->envelope.request == 0)
        message->envelope.request = ++session->request;
    struct wsession_effects *effects = session->effects;
    struct wsession_effect effect = {.kind = WSESSION_SEND};
    size_t offset = effects->bytes.len;
    int rc = effect_add(session, &effect, (struct slice){0});
    if (rc == 0)
        rc = message_encode(&effects->bytes, message);
    if (rc < 0)
        return rc;
    struct wsession_effect *added = &effects->at[effects->count - 1];
    added->offset = offset;
    added->len = effects->bytes.len - offset;
    return 0;
}

/* --- batches --------------------------------------------------------------------------------- */

static uint32_t items_max(enum message_id id)
{
    return id == MSG_REPORT ? REPORT_ITEMS_MAX : WORKER_SLOTS_MAX;
}

/* Bytes of items in one message: well below what the broker takes, whatever an item is. */
static uint64_t size_max(const struct wsession *session)
{
    return session->message_size_max / 4;
}

int batch_send(struct wsession *session)
{
    struct batch *batch = &session->batch;
    if (batch->request == 0)
        return 0;
    list_end(&batch->items, batch->mark, batch->count);
    struct message message = {.id = batch->id, .envelope.request = batch->request};
    if (batch->id == MSG_REPORT)
        message.report.items = buf_slice(&batch->items);
    else
        message.done.items = buf_slice(&batch->items);
    batch->request = 0;
    expect_answer(session);
    return send_message(session, &message);
}

static int batch_open(struct wsession *session, enum message_id id, size_t more)
{
    struct batch *batch = &session->batch;
    bool full = batch->request && (batch->id != id || batch->count >= items_max(id) ||
                                   batch->items.len + more > size_max(session));
    int rc = full ? batch_send(session) : 0;
    if (rc < 0 || batch->request)
        return rc;
    buf_clear(&batch->items);
    rc = list_begin(&batch->items, &batch->mark);
    if (rc < 0)
        return rc;
    batch->id = id;
    batch->count = 0;
    batch->request = ++session->request;
    return 0;
}

int batch_add(struct wsession *session, enum message_id id, const struct shape *shape,
              const void *item, uint64_t *request_out)
{
    int rc = batch_open(session, id, 0);
    if (rc == 0)
        rc = shape_encode(&session->batch.items, shape, item, KEYS_NAMES);
    if (rc < 0)
        return rc;
    session->batch.count++;
    *request_out = session->batch.request;
    return 0;
}

int batch_add_encoded(struct wsession *session, enum message_id id, struct slice item,
                      uint64_t *request_out)
{
    int rc = batch_open(session, id, item.len);
    if (rc == 0)
        rc = buf_append(&session->batch.items, item.at, item.len);
    if (rc < 0)
        return rc;
    session->batch.count++;
    *request_out = session->batch.request;
    return 0;
}

void expect_answer(struct wsession *session)
{
    if (session->resend_at == UINT64_MAX)
        session->resend_at = session->now.mono_ms + session->resend_ms;
}
