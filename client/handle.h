/* The blocking layer under the public API: one handle, its last error, calls that wait.
 * Internal: libreeve's own files and the command line. Must never be included by a program.
 *
 * Results here and in the files above are reeve_codes; each non-zero one was told to handle_fail,
 * so that reeve_error has its words. */
#ifndef REEVE_CLIENT_HANDLE_H
#define REEVE_CLIENT_HANDLE_H

#include "client/conn.h"
#include "client/reeve.h"

enum { HANDLE_TIMEOUT_MS = 10000, HANDLE_WINDOW = 8, HANDLE_WINDOW_MAX = 64, HANDLE_BATCH = 100 };

struct reeve {
    struct conn *conn;
    char broker[ENDPOINT_LEN_MAX + 1];
    uint32_t timeout_ms, window, batch;
    struct uuid_source ids;
    bool inside; /* a callback of the program's runs */
    bool resent; /* the last call went out more than once */
    struct reeve_error error;
    char name[NAME_LEN_MAX + 1];
    char message[MESSAGE_LEN_MAX + 1];
    char field[NAME_LEN_MAX + 1];
    char job[UUID_TEXT_LEN + 1];
};

/* Keeps what was wrong; returns `code`. `field` may be "". */
int handle_fail(struct reeve *reeve, int code, const char *field, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));
/* The same from an error of the broker's, and for a call that ended with a conn status. */
int handle_fail_wire(struct reeve *reeve, const struct wire_fault *error);
int handle_fail_status(struct reeve *reeve, int status);
int handle_fail_memory(struct reeve *reeve);

/* The reeve_code of a wire error's code. */
int handle_code_of(struct text code);
/* The fields of a message `error` as the fault they are. */
struct wire_fault handle_fault_of(const struct msg_error *error);

/* The next of this handle's own ids. */
struct uuid handle_new_id(struct reeve *reeve);
/* Reads an id; REEVE_INVALID_REQUEST where it is none. */
int handle_read_id(struct reeve *reeve, const char *text, struct uuid *id_out);

/* REEVE_BUSY inside a callback of the program's. */
int handle_enter(struct reeve *reeve);

/* Waits until something came in or `until_ms` (clock_mono_ms) and works it off. REEVE_SYSTEM. */
int handle_turn(struct reeve *reeve, uint64_t until_ms);

/* Uses an answer of the expected kind, whose bytes live during the call; returns a code. */
typedef int handle_use(void *arg, struct reeve *reeve, const struct message *answer);

/* Asks and waits for the answer. An error of the broker's becomes its code; an answer of another
 * kind REEVE_SERVER_ERROR. `use` may be NULL. */
int handle_call(struct reeve *reeve, const struct message *request, enum message_id expected,
                handle_use *use, void *arg);

#endif
