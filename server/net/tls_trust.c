#include "net/tls_int.h"

#include "base/log.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>
#include <unistd.h>

/* "5ed36f99.0": a certificate below the hash of its subject, so that it is read when needed. */
static bool is_hashed_name(const char *s)
{
	int digits = 0;

	while (isxdigit((unsigned char)s[digits]))
		digits++;
	return digits == 8 && s[8] == '.' && isdigit((unsigned char)s[9]);
}

static bool is_hashed_dir(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *e;
	bool found = false;

	if (dir == NULL)
		return false;
	while (!found && (e = readdir(dir)) != NULL)
		found = is_hashed_name(e->d_name);
	closedir(dir);
	return found;
}

static void load_file(X509_STORE *store, const char *path)
{
	if (X509_STORE_load_file(store, path))
		return;
	log_event(LOG_WARN, "tls.trust", "%s: %s", path, tls_take_error());
}

static X509_STORE *load(void)
{
	const char *file = secure_getenv(X509_get_default_cert_file_env());
	const char *dir = secure_getenv(X509_get_default_cert_dir_env());
	X509_STORE *store = X509_STORE_new();

	TLS_MUST(store != NULL);
	if (dir == NULL)
		dir = X509_get_default_cert_dir();
	TLS_MUST(X509_STORE_load_path(store, dir));
	/* A directory costs nothing until a root is asked for; the file with all roots some ms. */
	if (file != NULL)
		load_file(store, file);
	else if (!is_hashed_dir(dir) && access(X509_get_default_cert_file(), F_OK) == 0)
		load_file(store, X509_get_default_cert_file());
	ERR_clear_error();
	return store;
}

X509_STORE *tls_trust_system(void)
{
	static X509_STORE *store; /* lives as long as the process */

	if (store == NULL)
		store = load();
	return store;
}
