#include "../base/check.h"

#include "base/err.h"
#include "process/app_path.h"

#include <sys/stat.h>

static char dir[] = "/tmp/moonloop-app-XXXXXX";

static const char *const dirs[] = {"shop", "shop/admin", "shop/pages", "lib", "lib/extra", "empty"};
static const char *const files[] = {"hello.lua", "noext", "shop/app.lua", "shop/admin/init.lua",
	"shop/main.lua", "lib/outside.lua", "lib/extra/init.lua", "with-dash.lua"};

static int make_files(void **state)
{
	if (mkdtemp(dir) == NULL || chdir(dir) != 0)
		return -1;
	for (size_t i = 0; i < ARRAY_LEN(dirs); i++)
		if (mkdir(dirs[i], 0755) != 0)
			return -1;
	for (size_t i = 0; i < ARRAY_LEN(files); i++) {
		FILE *f = fopen(files[i], "w");

		if (f == NULL || fclose(f) != 0)
			return -1;
	}
	unsetenv("LUA_PATH");
	return 0;
}

static int remove_files(void **state)
{
	int rc = 0;

	for (size_t i = 0; i < ARRAY_LEN(files); i++)
		rc |= unlink(files[i]);
	for (size_t i = ARRAY_LEN(dirs); i-- > 0;)
		rc |= rmdir(dirs[i]);
	return rc | chdir("/") | rmdir(dir);
}

static void assert_same(const char *app, const char *got, const char *wanted)
{
	if (wanted == NULL ? got != NULL : got == NULL || strcmp(got, wanted) != 0)
		fail_msg("%s: %s, not %s", app, got != NULL ? got : "-",
			wanted != NULL ? wanted : "-");
}

static void test_found(void **state)
{
	static const struct {
		const char *app, *root, *file, *module;
	} rows[] = {
		{"hello.lua", ".", "hello.lua", NULL},
		{"./hello.lua", ".", "./hello.lua", NULL},
		{"noext", ".", "noext", NULL},
		{"shop/main.lua", "shop", "shop/main.lua", NULL},
		{"shop", "shop", "shop/app.lua", NULL},
		{"shop/", "shop", "shop/app.lua", NULL},
		{"./shop//", "./shop", "./shop/app.lua", NULL},
		{"shop.main", ".", "./shop/main.lua", "shop.main"},
		{"shop.admin", ".", "./shop/admin/init.lua", "shop.admin"},
		{"hello", ".", "./hello.lua", "hello"},
		{"with-dash", ".", "./with-dash.lua", "with-dash"},
		{"outside", ".", "lib/outside.lua", "outside"}, /* by --lua-path */
		{"extra", ".", "lib/extra/init.lua", "extra"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct app_path p;
		char err[512];

		if (app_resolve(&p, rows[i].app, "lib/?.lua;;lib/?/init.lua", err, sizeof(err)) !=
			0)
			fail_msg("%s", err);
		assert_same(rows[i].app, p.root, rows[i].root);
		assert_same(rows[i].app, p.file, rows[i].file);
		assert_same(rows[i].app, p.module, rows[i].module);
		app_path_fini(&p);
	}
}

static void test_absolute(void **state)
{
	struct app_path p;
	char err[512], file[128];

	snprintf(file, sizeof(file), "%s/hello.lua", dir);
	assert_int_equal(app_resolve(&p, file, "", err, sizeof(err)), 0);
	assert_string_equal(p.root, dir);
	assert_string_equal(p.file, file);
	app_path_fini(&p);
}

/* The interpreter's own path counts too, as it will for require. */
static void test_lua_path_variable(void **state)
{
	struct app_path p;
	char err[512];

	assert_int_equal(app_resolve(&p, "outside", "", err, sizeof(err)), ERR_NOT_FOUND);
	setenv("LUA_PATH", "lib/?.lua", 1);
	assert_int_equal(app_resolve(&p, "outside", "", err, sizeof(err)), 0);
	assert_string_equal(p.file, "lib/outside.lua");
	app_path_fini(&p);
	unsetenv("LUA_PATH");
}

static void test_not_found(void **state)
{
	static const struct {
		const char *app, *line;
	} rows[] = {
		{"nope", "nope: no such file, directory or module"},
		{"shop.nope", "shop.nope: no such file, directory or module"},
		{"nope.lua", "nope.lua: no such file, directory or module"},
		{"shop/nope.lua", "shop/nope.lua: No such file or directory"},
		{"a..b", "a..b: No such file or directory"},
		{".a", ".a: No such file or directory"},
		{"a.", "a.: No such file or directory"},
		{"a b", "a b: No such file or directory"},
		{"hello.lua/x", "hello.lua/x: Not a directory"},
		{"empty", "empty: the directory has no app.lua"},
		{"/", "/: the directory has no app.lua"},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct app_path p;
		char err[512] = "";

		assert_int_equal(app_resolve(&p, rows[i].app, "", err, sizeof(err)), ERR_NOT_FOUND);
		assert_string_equal(err, rows[i].line);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		ZERO_TEST(test_found),
		ZERO_TEST(test_absolute),
		ZERO_TEST(test_lua_path_variable),
		ZERO_TEST(test_not_found),
	};

	return cmocka_run_group_tests(tests, make_files, remove_files);
}
