/* A worker's private folder for the files that describe jobs to handlers: 0700, files 0600.
 *
 * It is locked while its worker lives, so that the next worker finds what a crashed one left and
 * removes it; nothing else is ever removed. */
#ifndef REEVE_WORKER_SCRATCH_H
#define REEVE_WORKER_SCRATCH_H

#include "base/slice.h"

struct scratch;

/* Makes a new folder in `parent` (NULL: /tmp), having removed those of dead workers of this user.
 * 0, -errno. */
int scratch_new(const char *parent, struct scratch **scratch_out);

/* Its path; borrowed. */
const char *scratch_path(const struct scratch *scratch);

/* Writes a new file `name` and gives its path, the caller's to free. From any thread. 0, -errno. */
int scratch_write(const struct scratch *scratch, const char *name, struct slice data,
                  char **path_out);

/* Removes a folder of this kind with the files in it, as far as that is possible. */
void scratch_remove(const char *path);

/* Removes the folder. NULL is fine. */
void scratch_destroy(struct scratch **scratch);

#endif
