/* Whole files: read with a limit, replaced atomically. */
#include "tests/testing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

static char folder[] = "/tmp/reeve-file-XXXXXX";

static int make_folder(void **state __attribute__((unused)))
{
    return mkdtemp(folder) && chdir(folder) == 0 ? 0 : -1;
}

static int remove_folder(void **state __attribute__((unused)))
{
    return rmdir(folder);
}

static size_t entries(const char *path)
{
    DIR *dir = opendir(path);
    assert_non_null(dir);
    size_t count = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static struct slice bytes(const char *words)
{
    return text_slice(text_of(words));
}

TEST(what_is_written_is_read)
{
    struct buf buf = {0};
    struct stat stat_of;
    assert_good(file_write_atomic("a", bytes("first"), 0600));
    assert_good(file_write_atomic("a", bytes("second"), 0640));
    assert_good(file_read_all("a", 100, &buf));
    assert_true(text_is(buf_text(&buf), "second"));
    assert_good(stat("a", &stat_of));
    assert_int_equal(stat_of.st_mode & 07777, 0640);
    assert_int_equal(entries("."), 1);
    assert_good(unlink("a"));
    buf_fini(&buf);
}

TEST(an_absolute_path_and_an_empty_file)
{
    char path[64];
    struct buf buf = {0};
    snprintf(path, sizeof path, "%s/b", folder);
    assert_good(file_write_atomic(path, (struct slice){0}, 0600));
    assert_good(buf_append(&buf, "old", 3));
    assert_good(file_read_all("b", 0, &buf));
    assert_int_equal(buf.len, 0);
    assert_good(unlink("b"));
    buf_fini(&buf);
}

TEST(a_limit_is_exact)
{
    struct buf buf = {0};
    assert_good(file_write_atomic("c", bytes("12345"), 0600));
    assert_good(file_read_all("c", 5, &buf));
    assert_int_equal(buf.len, 5);
    assert_int_equal(file_read_all("c", 4, &buf), -EFBIG);
    assert_int_equal(buf.len, 0);
    assert_int_equal(file_read_all("c", 0, &buf), -EFBIG);
    assert_good(file_read_all("c", SIZE_MAX, &buf));
    assert_int_equal(buf.len, 5);
    assert_good(unlink("c"));
    buf_fini(&buf);
}

TEST(a_large_file_and_an_endless_one)
{
    struct buf large = {0};
    struct buf back = {0};
    for (int i = 0; i < 60000; i++)
        assert_good(buf_printf(&large, "%08d", i));
    assert_good(file_write_atomic("d", buf_slice(&large), 0600));
    assert_good(file_read_all("d", 1 << 20, &back));
    assert_true(slice_eq(buf_slice(&large), buf_slice(&back)));
    assert_int_equal(file_read_all("/dev/zero", 100000, &back), -EFBIG);
    assert_good(unlink("d"));
    buf_fini(&large);
    buf_fini(&back);
}

TEST(errors_leave_the_old_file_and_nothing_behind)
{
    struct buf buf = {0};
    assert_int_equal(file_read_all("nowhere", 10, &buf), -ENOENT);
    assert_int_equal(file_read_all(".", 10, &buf), -EISDIR);
    assert_int_equal(file_write_atomic("no/folder", bytes("x"), 0600), -ENOENT);
    assert_good(mkdir("e", 0700));
    assert_int_equal(file_write_atomic("e", bytes("x"), 0600), -EISDIR);
    assert_int_equal(entries("."), 1);
    assert_good(rmdir("e"));
    buf_fini(&buf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(an_absolute_path_and_an_empty_file),
        cmocka_unit_test(a_limit_is_exact),
        cmocka_unit_test(a_large_file_and_an_endless_one),
        cmocka_unit_test(errors_leave_the_old_file_and_nothing_behind),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
