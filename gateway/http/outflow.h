/* A response body that comes in pieces over time, written from any thread, read by one client.
 *
 * The writer's side appends; the reader's side is libmicrohttpd's content reader, which sleeps
 * (suspended) while there is nothing to send. Memory is bounded: a reader that is too far behind,
 * or has taken nothing for too long, is dropped. While nothing else is written a beat keeps the
 * connection known to be alive. Counted references: the writer's, the reader's (the request or the
 * response), the ticking thread's.
 * Must never block a writer, nor return 0 from the content reader without having suspended. */
#ifndef REEVE_GATEWAY_HTTP_OUTFLOW_H
#define REEVE_GATEWAY_HTTP_OUTFLOW_H

#include <stddef.h>
#include <stdint.h>

#include "base/slice.h"

struct outflow;
struct MHD_Connection;
struct MHD_Response;

/* `gone` runs once for every outflow that was given to a request, on a server thread, when the
 * client is no longer there to read: it left, was dropped, or got everything after outflow_end.
 * Strings are borrowed for ever. */
struct outflow_config {
    const char *content_type;
    struct text beat; /* written after beat_ms of silence */
    uint32_t beat_ms;
    uint32_t stall_ms; /* a reader that takes nothing for so long is dropped */
    size_t size_max;   /* bytes unread beside the largest piece: beyond, the reader is dropped */
    void (*gone)(void *arg);
    void *arg;
};

/* 0, -ENOMEM. The reference is the caller's. */
int outflow_new(const struct outflow_config *config, struct outflow **outflow_out);

/* Appends, all or nothing. 0; -EPIPE: nobody reads any more; -ENOBUFS: the reader was too slow and
 * has been dropped; -ENOMEM: likewise. */
int outflow_write(struct outflow *outflow, struct text piece);

/* Nothing more comes: the client gets what is unread, then the end. */
void outflow_end(struct outflow *outflow);

/* Gives up a reference; NULL is fine, *outflow is NULL afterwards. */
void outflow_release(struct outflow **outflow);

void outflow_hold(struct outflow *outflow);

/* For the server only. The reader's side, which takes over one reference, given up by outflow_leave
 * (runs `gone`, releases). outflow_response makes libmicrohttpd's response from it, which then
 * leaves by itself; NULL: out of memory, nothing is taken. */
struct MHD_Response *outflow_response(struct outflow *outflow, struct MHD_Connection *mhd, int fd);
void outflow_leave(struct outflow *outflow);
const char *outflow_content_type(const struct outflow *outflow);
/* Beats, and drops a reader that stalls. */
void outflow_tick(struct outflow *outflow, uint64_t now_ms);

#endif
