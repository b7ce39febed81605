/* A job as a client words it in JSON, made into the wire's spec by the table spec.def.
 * Must never accept what it does not know: an unknown field is named. Pure. */
#ifndef REEVE_GATEWAY_API_SPEC_H
#define REEVE_GATEWAY_API_SPEC_H

#include "proto/codec.h"

/* What a submit says beside the spec. */
struct spec_extras {
    struct text idempotency_key;
};

/* Reads one job from the msgpack that its JSON became. Texts and values point into `in`. 0; 1 with
 * *fault set: the field and what was expected. Absent params become {}. */
int spec_read(struct slice in, struct wire_spec *spec_out, struct spec_extras *extras_out,
              struct fault *fault);

/* Words the broker's name of a field as the client knows it: "jobs[2].delay_ms" becomes
 * "[2].delay", or "delay" for a submit that is no list. */
void spec_reword(struct fault *fault, bool is_list);

#endif
