/* Lines and the frames on them. Must never look into a frame. */
#include "tests/sim/net.h"

#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#include "base/check.h"
#include "tests/sim/broker.h"
#include "tests/sim/trace.h"

enum { LINES_MAX = 64, LATENCY_MS = 20 };
enum direction { TO_BROKER, TO_PEER };

struct packet {
    struct occurrence arrival;
    struct packet *prev, *next;
    struct world *world;
    struct line *line;
    uint32_t route;
    enum core_socket socket;
    enum direction direction;
    size_t len;
    uint8_t bytes[];
};

struct net {
    struct stream stream;
    struct line *lines[LINES_MAX];
    size_t line_count;
    uint32_t last_route;
    struct packet *packets;
    uint64_t lose, repeat, delay; /* percent of frames, where there are such faults */
};

struct net *net_new(struct world *world)
{
    struct net *net = calloc(1, sizeof *net);
    CHECK(net);
    net->stream = stream_of(world->seed, 'n');
    net->lose = 1 + draw(&net->stream, 8);
    net->repeat = 1 + draw(&net->stream, 10);
    net->delay = 1 + draw(&net->stream, 4);
    return net;
}

static void packet_free(struct net *net, struct packet *packet)
{
    world_never(packet->world, &packet->arrival);
    DL_DELETE(net->packets, packet);
    free(packet);
}

void net_destroy(struct net **net)
{
    while ((*net)->packets)
        packet_free(*net, (*net)->packets);
    free(*net);
    *net = NULL;
}

/* --- lines ------------------------------------------------------------------------------------ */

struct line *net_line(const struct world *world, uint32_t route)
{
    const struct net *net = world->net;
    for (size_t i = 0; i < net->line_count; i++)
        if (net->lines[i]->route == route)
            return net->lines[i];
    return NULL;
}

static void trouble(struct line *line)
{
    if (line->trouble_at < line->world->now)
        line->trouble_at = line->world->now;
}

void net_open(struct line *line)
{
    struct net *net = line->world->net;
    if (line->route == 0) {
        CHECK(net->line_count < LINES_MAX);
        net->lines[net->line_count++] = line;
    }
    line->route = ++net->last_route;
    trouble(line);
}

void net_close(struct line *line)
{
    struct net *net = line->world->net;
    struct packet *packet, *next;
    for (size_t i = 0; i < net->line_count; i++)
        if (net->lines[i] == line)
            net->lines[i] = net->lines[--net->line_count];
    DL_FOREACH_SAFE(net->packets, packet, next)
    {
        if (packet->line == line && packet->direction == TO_PEER)
            packet_free(net, packet);
        else if (packet->line == line)
            packet->line = NULL;
    }
    line->route = 0;
}

void net_break(struct line *line)
{
    struct net *net = line->world->net;
    struct packet *packet, *next;
    if (line->route == 0)
        return;
    DL_FOREACH_SAFE(net->packets, packet, next)
    {
        bool gone = packet->direction == TO_PEER || chance(&net->stream, 50);
        if (packet->line == line && gone)
            packet_free(net, packet);
    }
    line->route = ++net->last_route;
    trouble(line);
}

void net_break_all(struct world *world)
{
    for (size_t i = 0; i < world->net->line_count; i++)
        net_break(world->net->lines[i]);
}

/* --- frames ----------------------------------------------------------------------------------- */

static void to_broker(struct packet *packet)
{
    struct world *world = packet->world;
    struct slice frame = {packet->bytes, packet->len};
    if (packet->line)
        packet->route = packet->line->route; /* what waited for a connection goes by the new one */
    sim_broker_receive(world, packet->socket, packet->route, frame);
    packet_free(world->net, packet);
}

static void arrive(void *arg)
{
    struct packet *packet = arg;
    struct world *world = packet->world;
    struct line *line = packet->line;
    if (packet->direction == TO_BROKER && !sim_broker_is_up(world)) {
        if (line)
            trouble(line);
        if (line && chance(&world->net->stream, 50))
            world_at(world, &packet->arrival, sim_broker_up_at(world) + 1);
        else
            packet_free(world->net, packet);
    } else if (packet->direction == TO_BROKER) {
        to_broker(packet);
    } else {
        struct slice frame = {packet->bytes, packet->len};
        trace_frame(world, line->name, "<", frame);
        DL_DELETE(world->net->packets, packet);
        line->receive(line->owner, frame);
        free(packet);
    }
}

/* When it arrives: in order, unless it overtakes or is late. */
static uint64_t arrival_of(struct line *line, enum direction direction)
{
    struct world *world = line->world;
    struct net *net = world->net;
    uint64_t at = world->now + 1 + draw(&net->stream, LATENCY_MS);
    if (has_fault(world, FAULT_delay) && chance(&net->stream, net->delay)) {
        at += draw(&net->stream, world->lost_after_ms * 2);
        trouble(line);
    }
    if (has_fault(world, FAULT_reorder) && chance(&net->stream, 10)) {
        trouble(line);
        return at + draw(&net->stream, 500);
    }
    if (at < line->arrives_last[direction])
        at = line->arrives_last[direction];
    line->arrives_last[direction] = at;
    if (at > world->now + 1000)
        line->trouble_at = at; /* it waits behind something late */
    return at;
}

static void send_copy(struct line *line, enum direction direction, struct slice frame)
{
    struct net *net = line->world->net;
    struct packet *packet = calloc(1, sizeof *packet + frame.len);
    CHECK(packet);
    *packet = (struct packet){.arrival = {.happen = arrive, .arg = packet},
                              .world = line->world,
                              .line = line,
                              .route = line->route,
                              .socket = line->socket,
                              .direction = direction,
                              .len = frame.len};
    memcpy(packet->bytes, frame.at, frame.len);
    DL_APPEND(net->packets, packet);
    world_at(line->world, &packet->arrival, arrival_of(line, direction));
}

static void send(struct line *line, enum direction direction, struct slice frame)
{
    struct world *world = line->world;
    struct net *net = world->net;
    bool cut = world->now < line->cut_until && !world->healing;
    if (cut || (has_fault(world, FAULT_lose) && chance(&net->stream, net->lose))) {
        trouble(line);
        trace_note(world, "%s: a frame is lost", line->name);
        return;
    }
    send_copy(line, direction, frame);
    if (has_fault(world, FAULT_repeat) && chance(&net->stream, net->repeat))
        send_copy(line, direction, frame);
}

void net_say(struct line *line, struct slice frame)
{
    trace_frame(line->world, line->name, ">", frame);
    if (line->route)
        send(line, TO_BROKER, frame);
}

bool net_tell(struct world *world, enum core_socket socket, uint32_t route, struct slice frame)
{
    struct line *line = net_line(world, route);
    if (!line || line->socket != socket)
        return false;
    send(line, TO_PEER, frame);
    return true;
}
