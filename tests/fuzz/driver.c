/* Runs a fuzz target without libFuzzer: every seed as it is, then a bounded number of mutations.
 *
 *   TARGET SEEDS ROUNDS [RANDOM]   SEEDS is golden.hex or like it, or a file of JSON texts, one a
 *                                  line; the same RANDOM gives the same inputs
 *   TARGET SEEDS --write FOLDER    writes the seeds as files, for libFuzzer's corpus
 *
 * Before each input it notes it in memory; when the target aborts, the input is printed as hex. */
#include "tests/fuzz/fuzz.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"

#define SEEDS_MAX 256
#define INPUT_MAX (64 * 1024)

static struct buf seeds[SEEDS_MAX];
static size_t seed_count;
static uint64_t random_state;
static const uint8_t *current;
static size_t current_len;

static void print_current(int signal_number)
{
    static const char digits[] = "0123456789abcdef";
    char hex[2];
    ssize_t rc = write(STDERR_FILENO, "input: ", 7);
    for (size_t i = 0; rc >= 0 && i < current_len; i++) {
        hex[0] = digits[current[i] >> 4];
        hex[1] = digits[current[i] & 15];
        rc = write(STDERR_FILENO, hex, 2);
    }
    signal(signal_number, SIG_DFL);
    raise(signal_number);
}

static uint64_t draw(uint64_t bound)
{
    uint64_t z = random_state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (z ^ (z >> 31)) % bound;
}

/* --- seeds ----------------------------------------------------------------------------------- */

static struct buf *new_seed(void)
{
    CHECK(seed_count < SEEDS_MAX);
    return &seeds[seed_count++];
}

static void append_hex(struct buf *out, const char *digits)
{
    unsigned byte;
    for (; sscanf(digits, "%2x", &byte) == 1; digits += 2) {
        uint8_t value = (uint8_t)byte;
        CHECK(buf_append(out, &value, 1) == 0);
    }
}

static void read_line(const char *line, bool hex)
{
    if (!hex)
        CHECK(buf_append_text(new_seed(), text_of(line)) == 0);
    else if (line[0] == ' ')
        append_hex(&seeds[seed_count - 1], line + 2);
    else
        new_seed();
}

static int read_seeds(const char *path)
{
    char line[8192];
    const char *dot = strrchr(path, '.');
    FILE *file = fopen(path, "r");
    if (!file) {
        perror(path);
        return 1;
    }
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        read_line(line, dot && strcmp(dot, ".hex") == 0);
    }
    fclose(file);
    return 0;
}

static int write_seeds(const char *folder)
{
    for (size_t i = 0; i < seed_count; i++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/seed-%zu", folder, i);
        FILE *file = fopen(path, "w");
        if (!file || fwrite(seeds[i].at, 1, seeds[i].len, file) != seeds[i].len) {
            perror(path);
            return 1;
        }
        fclose(file);
    }
    return 0;
}

/* --- mutations ------------------------------------------------------------------------------- */

static void set_byte(struct buf *input)
{
    static const uint8_t telling[] = {0x00, 0x7f, 0x80, 0x8f, 0x90, 0xa0, 0xc0, 0xc1, 0xc4, 0xc6,
                                      0xca, 0xcb, 0xcf, 0xd3, 0xd4, 0xd9, 0xdb, 0xdd, 0xdf, 0xff,
                                      '"',  '\\', '{',  '}',  '[',  ']',  ',',  ':',  '-',  '9'};
    size_t at = (size_t)draw(input->len);
    input->at[at] = draw(2) ? (uint8_t)draw(256) : telling[draw(sizeof telling)];
}

static void flip_bit(struct buf *input)
{
    input->at[draw(input->len)] ^= (uint8_t)(1u << draw(8));
}

static void cut_out(struct buf *input)
{
    size_t from = (size_t)draw(input->len), len = (size_t)draw(16) + 1;
    if (from + len > input->len)
        len = input->len - from;
    memmove(input->at + from, input->at + from + len, input->len - from - len);
    input->len -= len;
}

/* Puts a piece of another seed, or of the same one, somewhere into the input. */
static void splice(struct buf *input)
{
    const struct buf *other = &seeds[draw(seed_count)];
    if (other->len == 0 || input->len > INPUT_MAX)
        return;
    size_t from = (size_t)draw(other->len), len = (size_t)draw(other->len - from) + 1;
    size_t at = (size_t)draw(input->len + 1), rest = input->len - at;
    CHECK(buf_reserve(input, len) == 0);
    memmove(input->at + at + len, input->at + at, rest);
    memcpy(input->at + at, other->at + from, len);
    input->len += len;
}

static void mutate(struct buf *input)
{
    static void (*const ways[])(struct buf *) = {set_byte, set_byte, flip_bit, cut_out, splice};
    for (uint64_t times = draw(4) + 1; times > 0; times--) {
        if (input->len == 0)
            splice(input);
        else
            ways[draw(sizeof ways / sizeof ways[0])](input);
    }
}

/* --- running --------------------------------------------------------------------------------- */

/* On a copy of exactly its size, so that a sanitizer sees one byte read too far. */
static void run(const struct buf *input)
{
    uint8_t *copy = malloc(input->len > 0 ? input->len : 1);
    CHECK(copy);
    if (input->len > 0)
        memcpy(copy, input->at, input->len);
    current = copy;
    current_len = input->len;
    LLVMFuzzerTestOneInput(copy, input->len);
    free(copy);
}

static void run_rounds(uint64_t rounds)
{
    struct buf input = {0};
    for (size_t i = 0; i < seed_count; i++)
        run(&seeds[i]);
    for (uint64_t round = 0; round < rounds; round++) {
        if (round % 8 == 0) {
            const struct buf *seed = &seeds[draw(seed_count)];
            buf_clear(&input);
            CHECK(buf_append(&input, seed->at, seed->len) == 0);
        }
        mutate(&input);
        run(&input);
    }
    buf_fini(&input);
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "%s SEEDS ROUNDS [RANDOM] | SEEDS --write FOLDER\n", argv[0]);
        return 2;
    }
    if (read_seeds(argv[1]) || seed_count == 0)
        return 1;
    if (strcmp(argv[2], "--write") == 0)
        return argc > 3 ? write_seeds(argv[3]) : 2;
    random_state = argc > 3 ? strtoull(argv[3], NULL, 10) : 1;
    signal(SIGABRT, print_current);
    run_rounds(strtoull(argv[2], NULL, 10));
    printf("%zu seeds, %s mutations\n", seed_count, argv[2]);
    for (size_t i = 0; i < seed_count; i++)
        buf_fini(&seeds[i]);
    return 0;
}
