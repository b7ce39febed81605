/* Randomness from the kernel.
 * Must never hand out bytes it did not get from there.
 */
#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "base/check.h"

uint64_t random_u64(void)
{
    uint64_t value;
    random_bytes(&value, sizeof value);
    return value;
}

void random_bytes(void *out, size_t size)
{
    unsigned char *at = out;
    while (size > 0) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR)
            continue;
        CHECK(got > 0);
        at += got;
        size -= (size_t)got;
    }
}
