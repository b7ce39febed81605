/* The queue between handlers and connection: a list under a mutex, an eventfd as its bell. */
#include "worker/inbox.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"

struct inbox {
    int fd;
    atomic_uint words;
    pthread_mutex_t lock;
    pthread_cond_t room;
    struct inbox_item *first, **last;
    size_t size; /* of the reports queued */
    bool closed;
};

int inbox_new(struct inbox **inbox_out)
{
    struct inbox *inbox = calloc(1, sizeof *inbox);
    *inbox_out = inbox;
    if (!inbox)
        return -ENOMEM;
    inbox->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (inbox->fd < 0) {
        int rc = -errno;
        free(inbox);
        *inbox_out = NULL;
        return rc;
    }
    inbox->last = &inbox->first;
    CHECK(pthread_mutex_init(&inbox->lock, NULL) == 0);
    CHECK(pthread_cond_init(&inbox->room, NULL) == 0);
    return 0;
}

void inbox_destroy(struct inbox **inbox)
{
    struct inbox *in = *inbox;
    *inbox = NULL;
    if (!in)
        return;
    for (struct inbox_item *item = in->first, *next; item; item = next) {
        next = item->next;
        if (item->kind != INBOX_FINISHED)
            free(item);
    }
    close(in->fd);
    pthread_mutex_destroy(&in->lock);
    pthread_cond_destroy(&in->room);
    free(in);
}

int inbox_fd(const struct inbox *inbox)
{
    return inbox->fd;
}

/* An eventfd is only full when it rings anyway. */
static void ring(const struct inbox *inbox)
{
    uint64_t one = 1;
    int kept = errno;
    ssize_t ignored = write(inbox->fd, &one, sizeof one);
    (void)ignored;
    errno = kept;
}

/* With the lock held. */
static void append(struct inbox *inbox, struct inbox_item *item)
{
    if (!inbox->first)
        ring(inbox);
    item->next = NULL;
    *inbox->last = item;
    inbox->last = &item->next;
    inbox->size += item->value.len;
}

int inbox_report(struct inbox *inbox, struct reeve_job *job, enum inbox_kind kind, uint64_t at,
                 struct slice value)
{
    struct inbox_item *item = malloc(sizeof *item + value.len);
    if (!item)
        return -ENOMEM;
    uint8_t *bytes = (uint8_t *)(item + 1);
    if (value.len)
        memcpy(bytes, value.at, value.len);
    *item = (struct inbox_item){.job = job, .kind = kind, .at = at, .value = {bytes, value.len}};
    pthread_mutex_lock(&inbox->lock);
    while (inbox->size > INBOX_SIZE_MAX && !inbox->closed)
        pthread_cond_wait(&inbox->room, &inbox->lock);
    bool closed = inbox->closed;
    if (!closed)
        append(inbox, item);
    pthread_mutex_unlock(&inbox->lock);
    if (closed)
        free(item);
    return closed ? -ECANCELED : 0;
}

void inbox_finished(struct inbox *inbox, struct inbox_item *item)
{
    pthread_mutex_lock(&inbox->lock);
    append(inbox, item);
    pthread_mutex_unlock(&inbox->lock);
}

struct inbox_item *inbox_take(struct inbox *inbox)
{
    uint64_t rings;
    ssize_t ignored = read(inbox->fd, &rings, sizeof rings);
    (void)ignored;
    pthread_mutex_lock(&inbox->lock);
    struct inbox_item *first = inbox->first;
    inbox->first = NULL;
    inbox->last = &inbox->first;
    inbox->size = 0;
    pthread_cond_broadcast(&inbox->room);
    pthread_mutex_unlock(&inbox->lock);
    return first;
}

void inbox_close(struct inbox *inbox)
{
    pthread_mutex_lock(&inbox->lock);
    inbox->closed = true;
    pthread_cond_broadcast(&inbox->room);
    pthread_mutex_unlock(&inbox->lock);
}

void inbox_say(struct inbox *inbox, enum inbox_word word)
{
    atomic_fetch_or(&inbox->words, (unsigned)word);
    ring(inbox);
}

unsigned inbox_words(struct inbox *inbox)
{
    return atomic_exchange(&inbox->words, 0);
}
