/* An order's way through the channel: strings and descriptors in one datagram.
 * Must never let a malformed one through, nor leak a descriptor of it. */
#include "worker/keeper_parts.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Room for the descriptors of one order. */
union rights {
    struct cmsghdr header;
    char room[CMSG_SPACE(KEEPER_FDS * sizeof(int))];
};

/* --- sending -----------------------------------------------------------------------------------
 */

struct datagram {
    struct keeper_head head;
    size_t len;
    char strings[KEEPER_ORDER_MAX];
};

static int add_strings(struct datagram *datagram, const char *const *strings, uint32_t *count_out)
{
    for (; *strings; strings++) {
        size_t size = strlen(*strings) + 1;
        if (size > sizeof datagram->strings - datagram->len || *count_out == KEEPER_STRINGS_MAX)
            return -EMSGSIZE;
        memcpy(datagram->strings + datagram->len, *strings, size);
        datagram->len += size;
        ++*count_out;
    }
    return 0;
}

static int send_datagram(int channel, struct datagram *datagram, const int fds[KEEPER_FDS])
{
    union rights rights;
    struct iovec parts[] = {{&datagram->head, sizeof datagram->head},
                            {datagram->strings, datagram->len}};
    struct msghdr message = {
        .msg_iov = parts, .msg_iovlen = 2, .msg_control = &rights, .msg_controllen = sizeof rights};
    memset(&rights, 0, sizeof rights);
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(KEEPER_FDS * sizeof(int));
    memcpy(CMSG_DATA(header), fds, KEEPER_FDS * sizeof(int));
    ssize_t sent;
    do {
        sent = sendmsg(channel, &message, MSG_NOSIGNAL);
    } while (sent < 0 && errno == EINTR);
    return sent < 0 ? (errno == ECONNRESET ? -EPIPE : -errno) : 0;
}

int keeper_send(int channel, const struct keeper_order *order, int control)
{
    const int fds[KEEPER_FDS] = {control, order->fds[0], order->fds[1], order->fds[2],
                                 order->fds[3]};
    struct datagram *datagram = calloc(1, sizeof *datagram);
    if (!datagram)
        return -ENOMEM;
    datagram->head.kind = KEEPER_ORDER;
    int rc = add_strings(datagram, order->words, &datagram->head.words);
    if (rc == 0)
        rc = add_strings(datagram, order->variables, &datagram->head.variables);
    if (rc == 0)
        rc = send_datagram(channel, datagram, fds);
    free(datagram);
    return rc;
}

/* --- receiving ---------------------------------------------------------------------------------
 */

static int take_fds(struct msghdr *message, int fds[KEEPER_FDS])
{
    struct cmsghdr *header = CMSG_FIRSTHDR(message);
    for (int i = 0; i < KEEPER_FDS; i++)
        fds[i] = -1;
    if (!header || header->cmsg_type != SCM_RIGHTS || header->cmsg_len < CMSG_LEN(0))
        return -EBADMSG;
    size_t size = header->cmsg_len - CMSG_LEN(0);
    memcpy(fds, CMSG_DATA(header), size); /* the room is for no more than fits */
    return size == KEEPER_FDS * sizeof(int) ? 0 : -EBADMSG;
}

static int take_strings(char **at, char *end, uint32_t count, char **strings)
{
    if (count == 0 || count > KEEPER_STRINGS_MAX)
        return -EBADMSG;
    for (uint32_t i = 0; i < count; i++) {
        char *zero = *at < end ? memchr(*at, 0, (size_t)(end - *at)) : NULL;
        if (!zero)
            return -EBADMSG;
        strings[i] = *at;
        *at = zero + 1;
    }
    strings[count] = NULL;
    return 0;
}

static int take_task(struct msghdr *message, char *at, char *end, const struct keeper_head *head,
                     struct keeper_task *task)
{
    int rc = take_fds(message, task->fds);
    if (rc == 0)
        rc = take_strings(&at, end, head->words, task->words);
    if (rc == 0)
        rc = take_strings(&at, end, head->variables, task->variables);
    for (int i = 0; rc < 0 && i < KEEPER_FDS; i++)
        if (task->fds[i] >= 0)
            close(task->fds[i]);
    return rc;
}

int keeper_receive(int channel, char *datagram, struct keeper_head *head_out,
                   struct keeper_task *task_out)
{
    union rights rights;
    struct iovec part = {datagram, KEEPER_DATAGRAM_MAX};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = &rights, .msg_controllen = sizeof rights};
    ssize_t got = recvmsg(channel, &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (got < (ssize_t)sizeof *head_out)
        return -EPIPE;
    memcpy(head_out, datagram, sizeof *head_out);
    if (head_out->kind == KEEPER_ALIVE)
        return 1;
    return take_task(&message, datagram + sizeof *head_out, datagram + got, head_out, task_out) ==
           0;
}
