/* CURVE keys: a public key as text, and a key pair in a file.
 *
 * Keys are in Z85, ZeroMQ's own base 85: 40 characters for 32 bytes. The file is ZPL, as czmq's
 * zcert and pyzmq write their secret certificates, so that theirs can be read and ours by them:
 *
 *     curve
 *         public-key = "…40 characters…"
 *         secret-key = "…40 characters…"
 *
 * Comments (#), other sections and other names are skipped. Must never let a secret into a log, a
 * problem's sentence or memory that is given back. */
#ifndef REEVE_BASE_CURVE_KEY_H
#define REEVE_BASE_CURVE_KEY_H

#include "base/slice.h"

enum { CURVE_KEY_LEN = 40, CURVE_KEY_SIZE = CURVE_KEY_LEN + 1, CURVE_FILE_SIZE_MAX = 4096 };

/* Both end with a zero. Wipe it as soon as it is no longer needed. */
struct curve_pair {
    char public_key[CURVE_KEY_SIZE];
    char secret_key[CURVE_KEY_SIZE];
};

/* Is this 32 bytes in Z85? Pure. */
bool curve_key_is_fit(struct text key);

/* Reads the words of a key file. 0, or -EINVAL and a sentence in `problem` (which names no key).
 * Pure. */
int curve_pair_parse(struct text file, struct curve_pair *pair_out, char *problem, size_t size);

/* Reads a key file, which must be a regular file that only its owner may read. 0, or -errno
 * (-EINVAL: its content, -EPERM: its mode, -EFBIG) and a sentence that names the file. */
int curve_pair_read(const char *path, struct curve_pair *pair_out, char *problem, size_t size);

/* Writes a new key file, 0600 and synced. 0, -EEXIST where there is one already (which stays as it
 * is), -errno. */
int curve_pair_write(const char *path, const struct curve_pair *pair);

/* Overwrites both keys. */
void curve_pair_wipe(struct curve_pair *pair);

#endif
