/* A job told to a program. */
#include "worker/exec_job.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "proto/json.h"

/* --- the file ----------------------------------------------------------------------------------
 */

static int put_text(struct buf *out, const char *name, const char *value)
{
    int rc = buf_printf(out, ",\"%s\":", name);
    if (rc == 0)
        rc = value && *value ? json_quote(out, text_of(value)) : buf_append(out, "null", 4);
    return rc;
}

static int put_number(struct buf *out, const char *name, uint64_t value)
{
    return buf_printf(out, ",\"%s\":%llu", name, (unsigned long long)value);
}

/* `value`: JSON already, or NULL. */
static int put_json(struct buf *out, const char *name, const char *value)
{
    int rc = buf_printf(out, ",\"%s\":", name);
    return rc < 0 ? rc : buf_append_text(out, text_of(value ? value : "null"));
}

static int describe(struct reeve_job *job, struct buf *out)
{
    int rc = buf_printf(out, "{\"id\":\"%s\"", reeve_job_id(job));
    rc = rc < 0 ? rc : put_text(out, "type", reeve_job_type(job));
    rc = rc < 0 ? rc : put_text(out, "queue", reeve_job_queue(job));
    rc = rc < 0 ? rc : put_text(out, "owner", reeve_job_owner(job));
    rc = rc < 0 ? rc : put_number(out, "attempt", reeve_job_attempt(job));
    rc = rc < 0 ? rc : put_number(out, "segment", reeve_job_segment(job));
    rc = rc < 0 ? rc : put_number(out, "fence", reeve_job_fence(job));
    rc = rc < 0 ? rc : put_text(out, "name", reeve_job_name(job));
    rc = rc < 0 ? rc : put_json(out, "params", reeve_job_params(job));
    rc = rc < 0 ? rc : put_json(out, "metadata", reeve_job_metadata(job));
    rc = rc < 0 ? rc : put_json(out, "checkpoint", reeve_job_saved(job));
    rc = rc < 0 ? rc : put_json(out, "answers", reeve_job_answers(job));
    rc = rc < 0 ? rc : put_json(out, "depends_on", reeve_job_depends_on(job));
    rc = rc < 0 ? rc : put_number(out, "depends_on_total", reeve_job_depends_on_total(job));
    rc = rc < 0 ? rc : put_text(out, "traceparent", reeve_job_traceparent(job));
    return rc < 0 ? rc : buf_append(out, "}\n", 2);
}

static int write_file(struct exec_job *told, struct reeve_job *job, const struct exec *exec)
{
    char name[64];
    struct buf text = {0};
    int rc = describe(job, &text);
    snprintf(name, sizeof name, "job-%llu.json", (unsigned long long)reeve_job_fence(job));
    if (rc == 0)
        rc = scratch_write(exec->scratch, name, buf_slice(&text), &told->path);
    buf_fini(&text);
    return rc;
}

/* --- the environment ---------------------------------------------------------------------------
 */

static int add(struct exec_job *told, const char *name, const char *value)
{
    size_t at = 0;
    while (told->variables[at])
        at++;
    if (asprintf(&told->variables[at], "%s%s%s", name, value ? "=" : "", value ? value : "") >= 0)
        return 0;
    told->variables[at] = NULL;
    return -ENOMEM;
}

static int add_number(struct exec_job *told, const char *name, uint64_t value)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)value);
    return add(told, name, text);
}

/* The fence comes first: no other handler has it. */
static int word_environment(struct exec_job *told, struct reeve_job *job, const struct exec *exec)
{
    const char *trace = reeve_job_traceparent(job);
    int rc = add_number(told, "REEVE_FENCE", reeve_job_fence(job));
    rc = rc < 0 ? rc : add(told, "REEVE_JOB", told->path);
    rc = rc < 0 ? rc : add(told, "REEVE_JOB_ID", reeve_job_id(job));
    rc = rc < 0 ? rc : add(told, "REEVE_TYPE", reeve_job_type(job));
    rc = rc < 0 ? rc : add(told, "REEVE_QUEUE", reeve_job_queue(job));
    rc = rc < 0 ? rc : add_number(told, "REEVE_ATTEMPT", reeve_job_attempt(job));
    rc = rc < 0 ? rc : add(told, "REEVE_CLIENTS", exec->clients);
    rc = rc < 0 ? rc : add(told, "TRACEPARENT", *trace ? trace : NULL);
    return rc < 0 ? rc : add(told, "NOTIFY_SOCKET", NULL); /* the worker's own */
}

int exec_job_init(struct exec_job *told, struct reeve_job *job, const struct exec *exec)
{
    *told = (struct exec_job){0};
    int rc = write_file(told, job, exec);
    return rc < 0 ? rc : word_environment(told, job, exec);
}

void exec_job_fini(struct exec_job *told)
{
    if (told->path)
        unlink(told->path);
    free(told->path);
    for (size_t i = 0; told->variables[i]; i++)
        free(told->variables[i]);
    *told = (struct exec_job){0};
}

int exec_job_stdin(struct reeve_job *job)
{
    const char *params = reeve_job_params(job);
    if (!params)
        return -ENOMEM;
    struct text left = text_of(params);
    int fd = memfd_create("reeve-params", MFD_CLOEXEC);
    if (fd < 0)
        return -errno;
    while (left.len > 0) {
        ssize_t put = write(fd, left.at, left.len);
        if (put < 0 && errno != EINTR) {
            int rc = -errno;
            close(fd);
            return rc;
        }
        left.at += put > 0 ? put : 0;
        left.len -= put > 0 ? (size_t)put : 0;
    }
    lseek(fd, 0, SEEK_SET);
    return fd;
}
