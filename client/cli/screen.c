/* News as lines, as JSON, or as bars with the other lines above them.
 * Must never write outside standard output, nor what a job says without making it harmless.
 */
#include "client/cli/screen.h"

#include <stdio.h>

#include "base/rfc3339.h"
#include "client/cli/print.h"
#include "proto/json.h"

enum { BAR_WIDTH = 24, BARS_MAX = 20, LINE_SIZE = 1024 };

void screen_init(struct screen *screen, enum screen_kind kind, const struct view *views,
                 size_t count)
{
    *screen = (struct screen){.kind = kind, .views = views, .count = count};
    screen->utf8 = print_utf8();
    screen->colours = print_colours();
}

/* --- JSON ------------------------------------------------------------------------------------- */

static void print_line(const struct buf *line)
{
    printf("%.*s\n", (int)line->len, (const char *)line->at);
    fflush(stdout);
}

static int json_news(const struct view *view, const struct watch_news *news, struct buf *out)
{
    char id[UUID_TEXT_LEN + 1];
    uuid_format(&view->id, id);
    int rc = 0;
    switch (news->kind) {
    case WATCH_EVENT:
        return json_from_shape(news->encoded, &shape_event, out);
    case WATCH_SNAPSHOT:
        rc = buf_printf(
            out, "{\"type\":\"snapshot\",\"rev\":%llu,\"job\":", (unsigned long long)news->rev);
        if (rc == 0)
            rc = json_from_shape(news->job_is->job, &shape_job, out);
        return rc == 0 ? buf_append(out, "}", 1) : rc;
    case WATCH_RESET:
        return buf_printf(out, "{\"type\":\"reset\",\"job\":\"%s\"}", id);
    case WATCH_GONE:
        return buf_printf(out, "{\"type\":\"missing\",\"job\":\"%s\"}", id);
    case WATCH_ENDED:
        break;
    }
    return 0;
}

static void show_json(const struct view *view, const struct watch_news *news)
{
    struct buf out = {0};
    if (json_news(view, news, &out) == 0 && out.len > 0)
        print_line(&out);
    buf_fini(&out);
}

/* --- lines ------------------------------------------------------------------------------------ */

/* The words for news; none for an end, which its last event has told. */
static int describe(const struct view *view, const struct watch_news *news, struct buf *out)
{
    switch (news->kind) {
    case WATCH_EVENT:
        return view_describe(news->event, out);
    case WATCH_SNAPSHOT:
        return buf_printf(out, "is %s (%s)", job_state_word(news->status), view->label);
    case WATCH_RESET:
        return buf_append_text(out, TEXT("some events are no longer kept"));
    case WATCH_GONE:
        return buf_printf(out, "is missing: %s", view->error);
    case WATCH_ENDED:
        break;
    }
    return 0;
}

static void show_line(const struct view *view, const struct watch_news *news)
{
    char id[UUID_TEXT_LEN + 1];
    char at[RFC3339_LEN + 1] = "";
    struct buf words = {0}, line = {0};
    uuid_format(&view->id, id);
    if (news->event && news->event->at)
        rfc3339_format(news->event->at, at);
    if (describe(view, news, &words) == 0 && words.len > 0 &&
        buf_printf(&line, "%s%s%s %.*s", at, at[0] ? " " : "", id, (int)words.len,
                   (const char *)words.at) == 0)
        print_line(&line);
    buf_fini(&words);
    buf_fini(&line);
}

/* --- bars ------------------------------------------------------------------------------------- */

static const char *colour_of(const struct screen *screen, enum job_state status)
{
    if (!screen->colours)
        return "";
    return status == JOB_COMPLETED                           ? "\033[32m"
           : status == JOB_FAILED || status == JOB_CANCELLED ? "\033[31m"
           : status == JOB_RUNNING                           ? "\033[36m"
                                                             : "\033[33m";
}

static void bar_of(const struct screen *screen, const struct view *view, char out[4 * BAR_WIDTH])
{
    double fraction = view->fraction.set ? view->fraction.value : 0;
    int full = view_percent(fraction) * BAR_WIDTH / 100;
    size_t len = 0;
    out[0] = '\0';
    for (int i = 0; i < BAR_WIDTH; i++) {
        const char *cell = screen->utf8 ? (i < full ? "█" : "░") : (i < full ? "#" : "-");
        len += (size_t)snprintf(out + len, 4 * BAR_WIDTH - len, "%s", cell);
    }
}

