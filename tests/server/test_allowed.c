/* The list of keys: lines, what is said of wrong ones, and which keys a new list revokes. */
#include "tests/testing.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "broker/allowed.h"

#define A "Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID"
#define B "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7"
#define C "0000000000000000000000000000000000000000"

static char problem[300];

static struct allowed *parse(const char *file)
{
    struct allowed *allowed = NULL;
    assert_good(allowed_parse(text_of(file), &allowed, problem, sizeof problem));
    return allowed;
}

static void refused(const char *file, const char *sentence)
{
    struct allowed *allowed = NULL;
    assert_int_equal(-EINVAL, allowed_parse(text_of(file), &allowed, problem, sizeof problem));
    assert_null(allowed);
    assert_non_null(strstr(problem, sentence));
}

static void assert_text(const char *expected, struct text is)
{
    assert_int_equal(strlen(expected), is.len);
    assert_memory_equal(expected, is.at, is.len);
}

TEST(lines)
{
    struct allowed *allowed =
        parse("# who may come in\n\n" B " producer ann  the shop, front\r\n"
              "\t" A " \t worker - builder 1  \n#" C " admin - gone\n" C " admin root");
    assert_int_equal(3, allowed_count(allowed));
    const struct core_auth *ann = allowed_find(allowed, TEXT(B));
    assert_non_null(ann);
    assert_true(ann->listed);
    assert_int_equal(ROLE_PRODUCER, ann->role);
    assert_text(B, ann->key);
    assert_text("ann", ann->owner);
    assert_text("the shop, front", ann->name);
    const struct core_auth *worker = allowed_find(allowed, TEXT(A));
    assert_int_equal(ROLE_WORKER, worker->role);
    assert_text("", worker->owner);
    assert_text("builder 1", worker->name);
    assert_text("root", allowed_find(allowed, TEXT(C))->owner);
    assert_text("", allowed_find(allowed, TEXT(C))->name);
    assert_null(allowed_find(allowed, TEXT("")));
    assert_null(allowed_find(allowed, (struct text){A, 39}));
    allowed_destroy(&allowed);
    assert_null(allowed);
}

TEST(an_empty_list_lets_nobody_in)
{
    struct allowed *allowed = parse("# nobody yet\n");
    assert_int_equal(0, allowed_count(allowed));
    assert_null(allowed_find(allowed, TEXT(A)));
    allowed_destroy(&allowed);
}

TEST(every_role)
{
    const char *const roles[] = {"producer", "gateway", "admin", "observer", "worker"};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++) {
        char line[200];
        snprintf(line, sizeof line, "%s %s ann\n", A, roles[i]);
        struct allowed *allowed = parse(line);
        assert_string_equal(roles[i], role_word(allowed_find(allowed, TEXT(A))->role));
        allowed_destroy(&allowed);
    }
}

TEST(wrong_lines)
{
    refused("\n\nnonsense\n", "line 3: expected a public key");
    refused(A "x producer ann", "line 1: expected a public key");
    refused(A, "line 1: expected producer, worker, gateway, admin or observer");
    refused(A " king ann", "line 1: expected producer");
    refused(A " Producer ann", "line 1: expected producer");
    refused(A " producer", "line 1: a producer or an observer needs an owner");
    refused(A " observer - x", "line 1: a producer or an observer needs an owner");
    refused(A " producer \xff", "line 1: an owner has at most 100");
    refused(A " producer a\x01", "line 1: an owner has at most 100");
    refused(A " worker - a\x7f", "line 1: a name has at most 255");
    refused(A " worker - one\n" B " worker - two\n" A " admin - three\n", "is there twice");
}

TEST(bounds)
{
    struct buf file = {0};
    struct allowed *allowed = NULL;
    for (int i = 0; i < ALLOWED_KEYS_MAX; i++)
        assert_good(buf_printf(&file, "%035d%05d worker\n", 0, i));
    assert_good(allowed_parse(buf_text(&file), &allowed, problem, sizeof problem));
    assert_int_equal(ALLOWED_KEYS_MAX, allowed_count(allowed));
    assert_non_null(allowed_find(allowed, TEXT("0000000000000000000000000000000000009999")));
    allowed_destroy(&allowed);
    assert_good(buf_printf(&file, "%s worker\n", A));
    assert_int_equal(-EINVAL, allowed_parse(buf_text(&file), &allowed, problem, sizeof problem));
    assert_non_null(strstr(problem, "line 10001: at most 10000 keys"));
    buf_fini(&file);
    char owner[300];
    snprintf(owner, sizeof owner, "%s producer %0101d", A, 0);
    refused(owner, "an owner has at most 100");
    snprintf(owner, sizeof owner, "%s producer %0100d", A, 0);
    allowed = parse(owner);
    allowed_destroy(&allowed);
}

TEST(what_a_new_list_revokes)
{
    struct allowed *was = parse(A " producer ann one\n" B " worker - two\n" C " observer cat\n");
    struct allowed *now = parse(B " worker - renamed\n" A " producer bob one\n");
    struct text *keys;
    size_t count;
    assert_good(allowed_revoked(was, now, &keys, &count));
    assert_int_equal(2, count);
    assert_text(C, keys[0]);
    assert_text(A, keys[1]);
    free(keys);
    assert_good(allowed_revoked(was, was, &keys, &count));
    assert_int_equal(0, count);
    free(keys);
    allowed_destroy(&was);
    allowed_destroy(&now);
}

TEST(files)
{
    char path[] = "/tmp/reeve-allowed-XXXXXX";
    struct allowed *allowed;
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_good(file_write_atomic(path, text_slice(TEXT(A " admin - me\n")), 0644));
    assert_good(allowed_read(path, &allowed, problem, sizeof problem));
    assert_int_equal(1, allowed_count(allowed));
    allowed_destroy(&allowed);
    assert_good(chmod(path, 0664));
    assert_int_equal(-EPERM, allowed_read(path, &allowed, problem, sizeof problem));
    assert_non_null(strstr(problem, "chmod go-w"));
    assert_good(file_write_atomic(path, text_slice(TEXT("x\n")), 0600));
    assert_int_equal(-EINVAL, allowed_read(path, &allowed, problem, sizeof problem));
    assert_non_null(strstr(problem, path));
    assert_non_null(strstr(problem, "line 1"));
    unlink(path);
    assert_int_equal(-ENOENT, allowed_read(path, &allowed, problem, sizeof problem));
    assert_int_equal(-EINVAL, allowed_read("/tmp", &allowed, problem, sizeof problem));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines),      cmocka_unit_test(an_empty_list_lets_nobody_in),
        cmocka_unit_test(every_role), cmocka_unit_test(wrong_lines),
        cmocka_unit_test(bounds),     cmocka_unit_test(what_a_new_list_revokes),
        cmocka_unit_test(files),
    };
    return TESTS_RUN(tests);
}
