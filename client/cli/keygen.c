/* `reeve keygen`: a key pair in a new file, and its line for the broker's list.
 * Must never print a secret, nor overwrite a file. */
#include "client/cli/cli.h"

#include <errno.h>
#include <stdio.h>

#include "client/socket_curve.h"

static int failed(const struct cli *cli, const char *path, int rc)
{
    const char *why = rc == -EEXIST    ? "it exists, and keys are never overwritten"
                      : rc == -ENOTSUP ? "this libzmq is built without CURVE"
                                       : strerror(-rc);
    fprintf(stderr, "%s: %s: %s\n", cli->table->program, path, why);
    return EXIT_FAILED;
}

static const char *or_else(const char *text, const char *otherwise)
{
    return text && text[0] ? text : otherwise;
}

/* Roles whose owner is whose jobs they see. */
static bool needs_owner(const char *role)
{
    return strcmp(role, "producer") == 0 || strcmp(role, "observer") == 0;
}

static bool is_role(const char *word)
{
    static const char *const roles[] = {"producer", "worker", "gateway", "admin", "observer"};
    for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
        if (strcmp(word, roles[i]) == 0)
            return true;
    return false;
}

/* One line is one key: no blanks in an owner, no line breaks anywhere. */
static bool is_word(const char *text, bool blanks)
{
    for (; text && *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7f || (*text == ' ' && !blanks))
            return false;
    return true;
}

static int check(const struct cli *cli)
{
    const struct cli_settings *settings = &cli->settings;
    const char *role = settings->key_role;
    if (role && !is_role(role))
        return settings_wrong(
            cli->table, "--role %s: expected producer, worker, gateway, admin or observer", role);
    if (role && needs_owner(role) && !settings->key_owner)
        return settings_wrong(cli->table, "--role %s needs --owner: whose jobs it sees", role);
    if (!is_word(settings->key_owner, false) || !is_word(settings->key_name, true))
        return settings_wrong(cli->table, "--owner is one word, and --name one line");
    if (!role && (settings->key_owner || settings->key_name))
        return settings_wrong(cli->table, "--owner and --name are for a line with --role");
    return SETTINGS_GO_ON;
}

static void print_line(const struct cli_settings *settings, const char *public_key,
                       const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *role = settings->key_role;
    if (settings->json)
        printf("{\"public_key\":\"%s\"}\n", public_key); /* Z85 has neither quotes nor backslash */
    else if (role)
        printf("%s %s %s %s\n", public_key, role, or_else(settings->key_owner, "-"),
               or_else(settings->key_name, slash ? slash + 1 : path));
    else
        printf("%s\n", public_key);
}

static void print_help(const struct cli_settings *settings, const char *path)
{
    fprintf(stderr, "The key pair is in %s; keep it on its host.\n", path);
    if (settings->key_role)
        fprintf(stderr, "The line above is for the broker's --curve-peers file; then SIGHUP.\n");
    else
        fprintf(stderr, "Above is its public key. As a line in the broker's --curve-peers file it "
                        "is\n    PUBLICKEY producer|worker|gateway|admin|observer OWNER NAME\n"
                        "and for a broker's own key it is what others give as --curve-server.\n");
}

int cli_keygen(struct cli *cli)
{
    const char *path = cli->words.at[1];
    struct curve_pair pair;
    int rc = check(cli);
    if (rc != SETTINGS_GO_ON)
        return settings_exit(rc);
    rc = client_curve_generate(&pair);
    if (rc == 0)
        rc = curve_pair_write(path, &pair);
    explicit_bzero(pair.secret_key, sizeof pair.secret_key);
    if (rc < 0)
        return failed(cli, path, rc);
    print_line(&cli->settings, pair.public_key, path);
    fflush(stdout);
    print_help(&cli->settings, path);
    return EXIT_GOOD;
}
