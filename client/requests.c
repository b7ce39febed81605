/* The open requests of a session: a list in sending order, slots by number, a heap by deadline.
 * Must never send, wait or read a clock.
 */
#include "client/requests.h"

#include <errno.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/tooth.h"

/* As many slots as the next power of two, so that a free number is always near. */
int client_requests_init(struct client_requests *requests, uint32_t count_max, size_t bytes_max)
{
    uint64_t slots = 1;
    CHECK(count_max > 0);
    while (slots < count_max)
        slots *= 2;
    *requests = (struct client_requests){.count_max = count_max, .bytes_max = bytes_max};
    heap_init(&requests->deadlines);
    requests->slots = calloc(slots, sizeof *requests->slots);
    requests->mask = slots - 1;
    return requests->slots ? 0 : -ENOMEM;
}

static void request_free(struct client_request *request)
{
    buf_fini(&request->frame);
    free(request);
}

void client_requests_fini(struct client_requests *requests)
{
    heap_fini(&requests->deadlines);
    while (requests->head) {
        struct client_request *request = requests->head;
        requests->head = request->next;
        request_free(request);
    }
    free(requests->slots);
    *requests = (struct client_requests){0};
}

static struct client_request **slot_of(const struct client_requests *requests, uint64_t number)
{
    return &requests->slots[number & requests->mask];
}

uint64_t client_requests_number(struct client_requests *requests)
{
    return ++requests->last_number; /* 64 bits do not come round */
}

/* The next number whose slot is free as well: there is one, as fewer are open than slots. */
static uint64_t free_number(struct client_requests *requests)
{
    CHECK(requests->count < requests->count_max);
    uint64_t number;
    do
        number = client_requests_number(requests);
    while (*slot_of(requests, number));
    return number;
}

static void append(struct client_requests *requests, struct client_request *request)
{
    request->prev = requests->tail;
    request->next = NULL;
    if (requests->tail)
        requests->tail->next = request;
    else
        requests->head = request;
    requests->tail = request;
    if (!requests->unsent)
        requests->unsent = request;
}

static void unlink_request(struct client_requests *requests, struct client_request *request)
{
    if (requests->unsent == request)
        requests->unsent = request->next;
    if (request->prev)
        request->prev->next = request->next;
    else
        requests->head = request->next;
    if (request->next)
        request->next->prev = request->prev;
    else
        requests->tail = request->prev;
}

/* Encodes the frame and checks it against the bounds. */
static int encode(const struct client_requests *requests, const struct message *message,
                  size_t size_max, struct client_request *request)
{
    struct message numbered = *message;
    numbered.envelope.request = request->number;
    int rc = message_encode(&request->frame, &numbered);
    if (rc < 0)
        return rc;
    if (request->frame.len > size_max)
        return -EMSGSIZE;
    return request->frame.len > requests->bytes_max - requests->bytes ? -EAGAIN : 0;
}

int client_requests_add(struct client_requests *requests, const struct message *message,
                        uint64_t deadline_ms, size_t size_max, void *tag)
{
    if (requests->count >= requests->count_max)
        return -EAGAIN;
    struct client_request *request = calloc(1, sizeof *request);
    if (!request)
        return -ENOMEM;
    request->number = free_number(requests);
    request->deadline.key = deadline_ms;
    request->tag = tag;
    int rc = encode(requests, message, size_max, request);
    if (rc == 0)
        rc = heap_push(&requests->deadlines, &request->deadline);
    if (rc < 0) {
        request_free(request);
        return rc;
    }
    *slot_of(requests, request->number) = request;
    append(requests, request);
    requests->count++;
    requests->bytes += request->frame.len;
    return 0;
}

struct client_request *client_requests_find(const struct client_requests *requests, uint64_t number)
{
    struct client_request *request = *slot_of(requests, number);
    return request && (TOOTH(any_answer_will_do) || request->number == number) ? request : NULL;
}

struct client_request *client_requests_first_due(const struct client_requests *requests)
{
    struct heap_node *top = heap_peek(&requests->deadlines);
    return top ? HEAP_ENTRY(top, struct client_request, deadline) : NULL;
}

void client_requests_remove(struct client_requests *requests, struct client_request *request)
{
    unlink_request(requests, request);
    heap_remove(&requests->deadlines, &request->deadline);
    *slot_of(requests, request->number) = NULL;
    requests->count--;
    requests->bytes -= request->frame.len;
    request_free(request);
}

void client_requests_sent(struct client_requests *requests, uint64_t now_ms)
{
    struct client_request *request = requests->unsent;
    CHECK(request);
    request->sent_ms = now_ms;
    request->sends += !TOOTH(sends_not_counted);
    requests->unsent = request->next;
}

void client_requests_rewind(struct client_requests *requests)
{
    requests->unsent = requests->head;
}

void client_requests_again(struct client_requests *requests, struct client_request *request)
{
    unlink_request(requests, request);
    append(requests, request);
}
