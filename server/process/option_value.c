#include "process/options_int.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/span.h"
#include "process/cpus.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#define DNS_PORT 53

struct unit {
	const char *name;
	uint64_t factor;
};

/* The largest first: the first that divides a number is the one to print it with. */
static const struct unit sizes[] = {
	{"T", 1ull << 40}, {"G", 1ull << 30}, {"M", 1ull << 20}, {"k", 1ull << 10}, {"", 1}};
static const struct unit times[] = {
	{"h", 3600000000}, {"m", 60000000}, {"s", 1000000}, {"ms", 1000}, {"us", 1}};

static bool in_range(const struct option_row *row, uint64_t n)
{
	return n >= row->min && n <= row->max;
}

/* "16k", "16KiB", "16kb", "1048576". */
static bool read_size(const char *text, uint64_t *n_r)
{
	size_t digits = strspn(text, "0123456789");
	const char *rest = text + digits;
	uint64_t n;

	if (!span_to_u64((struct span){text, digits}, &n))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(sizes); i++) {
		const char *tail = rest + strlen(sizes[i].name);

		if (strncasecmp(rest, sizes[i].name, strlen(sizes[i].name)) != 0)
			continue;
		if (*tail != '\0' && strcasecmp(tail, "b") != 0 && strcasecmp(tail, "ib") != 0)
			return false;
		return !__builtin_mul_overflow(n, sizes[i].factor, n_r);
	}
	return false;
}

/* "10", "10s", "1.5s", "250ms", "2m", "1h": exact, without floating point. */
static bool read_time(const char *text, uint64_t *us_r)
{
	size_t digits = strspn(text, "0123456789"), decimals = 0;
	const char *rest = text + digits;
	uint64_t n, fraction = 0, scale = 1, us;

	if (!span_to_u64((struct span){text, digits}, &n))
		return false;
	if (*rest == '.') {
		decimals = strspn(++rest, "0123456789");
		if (decimals > 6 || !span_to_u64((struct span){rest, decimals}, &fraction))
			return false;
		rest += decimals;
	}
	while (decimals-- > 0)
		scale *= 10;
	if (*rest == '\0')
		rest = "s";
	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		if (strcmp(rest, times[i].name) != 0)
			continue;
		if (__builtin_mul_overflow(n, times[i].factor, &us))
			return false;
		*us_r = us + fraction * times[i].factor / scale;
		return true;
	}
	return false;
}

static bool read_octal(const char *text, uint64_t *n_r)
{
	size_t n = strspn(text, "01234567");

	if (n == 0 || n > 6 || text[n] != '\0')
		return false;
	*n_r = 0;
	while (*text != '\0')
		*n_r = *n_r * 8 + (uint64_t)(*text++ - '0');
	return true;
}

static void print_units(const struct unit *units, uint64_t n, char *out, size_t cap)
{
	while (n % units->factor != 0)
		units++;
	snprintf(out, cap, "%llu%s", (unsigned long long)(n / units->factor), units->name);
}

static void print_number(const struct option_row *row, uint64_t n, char *out, size_t cap)
{
	if (n == 0 || row->type == OPTION_INT || row->type == OPTION_COUNT)
		snprintf(out, cap, "%llu", (unsigned long long)n);
	else if (row->type == OPTION_SIZE)
		print_units(sizes, n, out, cap);
	else if (row->type == OPTION_DURATION)
		print_units(times, n, out, cap);
	else
		snprintf(out, cap, "%04llo", (unsigned long long)n);
}

const char *option_print_range(const struct option_row *row, char *out, size_t cap)
{
	char min[32], max[32];

	out[0] = '\0';
	switch (row->type) {
	case OPTION_INT:
	case OPTION_COUNT:
	case OPTION_SIZE:
	case OPTION_DURATION:
	case OPTION_MODE:
		print_number(row, row->min, min, sizeof(min));
		print_number(row, row->max, max, sizeof(max));
		snprintf(out, cap, "from %s to %s", min, max);
		break;
	default:
		break;
	}
	return out;
}

struct problem {
	const struct option_row *row;
	const char *text;
	char *err;
	size_t cap;
};

/* "seven" is not a number from 1 to 256 */
static int refuse(const struct problem *p, const char *is_not, const char *hint)
{
	char range[96];

	option_print_range(p->row, range, sizeof(range));
	snprintf(p->err, p->cap, "\"%.100s\" is %s%s%s%s", p->text, is_not, range[0] ? " " : "",
		range, hint);
	return ERR_INVALID;
}

static int read_STRING(const struct problem *p, char **field)
{
	size_t n = strlen(p->text);

	if (n < p->row->min)
		return refuse(p, "too short", "");
	if (n > p->row->max)
		return refuse(p, "too long", "");
	*field = mem_strdup(p->text);
	return 0;
}

static int read_PREFIX(const struct problem *p, char **field)
{
	int rc;
	size_t n = strlen(p->text);

	if (n > 0 && p->text[0] != '/')
		return refuse(p, "not a path that begins with /", "");
	rc = read_STRING(p, field);
	while (rc == 0 && n > 0 && (*field)[n - 1] == '/')
		(*field)[--n] = '\0';
	return rc;
}

static int read_BOOL(const struct problem *p, bool *field)
{
	static const char *const words[] = {"no", "yes", "false", "true", "off", "on", "0", "1"};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (strcasecmp(p->text, words[i]) == 0) {
			*field = i % 2 != 0;
			return 0;
		}
	}
	return refuse(p, "neither yes nor no", "");
}

