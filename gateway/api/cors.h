/* CORS: what tells a browser which foreign pages may use the API.
 * Must never name an origin that --cors-origin does not list, nor allow credentials with `*`. */
#ifndef REEVE_GATEWAY_API_CORS_H
#define REEVE_GATEWAY_API_CORS_H

#include "gateway/auth/auth.h"

/* The headers of every answer to a listed origin. */
void cors_answer(const struct auth *auth, struct request *request);
/* Those of a preflight, beside them. */
void cors_preflight(const struct auth *auth, struct request *request, const char *allow);

#endif
