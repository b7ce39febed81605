/* What an idempotency key stands for: SHA-256 over method, target and raw body of a request.
 * Must never depend on anything a repeated request may change. */
#ifndef REEVE_GATEWAY_API_FINGERPRINT_H
#define REEVE_GATEWAY_API_FINGERPRINT_H

#include "gateway/http/request.h"

enum { FINGERPRINT_SIZE = 32 };

/* 0, -EIO where the library refuses. */
int fingerprint_of(const struct request *request, uint8_t out[FINGERPRINT_SIZE]);

#endif
