/* CURVE keys: which texts are keys, which files are key files, and what is said of the others. */
#include "tests/testing.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/curve_key.h"
#include "base/file.h"

/* The key pairs of ZeroMQ's own documentation (zmq_curve). */
#define PUBLIC "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define SECRET "D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs"

static char folder[] = "/tmp/reeve-curve-XXXXXX";
static char path[64];

static int set_up(void **state)
{
    (void)state;
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof path, "%s/key", folder);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(folder);
}

static struct curve_pair pair;
static char problem[300];

static int parse(const char *file)
{
    return curve_pair_parse(text_of(file), &pair, problem, sizeof problem);
}

static void write_file(const char *content, mode_t mode)
{
    unlink(path);
    assert_good(file_write_new(path, text_slice(text_of(content)), mode));
}

static int read_file(void)
{
    return curve_pair_read(path, &pair, problem, sizeof problem);
}

TEST(what_is_a_key)
{
    assert_true(curve_key_is_fit(TEXT(PUBLIC)));
    assert_true(curve_key_is_fit(TEXT("0000000000000000000000000000000000000000")));
    assert_true(curve_key_is_fit(TEXT("%nSc0%nSc0%nSc0%nSc0%nSc0%nSc0%nSc0%nSc0")));
    assert_false(curve_key_is_fit(TEXT("%nSc1%nSc0%nSc0%nSc0%nSc0%nSc0%nSc0%nSc0")));
    assert_false(curve_key_is_fit(TEXT("########################################")));
    assert_false(curve_key_is_fit(TEXT("000000000000000000000000000000000000000")));
    assert_false(curve_key_is_fit(TEXT("00000000000000000000000000000000000000000")));
    assert_false(curve_key_is_fit(TEXT("000000000000000000000000000000000000000 ")));
    assert_false(curve_key_is_fit(TEXT("000000000000000000000000000000000000000\"")));
    assert_false(curve_key_is_fit((struct text){"0000\0000000000000000000000000000000000000", 40}));
    assert_false(curve_key_is_fit((struct text){NULL, 0}));
}

TEST(a_file_of_ours_and_one_of_zcert)
{
    assert_good(parse("# words\ncurve\n    public-key = \"" PUBLIC "\"\n    secret-key = \"" SECRET
                      "\"\n"));
    assert_string_equal(PUBLIC, pair.public_key);
    assert_string_equal(SECRET, pair.secret_key);
    assert_good(parse("#   ****  Generated on 2026-01-01 by CZMQ  ****\r\nmetadata\r\n"
                      "    name = \"somebody\"\r\ncurve\r\n\tpublic-key=" PUBLIC
                      "\r\n    secret-key = " SECRET));
    assert_string_equal(SECRET, pair.secret_key);
}

static void refused(const char *file, const char *word)
{
    assert_int_equal(-EINVAL, parse(file));
    assert_non_null(strstr(problem, word));
    assert_null(strstr(problem, SECRET));
    assert_int_equal(0, pair.secret_key[0]);
    assert_int_equal(0, pair.public_key[0]);
}

TEST(files_that_are_none)
{
    refused("", "no secret-key");
    refused("public-key = " PUBLIC, "no secret-key");
    refused("secret-key = " SECRET, "no public-key");
    refused("# secret-key = " SECRET "\npublic-key = " PUBLIC, "no secret-key");
    refused("public-key = " PUBLIC "\nsecret-key = " SECRET "x\n", "line 2: expected a key");
    refused("public-key = \nsecret-key = " SECRET, "line 1: expected a key");
    refused("secret-key = " SECRET "\n\nsecret-key = " SECRET, "line 3: a key is given twice");
}

TEST(written_and_read_again)
{
    struct curve_pair made = {PUBLIC, SECRET};
    struct stat found;
    unlink(path);
    umask(0);
    assert_good(curve_pair_write(path, &made));
    assert_good(stat(path, &found));
    assert_int_equal(0600, found.st_mode & 0777);
    assert_good(read_file());
    assert_memory_equal(&made, &pair, sizeof pair);
    made.public_key[0] = 'X';
    assert_int_equal(-EEXIST, curve_pair_write(path, &made));
    assert_good(read_file());
    assert_string_equal(PUBLIC, pair.public_key);
    curve_pair_wipe(&pair);
    assert_int_equal(0, pair.secret_key[0]);
    assert_int_equal(-ENOENT, curve_pair_write("/nowhere/at/all", &made));
}

TEST(modes)
{
    const mode_t bad[] = {0640, 0604, 0660, 0620, 0601, 0644};
    const char *content = "public-key = " PUBLIC "\nsecret-key = " SECRET "\n";
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_file(content, bad[i]);
        assert_int_equal(-EPERM, read_file());
        assert_non_null(strstr(problem, "chmod 600"));
        assert_int_equal(0, pair.secret_key[0]);
    }
    write_file(content, 0400);
    assert_good(read_file());
}

TEST(other_files)
{
    char large[CURVE_FILE_SIZE_MAX + 2];
    memset(large, '\n', sizeof large - 1);
    large[sizeof large - 1] = '\0';
    write_file(large, 0600);
    assert_int_equal(-EFBIG, read_file());
    large[CURVE_FILE_SIZE_MAX] = '\0';
    write_file(large, 0600);
    assert_int_equal(-EINVAL, read_file());
    assert_non_null(strstr(problem, path));
    assert_int_equal(-EINVAL, curve_pair_read(folder, &pair, problem, sizeof problem));
    unlink(path);
    assert_int_equal(-ENOENT, read_file());
    assert_good(mkfifo(path, 0600));
    assert_int_equal(-EINVAL, read_file());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_a_key),
        cmocka_unit_test(a_file_of_ours_and_one_of_zcert),
        cmocka_unit_test(files_that_are_none),
        cmocka_unit_test(written_and_read_again),
        cmocka_unit_test(modes),
        cmocka_unit_test(other_files),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
