/* msgpack ↔ JSON. jansson parses; writing goes straight into a buf.
 *
 * Parsing is strict: UTF-8, no duplicate keys, depth at most VALUE_DEPTH_MAX, whole numbers exact
 * from -2^63 to 2^64 - 1 and refused beyond, \u0000 refused. Writing: bin becomes base64 (an id
 * where the shape says uuid), NaN and infinity become null, a map's keys that are not strings
 * become their JSON text as a string (arrays and maps among the keys inside such a key: base64 of
 * their bytes), what is written is never longer than some dozen times what is read, and every text
 * is valid UTF-8 JSON that is safe inside HTML and SSE (control characters, < > & and the line ends
 * of JavaScript escaped). Pure but for memory. */
#ifndef REEVE_PROTO_JSON_H
#define REEVE_PROTO_JSON_H

#include "base/buf.h"
#include "base/slice.h"
#include "proto/codec.h"

/* Appends the msgpack of a JSON text. 0; 1 with *fault set (problem has line and column);
 * -ENOMEM. */
int json_to_msgpack(struct text json, struct buf *out, struct fault *fault);

/* Appends the JSON of one well-formed msgpack value. 0, -ENOMEM, -EINVAL for bad bytes. */
int json_from_msgpack(struct slice value, struct buf *out);

/* Appends the JSON of one encoded map of `shape` (names as keys, as on the wire), its fields worded
 * as their kinds want: uuid → its text, time → RFC 3339, lists and maps by their own shapes.
 * Fields unknown to the shape are written as they are. 0, -ENOMEM, -EINVAL. */
int json_from_shape(struct slice value, const struct shape *shape, struct buf *out);

/* As json_from_shape, from the C struct. */
int json_from_struct(const void *value, const struct shape *shape, struct buf *out);

/* Appends a map of `shape` from a JSON object, for a shape's fields and nothing else: an unknown
 * name is a fault that names it ("unknown field"), a value of the wrong kind or beyond the row's
 * max likewise, with its path ("error.type", "jobs[2].type"). Times are RFC 3339 texts (or whole
 * milliseconds), ids are texts, blobs base64, null is as absent (but for an `any`). 0; 1 with
 * *fault set; -ENOMEM. */
int json_to_shape(struct text json, const struct shape *shape, struct buf *out,
                  struct fault *fault);

/* Appends `text` as a JSON string with its quotes (json_string is jansson's). 0, -ENOMEM. */
int json_quote(struct buf *out, struct text text);

#endif
