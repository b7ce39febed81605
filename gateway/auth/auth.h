/* Who is asking, and may they? One decision per request, made from its head.
 *
 * Mode `none`: everybody who reaches the gateway is `anonymous` and sees everything. Therefore it
 * is for loopback, where two doors are shut: a Host that is no name of this machine (DNS
 * rebinding), and an Origin of a foreign web page on anything but a plain read. Must never touch
 * the answer: it gives a verdict. Thread-safe. */
#ifndef REEVE_GATEWAY_AUTH_AUTH_H
#define REEVE_GATEWAY_AUTH_AUTH_H

#include "base/settings.h"
#include "gateway/auth/origin.h"
#include "gateway/http/request.h"
#include "proto/codec.h"

/* A new mode: its word, and its function in auth.c's table. */
#define AUTH_MODES(M) M(none)

enum auth_mode {
#define MODE(name) AUTH_##name,
    AUTH_MODES(MODE)
#undef MODE
};

struct auth {
    enum auth_mode mode;
    bool loopback;                       /* only this machine reaches the gateway */
    const struct settings_list *origins; /* --cors-origin; borrowed */
};

/* 0; 1: this build has no such mode. */
int auth_mode_parse(const char *word, enum auth_mode *mode_out);

/* 0: request->caller says who it is. 1: *fault says why not (UNAUTHORIZED, FORBIDDEN). */
int auth_admit(const struct auth *auth, struct request *request, struct fault *fault);

/* May pages of this Origin read the answers? */
bool auth_lists_origin(const struct auth *auth, struct text origin);

#endif
