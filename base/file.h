/* Whole files: read with a limit, replaced so that a crash leaves the old or the new one.
 * Must never be used on the store's hot path: these calls block on the disk.
 */
#ifndef REEVE_BASE_FILE_H
#define REEVE_BASE_FILE_H

#include <sys/types.h>

#include "base/buf.h"

/* Replaces the content of `out` with that of the file ("-" is no special name). 0, -EFBIG when it
 * holds more than `max` bytes, or -errno; `out` is empty on error. The caller owns `out`. */
int file_read_all(const char *path, size_t max, struct buf *out);

/* Writes `data` to PATH.tmp-RANDOM, syncs it, renames it over `path` and syncs the folder. `mode`
 * is the new file's exactly (0600 for keys). 0 or -errno; then
 * `path` is as before, or, where only the folder's sync failed, already new. */
int file_write_atomic(const char *path, struct slice data, mode_t mode);

/* Writes `data` to a file that must not exist yet, and syncs it and its folder. 0, -EEXIST, or
 * another -errno; then there is no such file, or, where only the folder's sync failed, it is
 * whole. */
int file_write_new(const char *path, struct slice data, mode_t mode);

#endif
