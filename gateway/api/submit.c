/* POST /v1/jobs: one job, or up to 1,000 in an array.
 *
 * Ids are made here where clients make none, so that a submit that has to be sent again never makes
 * a job twice.
 * Must never drop an item: each is answered in its place. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/random.h"
#include "gateway/api/ask.h"
#include "gateway/api/error.h"
#include "gateway/api/fingerprint.h"
#include "gateway/api/job.h"
#include "gateway/api/routes.h"
#include "gateway/api/spec.h"
#include "proto/json.h"
#include "proto/scan.h"

/* An item of a partial submit that was refused here: its place, and why. */
struct refused {
    uint32_t index;
    struct fault fault;
};

/* What the answer needs of the question; lies in the request's notes, `refused` behind it. */
struct submit_notes {
    bool is_list;
    uint32_t count; /* items of the array */
    uint32_t refused;
    uint8_t fingerprint[FINGERPRINT_SIZE];
    size_t key_len; /* of the idempotency key, from header or body */
    char key[KEY_LEN_MAX];
};

/* A submit that is being read. */
struct submit {
    struct request *request;
    bool partial;
    struct buf parsed; /* the body as msgpack */
    struct buf *list;  /* the specs, encoded */
    struct buf *notes;
    struct uuid_source ids;
    struct fault fault;
};

static struct submit_notes *notes_of(const struct buf *notes)
{
    return (struct submit_notes *)(void *)notes->at;
}

/* --- the question ----------------------------------------------------------------------------- */

/* Reads one spec and completes it. 0; 1: fault set. */
static int read_one(struct submit *submit, struct slice item, struct wire_spec *spec,
                    struct spec_extras *extras)
{
    const struct request *request = submit->request;
    if (spec_read(item, spec, extras, &submit->fault) != 0)
        return 1;
    bool foreign = spec->owner.len > 0 && !text_eq(spec->owner, request->caller.owner);
    if (foreign && !request->caller.admin)
        return fault_set(&submit->fault, WIRE_FORBIDDEN, "owner",
                         "only an admin submits for others");
    if (uuid_is_null(&spec->id))
        spec->id = uuid_next(&submit->ids, clock_wall_ms(), random_u64());
    if (spec->traceparent.len == 0)
        spec->traceparent = text_of(request->trace.traceparent);
    return 0;
}

/* Puts the place of an item before what is wrong with it: "type" becomes "[3].type". */
static void place_fault(struct fault *fault, uint32_t index)
{
    char field[sizeof fault->field];
    snprintf(field, sizeof field, "[%" PRIu32 "]%s%.70s", index, fault->field[0] ? "." : "",
             fault->field);
    memcpy(fault->field, field, sizeof field);
}

static int note_refused(struct submit *submit, uint32_t index)
{
    struct refused refused = {index, submit->fault};
    int rc = buf_append(submit->notes, &refused, sizeof refused);
    if (rc == 0)
        notes_of(submit->notes)->refused++;
    return rc;
}

/* 0; 1: fault set; < 0. A refused item of a partial submit is noted and left out. */
static int add_item(struct submit *submit, struct slice item, uint32_t index, uint32_t *added)
{
    struct wire_spec spec;
    struct spec_extras extras;
    int rc = read_one(submit, item, &spec, &extras);
    if (rc == 0 && extras.idempotency_key.len)
        rc = fault_set(&submit->fault, WIRE_INVALID_REQUEST, "idempotency_key",
                       "an array has one for all: the header Idempotency-Key");
    if (rc != 0) {
        place_fault(&submit->fault, index);
        return submit->partial ? note_refused(submit, index) : 1;
    }
    ++*added;
    return shape_encode(submit->list, &shape_spec, &spec, KEYS_NAMES);
}