/* Several jobs of one name are told apart by the end of their ids. */
static void label_of(const struct screen *screen, const struct view *view, char out[96])
{
    char id[UUID_HEX_LEN + 1];
    uuid_format_hex(&view->id, id);
    snprintf(out, 96, "%s%s%s", view->label, screen->count > 1 ? " #" : "",
             screen->count > 1 ? id + UUID_HEX_LEN - 6 : "");
}

/* What stands right of the bar. */
static void rest_of(const struct view *view, char out[LINE_SIZE])
{
    char span[PRINT_SPAN_SIZE] = "";
    bool over = job_state_is_terminal(view->status);
    if (over && view->started_at && view->completed_at >= view->started_at)
        print_span(view->completed_at - view->started_at, span);
    if (view->missing || (over && view->error[0] && view->status != JOB_COMPLETED))
        snprintf(out, LINE_SIZE, "%s %s", span, view->error);
    else if (over)
        snprintf(out, LINE_SIZE, "%s", span);
    else
        snprintf(out, LINE_SIZE, "%s%s%s", view->stage,
                 view->stage[0] && view->message[0] ? ": " : "", view->message);
}

static void draw_bar(const struct screen *screen, const struct view *view)
{
    char bar[4 * BAR_WIDTH], label[96], rest[LINE_SIZE], line[LINE_SIZE + 512];
    bar_of(screen, view, bar);
    label_of(screen, view, label);
    rest_of(view, rest);
    int percent = view->fraction.set ? view_percent(view->fraction.value) : 0;
    const char *status = view->missing ? "missing" : job_state_word(view->status);
    snprintf(line, sizeof line, "%-16s %s %3d%% %-9s  %s", label, bar, percent, status, rest);
    struct text shown = print_fitting(text_of(line), print_width() - 1);
    printf("%s%.*s%s\n", colour_of(screen, view->status), (int)shown.len, shown.at,
           screen->colours ? "\033[0m" : "");
}

/* Takes the bars away, so that something can stand above where they come again. */
static void erase(struct screen *screen)
{
    if (screen->drawn > 0)
        printf("\r\033[%zuA\033[J", screen->drawn);
    screen->drawn = 0;
}

/* Those that still run; the others have got their last line already. */
static void draw(struct screen *screen)
{
    for (size_t i = 0; i < screen->count && screen->drawn < BARS_MAX; i++) {
        const struct view *view = &screen->views[i];
        if (view->ended || view->missing || view->status == JOB_NONE)
            continue;
        draw_bar(screen, view);
        screen->drawn++;
    }
    fflush(stdout);
}

/* What is worth a line of its own above the bars. */
static bool stays(const struct wire_event *event)
{
    static const char *const types[] = {"log", "retry", "lost", "failed", "cancelled"};
    struct wire_stage stage;
    struct fault fault;
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        if (text_is(event->type, types[i]))
            return true;
    }
    return event->stage.len > 0 &&
           shape_decode(event->stage, &shape_stage, KEYS_NAMES, &stage, &fault) == 0 &&
           !text_is(stage.status, "running") && !text_is(stage.status, "pending");
}

static void print_above(const struct screen *screen, const struct view *view,
                        const struct wire_event *event)
{
    char at[RFC3339_LEN + 1] = "", label[96];
    struct buf words = {0};
    rfc3339_format(event->at, at);
    label_of(screen, view, label);
    if (view_describe(event, &words) == 0)
        printf("%.8s %s%s%.*s\n", at + 11, screen->count > 1 ? label : "",
               screen->count > 1 ? " " : "", (int)words.len, (const char *)words.at);
    buf_fini(&words);
}

static void show_bars(struct screen *screen, const struct view *view, const struct watch_news *news)
{
    erase(screen);
    if (news->event && stays(news->event))
        print_above(screen, view, news->event);
    if (view->ended || view->missing)
        draw_bar(screen, view);
    draw(screen);
}

/* --- all -------------------------------------------------------------------------------------- */

void screen_news(struct screen *screen, size_t index, const struct watch_news *news)
{
    const struct view *view = &screen->views[index];
    switch (screen->kind) {
    case SCREEN_NOTHING:
        return;
    case SCREEN_LINES:
        show_line(view, news);
        return;
    case SCREEN_JSON:
        show_json(view, news);
        return;
    case SCREEN_BARS:
        show_bars(screen, view, news);
        return;
    }
}

void screen_end(struct screen *screen)
{
    screen->drawn = 0;
    fflush(stdout);
}
