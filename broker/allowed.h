/* The list of keys that get in (--curve-peers): what each may be, from memory.
 *
 * One line for each key, words with blanks between them:
 *
 *     PUBLICKEY ROLE OWNER [NAME]
 *     # a comment
 *
 * ROLE is producer, worker, gateway, admin or observer. OWNER is whose jobs a producer or an
 * observer has; `-` for the others. NAME is the rest of the line, for people. (A key that begins
 * with `#` would be a comment: `reeve keygen` makes none.) Immutable once read; must never open
 * anything but the file it is given. */
#ifndef REEVE_BROKER_ALLOWED_H
#define REEVE_BROKER_ALLOWED_H

#include "broker/core/auth.h"

enum { ALLOWED_KEYS_MAX = 10000, ALLOWED_FILE_SIZE_MAX = 4 * 1024 * 1024 };

struct allowed;

/* Reads the text of a list. 0; -EINVAL and a sentence that names the line; -ENOMEM. Pure. */
int allowed_parse(struct text file, struct allowed **allowed_out, char *problem, size_t size);

/* Reads a file, which nobody but its owner may be able to change. 0, -errno; the sentence names
 * the file. */
int allowed_read(const char *path, struct allowed **allowed_out, char *problem, size_t size);

void allowed_destroy(struct allowed **allowed); /* NULL is fine */

size_t allowed_count(const struct allowed *allowed);

/* What a key may be; NULL: it is not in the list. Lives as long as the list. */
const struct core_auth *allowed_find(const struct allowed *allowed, struct text key);

/* The keys of `was` that `now` does not have, or has with another role or owner, in order of their
 * bytes; they point into `was`. The caller frees *keys_out. 0, -ENOMEM. */
int allowed_revoked(const struct allowed *was, const struct allowed *now, struct text **keys_out,
                    size_t *count_out);

#endif