static int read_list(struct submit *submit)
{
    struct list_iter iter;
    struct slice item;
    size_t mark;
    uint32_t added = 0;
    int rc = list_open(buf_slice(&submit->parsed), &iter) == 0 ? 0 : -EINVAL;
    if (rc == 0 && (iter.count == 0 || iter.count > BATCH_JOBS_MAX))
        return fault_set(&submit->fault, WIRE_INVALID_REQUEST, "",
                         "expected an array of 1 to %d jobs", BATCH_JOBS_MAX);
    notes_of(submit->notes)->count = iter.count;
    if (rc == 0)
        rc = list_begin(submit->list, &mark);
    while (rc == 0 && list_next_any(&iter, &item) == 1)
        rc = add_item(submit, item, iter.index - 1, &added);
    if (rc == 0)
        list_end(submit->list, mark, added);
    return rc;
}

/* The key may stand in the header, or in the body of a single job. */
static int note_key(struct submit *submit, struct text key)
{
    struct submit_notes *notes = notes_of(submit->notes);
    if (notes->key_len && !text_eq(key, (struct text){notes->key, notes->key_len}))
        return fault_set(&submit->fault, WIRE_INVALID_REQUEST, "idempotency_key",
                         "the header Idempotency-Key says something else");
    if (key.len > KEY_LEN_MAX)
        return fault_set(&submit->fault, WIRE_INVALID_REQUEST, "Idempotency-Key",
                         "expected 1 to %d bytes", KEY_LEN_MAX);
    memcpy(notes->key, key.at, key.len);
    notes->key_len = key.len;
    return 0;
}

static int read_single(struct submit *submit)
{
    struct wire_spec spec;
    struct spec_extras extras;
    size_t mark;
    int rc = read_one(submit, buf_slice(&submit->parsed), &spec, &extras);
    if (rc == 0 && extras.idempotency_key.len)
        rc = note_key(submit, extras.idempotency_key);
    if (rc == 0)
        rc = list_begin(submit->list, &mark);
    if (rc == 0)
        rc = shape_encode(submit->list, &shape_spec, &spec, KEYS_NAMES);
    if (rc == 0)
        list_end(submit->list, mark, 1);
    return rc;
}

/* Everything that is read from the request. 0; 1: fault set; < 0. */
static int read_request(struct submit *submit)
{
    const struct request *request = submit->request;
    struct text key = request_header(request, "Idempotency-Key");
    struct submit_notes blank = {0};
    int rc = buf_append(submit->notes, &blank, sizeof blank);
    if (rc == 0 && key.len)
        rc = note_key(submit, key);
    if (rc == 0)
        rc = json_to_msgpack(buf_text(&request->body), &submit->parsed, &submit->fault);
    if (rc != 0)
        return rc;
    struct mp_reader reader = mp_reader_of(buf_slice(&submit->parsed));
    struct submit_notes *notes = notes_of(submit->notes);
    notes->is_list = mp_peek(&reader) == MP_ARRAY;
    submit->partial = notes->is_list && query_flag(&request->target, "partial");
    return notes->is_list ? read_list(submit) : read_single(submit);
}

/* --- the answer ------------------------------------------------------------------------------- */

static void fault_of(const struct wire_fault *wire, struct fault *fault_out)
{
    fault_set(fault_out, wire_error_of(wire->code), "", "%.*s", (int)wire->message.len,
              wire->message.at);
    snprintf(fault_out->field, sizeof fault_out->field, "%.*s", (int)wire->field.len,
             wire->field.len ? wire->field.at : "");
}

/* {"error":{…}} in the place of an item. */
static int render_refused(struct fault *fault, struct buf *out)
{
    int rc = buf_append_text(out, TEXT("{\"error\":"));
    if (rc == 0)
        rc = api_error_item(out, fault);
    return rc == 0 ? buf_append(out, "}", 1) : rc;
}

static int render_item(const struct wire_submit_answer *item, uint32_t index, struct buf *out)
{
    char id[UUID_TEXT_LEN + 1];
    struct wire_fault error;
    struct fault fault;
    if (item->error.len == 0) {
        uuid_format(&item->id, id);
        return buf_printf(out, "{\"id\":\"%s\",\"status\":\"%s\"}", id,
                          job_state_word(item->status));
    }
    if (shape_decode(item->error, &shape_fault, KEYS_NAMES, &error, &fault) != 0)
        return -EINVAL;
    fault_of(&error, &fault);
    spec_reword(&fault, false);
    place_fault(&fault, index);
    return render_refused(&fault, out);
}

