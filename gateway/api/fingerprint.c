/* What an idempotency key stands for. Must never depend on what a repeated request may change. */
#include "gateway/api/fingerprint.h"

#include <errno.h>
#include <gnutls/crypto.h>

static int add(gnutls_hash_hd_t hash, struct text text)
{
    int rc = text.len ? gnutls_hash(hash, text.at, text.len) : 0;
    return rc == 0 ? gnutls_hash(hash, "\n", 1) : rc;
}

int fingerprint_of(const struct request *request, uint8_t out[FINGERPRINT_SIZE])
{
    const struct target *target = &request->target;
    gnutls_hash_hd_t hash;
    if (gnutls_hash_init(&hash, GNUTLS_DIG_SHA256) != 0)
        return -EIO;
    int rc = add(hash, text_of(request->method_word));
    if (rc == 0)
        rc = add(hash, target->path);
    for (size_t i = 0; i < target->param_count && rc == 0; i++) {
        rc = add(hash, target->params[i].name);
        if (rc == 0)
            rc = add(hash, target->params[i].value);
    }
    if (rc == 0)
        rc = add(hash, buf_text(&request->body));
    gnutls_hash_deinit(hash, out);
    return rc == 0 ? 0 : -EIO;
}
