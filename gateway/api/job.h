/* What several routes of jobs do alike: reading the id in the path, answering with a job.
 * Must never ask the broker. */
#ifndef REEVE_GATEWAY_API_JOB_H
#define REEVE_GATEWAY_API_JOB_H

#include "gateway/http/request.h"
#include "proto/codec.h"

/* The {id} of the path, in any form of a UUID. 0; 1: that is answered (400). */
int job_path_id(struct request *request, struct uuid *id_out);

/* Answers with the encoded job, its rev as ETag. `created`: 201 with its Location. */
void job_respond(struct request *request, unsigned status, struct slice job);

/* For answers that are job_is. */
void job_respond_is(struct request *request, const struct message *answer);

/* Answers with JSON that was made with `rc`, 0 or an error; `body` is taken over. */
void json_respond(struct request *request, unsigned status, int rc, struct buf *body);

/* Appends a list of maps of that shape as a JSON array. 0, -ENOMEM, -EINVAL. */
int json_items(struct slice list, const struct shape *shape, struct buf *out);

#endif