/* Every item in its place: those refused here, and the broker's answers for the others. */
static int render_list(const struct buf *notes_buf, struct slice answers, struct buf *out)
{
    const struct submit_notes *notes = notes_of(notes_buf);
    const struct refused *refused =
        (const struct refused *)(const void *)(notes_buf->at + sizeof *notes);
    const struct refused *refused_end = refused + notes->refused;
    struct wire_submit_answer item;
    struct list_iter iter;
    struct fault fault;
    int rc = list_open(answers, &iter) == 0 ? 0 : -EINVAL;
    if (rc == 0)
        rc = buf_append_text(out, TEXT("{\"jobs\":["));
    for (uint32_t i = 0; i < notes->count && rc == 0; i++) {
        if (i > 0)
            rc = buf_append(out, ",", 1);
        if (rc == 0 && refused < refused_end && refused->index == i) {
            fault = refused++->fault;
            rc = render_refused(&fault, out);
        } else if (rc == 0) {
            bool good = list_next(&iter, &shape_submit_answer, KEYS_NAMES, &item, &fault) == 1;
            rc = good ? render_item(&item, i, out) : -EINVAL;
        }
    }
    return rc == 0 ? buf_append_text(out, TEXT("]}")) : rc;
}

static void respond_single(struct request *request, const struct msg_submitted *submitted)
{
    struct wire_submit_answer item;
    struct list_iter iter;
    struct fault fault;
    if (list_open(submitted->jobs, &iter) == 0 &&
        list_next(&iter, &shape_submit_answer, KEYS_NAMES, &item, &fault) == 1)
        job_respond(request, 201, item.job);
    else
        json_respond(request, 201, -EINVAL, &(struct buf){0});
}

static void submitted(struct request *request, const struct message *answer)
{
    const struct buf *notes = ask_notes(request);
    struct buf body = {0};
    struct fault fault;
    bool is_list = notes_of(notes)->is_list;
    if (answer->id == MSG_ERROR) {
        ask_fault(answer, &fault);
        spec_reword(&fault, is_list);
        ask_fail(request, answer, &fault);
    } else if (is_list) {
        json_respond(request, 201, render_list(notes, answer->submitted.jobs, &body), &body);
    } else {
        respond_single(request, &answer->submitted);
    }
}

/* --- in between ------------------------------------------------------------------------------- */

/* Nothing is left to ask the broker: every item was refused here. */
static void respond_refused(struct request *request, const struct buf *notes)
{
    static const uint8_t empty_list = 0x90;
    struct buf body = {0};
    int rc = render_list(notes, (struct slice){&empty_list, 1}, &body);
    json_respond(request, 201, rc, &body);
}

static void send(struct submit *submit, struct msg_submit *message)
{
    struct request *request = submit->request;
    struct submit_notes *notes = notes_of(submit->notes);
    if (notes->is_list && notes->refused == notes->count) {
        respond_refused(request, submit->notes);
        return;
    }
    message->jobs = buf_slice(submit->list);
    message->partial = submit->partial;
    message->whole = !notes->is_list;
    if (notes->key_len) {
        if (fingerprint_of(request, notes->fingerprint) < 0) {
            api_fail(request, WIRE_SERVER_ERROR, NULL, "the request can't be fingerprinted");
            return;
        }
        message->idempotency_key = (struct text){notes->key, notes->key_len};
        message->fingerprint = (struct slice){notes->fingerprint, FINGERPRINT_SIZE};
    }
    ask_errors(request);
    ask(request, submitted);
}

void jobs_submit(struct request *request)
{
    struct message *message = ask_message(request, MSG_SUBMIT);
    if (!message)
        return;
    struct submit submit = {
        .request = request, .list = ask_scratch(request), .notes = ask_notes(request)};
    int rc = read_request(&submit);
    buf_fini(&submit.parsed);
    if (rc == 0)
        send(&submit, &message->submit);
    else if (rc > 0)
        api_fault(request, &submit.fault);
    else
        api_fail_memory(request);
}