static int read_INT(const struct problem *p, int *field)
{
	uint64_t n;

	if (!span_to_u64(span_of(p->text), &n) || !in_range(p->row, n))
		return refuse(p, "not a number", "");
	*field = (int)n;
	return 0;
}

static int read_COUNT(const struct problem *p, int *field)
{
	uint64_t n;

	if (strcmp(p->text, "auto") == 0) {
		*field = (int)MIN((uint64_t)cpus_usable(), p->row->max);
		return 0;
	}
	if (!span_to_u64(span_of(p->text), &n) || !in_range(p->row, n))
		return refuse(p, "not a number", ", or auto");
	*field = (int)n;
	return 0;
}

static int read_SIZE(const struct problem *p, size_t *field)
{
	uint64_t n;

	if (!read_size(p->text, &n) || !in_range(p->row, n))
		return refuse(p, "not a size", " (such as 500, 16k, 2M)");
	*field = (size_t)n;
	return 0;
}

static int read_DURATION(const struct problem *p, uint64_t *field)
{
	uint64_t us;

	if (!read_time(p->text, &us) || !in_range(p->row, us))
		return refuse(p, "not a time", " (such as 500ms, 10s, 2m)");
	*field = us;
	return 0;
}

static int read_MODE(const struct problem *p, unsigned *field)
{
	uint64_t mode;

	if (!read_octal(p->text, &mode) || !in_range(p->row, mode))
		return refuse(p, "not an octal file mode", "");
	*field = (unsigned)mode;
	return 0;
}

static int read_ENUM(const struct problem *p, int *field)
{
	const char *word = p->row->value;
	size_t n = strlen(p->text);

	for (int i = 0;; i++, word++) {
		size_t len = strcspn(word, "|");

		if (len == n && memcmp(word, p->text, n) == 0) {
			*field = i;
			return 0;
		}
		word += len;
		if (*word == '\0')
			break;
	}
	return refuse(p, "none of ", p->row->value);
}

static int read_ADDRS(const struct problem *p, struct option_addrs *field)
{
	struct span rest = span_of(p->text), word;

	while (span_next_token(&rest, &word)) {
		char *text = mem_dup(word.p, word.n);
		struct addr a;
		int rc = addr_parse(&a, text, p->err, p->cap);

		mem_free(text);
		if (rc != 0)
			return rc;
		field->v = mem_realloc(field->v, sizeof(a) * (size_t)(field->n + 1));
		field->v[field->n++] = a;
	}
	return field->n > 0 ? 0 : refuse(p, "no address", "");
}

static int read_SERVERS(const struct problem *p, struct option_addrs *field)
{
	struct span rest = span_of(p->text), word;

	while (span_next_token(&rest, &word)) {
		char *text = mem_dup(word.p, word.n);
		struct addr a;
		int rc = addr_parse_ip(&a, text, DNS_PORT, p->err, p->cap);

		mem_free(text);
		if (rc != 0)
			return rc;
		field->v = mem_realloc(field->v, sizeof(a) * (size_t)(field->n + 1));
		field->v[field->n++] = a;
	}
	return 0;
}

static int read_NETS(const struct problem *p, struct option_nets *field)
{
	struct span rest = span_of(p->text), word;

	while (span_next_token(&rest, &word)) {
		char *text = mem_dup(word.p, word.n);
		struct cidr c;
		int rc = cidr_parse(&c, text, p->err, p->cap);

		mem_free(text);
		if (rc != 0)
			return rc;
		field->v = mem_realloc(field->v, sizeof(c) * (size_t)(field->n + 1));
		field->v[field->n++] = c;
	}
	return 0;
}

static int read_TEXTS(const struct problem *p, struct option_texts *field)
{
	struct span rest = span_of(p->text), word;

	while (span_next_token(&rest, &word)) {
		if (word.n > p->row->max)
			return refuse(p, "too long", "");
		field->v = mem_realloc(field->v, sizeof(*field->v) * (size_t)(field->n + 1));
		field->v[field->n++] = mem_dup(word.p, word.n);
	}
	return 0;
}

int option_read(const struct option_row *row, const char *text, void *field, char *err, size_t cap)
{
	struct problem p = {row, text, err, cap};

	switch (row->type) {
#define OPTION_TYPE(type, ctype, repeatable)                                                       \
	case OPTION_##type:                                                                        \
		return read_##type(&p, field);
#include "process/option_types.tbl.h"
#undef OPTION_TYPE
	}
	panic_ensure("an option type of the table", __FILE__, __LINE__);
}

void option_clear(const struct option_row *row, void *field)
{
	struct option_addrs *addrs = field;
	struct option_nets *nets = field;
	struct option_texts *texts = field;

	switch (row->type) {
	case OPTION_STRING:
	case OPTION_PREFIX:
		mem_free(*(char **)field);
		*(char **)field = NULL;
		break;
	case OPTION_ADDRS:
	case OPTION_SERVERS:
		mem_free(addrs->v);
		*addrs = (struct option_addrs){NULL, 0};
		break;
	case OPTION_NETS:
		mem_free(nets->v);
		*nets = (struct option_nets){NULL, 0};
		break;
	case OPTION_TEXTS:
		for (int i = 0; i < texts->n; i++)
			mem_free(texts->v[i]);
		mem_free(texts->v);
		*texts = (struct option_texts){NULL, 0};
		break;
	default:
		break;
	}
}
