/* A worker in C: counts the words of a file, with progress, logs and cancellation.
 *
 * Params {"path": "/some/file"}, result {"lines": n, "words": n, "bytes": n}. One process, four
 * jobs at a time, each in a thread. Must never hold a whole file in memory. */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <reeve_worker.h>

struct counts {
    size_t lines, words, bytes;
    int in_word;
};

static void count(struct counts *counts, const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        int space = isspace((unsigned char)at[i]) != 0;
        counts->words += !space && !counts->in_word;
        counts->lines += at[i] == '\n';
        counts->in_word = !space;
    }
    counts->bytes += len;
}

/* 0: to its end; 1: told to stop. */
static int count_file(struct reeve_job *job, FILE *file, size_t size, struct counts *counts)
{
    char chunk[64 * 1024];
    size_t got;
    while ((got = fread(chunk, 1, sizeof chunk, file)) > 0) {
        if (reeve_job_cancelled(job))
            return 1;
        count(counts, chunk, got);
        if (size >= counts->bytes && size > 0)
            reeve_job_items(job, counts->bytes, size, "counting");
    }
    return 0;
}

static size_t size_of(FILE *file)
{
    long size = fseek(file, 0, SEEK_END) == 0 ? ftell(file) : -1;
    rewind(file);
    return size > 0 ? (size_t)size : 0;
}

static int give_result(struct reeve_job *job, const struct counts *counts)
{
    char text[120];
    snprintf(text, sizeof text, "{\"lines\": %zu, \"words\": %zu, \"bytes\": %zu}", counts->lines,
             counts->words, counts->bytes);
    return reeve_job_result(job, text);
}

/* The handler. Called in one of the worker's threads; anything but 0 is a failed attempt. */
static int count_words(struct reeve_job *job, void *arg)
{
    (void)arg;
    struct counts counts = {0};
    json_t *params = json_loads(reeve_job_params(job), 0, NULL);
    const char *path = json_string_value(json_object_get(params, "path"));
    FILE *file = path ? fopen(path, "rb") : NULL;
    int rc = 1;
    if (!path)
        reeve_job_fail(job, "BadParams", "params.path is missing", false);
    else if (!file)
        reeve_job_fail(job, "CannotOpen", strerror(errno), errno == EMFILE);
    else
        rc = count_file(job, file, size_of(file), &counts);
    if (rc == 0) {
        reeve_job_log(job, REEVE_LOG_INFO, path, NULL);
        rc = give_result(job, &counts);
    }
    if (file)
        fclose(file);
    json_decref(params);
    return rc;
}

int main(int argc, char *argv[])
{
    struct reeve_worker *worker;
    struct reeve_worker_options options = {0};
    options.broker = argc > 1 ? argv[1] : NULL; /* NULL: the default endpoint on this host */
    int rc = reeve_worker_new(&options, &worker);
    if (rc == 0)
        rc = reeve_worker_handle(worker, "count_words", count_words, NULL);
    if (rc == 0)
        rc = reeve_worker_run(worker); /* for ever, unless something is wrong with the options */
    if (rc != 0)
        fprintf(stderr, "words: %s\n", strerror(-rc));
    reeve_worker_destroy(&worker);
    return rc != 0;
}
