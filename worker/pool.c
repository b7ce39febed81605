/* A fixed number of threads over one list of tasks. */
#include "worker/pool.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/check.h"

struct pool {
    pool_run *run;
    pthread_mutex_t lock;
    pthread_cond_t given;
    struct pool_task *first, **last;
    bool ending;
    size_t count;
    pthread_t threads[];
};

static struct pool_task *next_task(struct pool *pool)
{
    pthread_mutex_lock(&pool->lock);
    while (!pool->first && !pool->ending)
        pthread_cond_wait(&pool->given, &pool->lock);
    struct pool_task *task = pool->first;
    if (task) {
        pool->first = task->next;
        if (!pool->first)
            pool->last = &pool->first;
    }
    pthread_mutex_unlock(&pool->lock);
    return task;
}

static void *work(void *arg)
{
    struct pool *pool = arg;
    struct pool_task *task;
    while ((task = next_task(pool)))
        pool->run(task);
    return NULL;
}

int pool_new(size_t threads, pool_run *run, struct pool **pool_out)
{
    struct pool *pool = calloc(1, sizeof *pool + threads * sizeof *pool->threads);
    *pool_out = pool;
    if (!pool)
        return -ENOMEM;
    pool->run = run;
    pool->last = &pool->first;
    CHECK(pthread_mutex_init(&pool->lock, NULL) == 0);
    CHECK(pthread_cond_init(&pool->given, NULL) == 0);
    while (pool->count < threads) {
        if (pthread_create(&pool->threads[pool->count], NULL, work, pool) != 0) {
            pool_destroy(pool_out);
            return -EAGAIN;
        }
        pool->count++;
    }
    return 0;
}

void pool_give(struct pool *pool, struct pool_task *task)
{
    task->next = NULL;
    pthread_mutex_lock(&pool->lock);
    *pool->last = task;
    pool->last = &task->next;
    pthread_cond_signal(&pool->given);
    pthread_mutex_unlock(&pool->lock);
}

void pool_destroy(struct pool **pool)
{
    struct pool *p = *pool;
    *pool = NULL;
    if (!p)
        return;
    pthread_mutex_lock(&p->lock);
    p->ending = true;
    pthread_cond_broadcast(&p->given);
    pthread_mutex_unlock(&p->lock);
    for (size_t i = 0; i < p->count; i++)
        pthread_join(p->threads[i], NULL);
    pthread_mutex_destroy(&p->lock);
    pthread_cond_destroy(&p->given);
    free(p);
}
