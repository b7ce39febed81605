/* Telling the outside that the program is ready or stopping.
 * Must never fail or block the program.
 */
#include "base/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"

/* False when the path fits no socket address. A leading '@' means the abstract name space. */
static int address_of(const char *path, struct sockaddr_un *out, socklen_t *len_out)
{
    size_t len = strlen(path);
    if (len < 2 || len >= sizeof out->sun_path || (path[0] != '/' && path[0] != '@'))
        return 0;
    *out = (struct sockaddr_un){.sun_family = AF_UNIX};
    memcpy(out->sun_path, path, len);
    if (path[0] == '@')
        out->sun_path[0] = '\0';
    *len_out = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len + (path[0] == '/'));
    return 1;
}

static void tell_manager(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address;
    socklen_t len;
    if (!path || !address_of(path, &address, &len))
        return;
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return;
    ssize_t ignored =
        sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address, len);
    (void)ignored;
    close(fd);
}

void notify_ready(const char *text)
{
    struct buf line = {0};
    if (buf_printf(&line, "ready %s\n", text) == 0) {
        ssize_t ignored = write(STDERR_FILENO, line.at, line.len);
        (void)ignored;
    }
    buf_fini(&line);
    tell_manager("READY=1");
}

void notify_stopping(void)
{
    tell_manager("STOPPING=1");
}
