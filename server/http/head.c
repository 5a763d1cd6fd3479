#include "http/head.h"

static bool starts_with_nocase(struct span s, struct span prefix)
{
	return s.n >= prefix.n && span_ieq((struct span){s.p, prefix.n}, prefix);
}

/* Cuts the path and the query out of an origin-form target; a fragment does not belong there. */
static const char *split_path(struct head *h, struct span t)
{
	const char *mark = memchr(t.p, '?', t.n);

	if (memchr(t.p, '#', t.n) != NULL)
		return "the request target has a fragment";
	h->raw_path = t;
	h->query = SPAN("");
	if (mark != NULL) {
		h->raw_path.n = (size_t)(mark - t.p);
		h->query = (struct span){mark + 1, t.n - h->raw_path.n - 1};
	}
	return NULL;
}

/* What may stand in uri-host [ ":" port ] (RFC 3986 3.2.2): unreserved, pct-encoded, sub-delims
 * but the comma, and the brackets and colons of an address. */
static const bool host_char[256] = {
	['0' ... '9'] = true,
	['A' ... 'Z'] = true,
	['a' ... 'z'] = true,
	['-'] = true,
	['.'] = true,
	['_'] = true,
	['~'] = true,
	['%'] = true,
	['!'] = true,
	['$'] = true,
	['&'] = true,
	['\''] = true,
	['('] = true,
	[')'] = true,
	['*'] = true,
	['+'] = true,
	[';'] = true,
	['='] = true,
	['['] = true,
	[']'] = true,
	[':'] = true,
};

static bool host_value_ok(struct span v)
{
	for (size_t i = 0; i < v.n; i++)
		if (!host_char[(unsigned char)v.p[i]])
			return false;
	return true;
}

/* RFC 9112 3.2.2: the authority of an absolute-form counts, whatever the Host field says. */
static void replace_host(struct head *h, struct span authority)
{
	for (uint32_t i = 0; i < h->fields.n; i++) {
		if (!span_eq(field_name(&h->fields, i), SPAN("host")))
			continue;
		uint32_t at = h->fields.n;

		fields_add(&h->fields, SPAN("host"), authority);
		h->fields.list[i] = h->fields.list[at];
		h->fields.n = at;
		return;
	}
	fields_add(&h->fields, SPAN("host"), authority);
}

static const char *split_absolute(struct head *h, size_t scheme_n)
{
	struct span rest = {h->target.p + scheme_n, h->target.n - scheme_n};
	size_t n = 0;

	while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#')
		n++;
	if (n == 0)
		return "the request target has no host";
	if (memchr(rest.p, '@', n) != NULL)
		return "the request target carries user information";
	if (!host_value_ok((struct span){rest.p, n}))
		return "the request target's host is malformed";
	replace_host(h, (struct span){rest.p, n});
	rest = (struct span){rest.p + n, rest.n - n};
	if (rest.n > 0 && rest.p[0] == '/')
		return split_path(h, rest);

	const char *wrong = split_path(h, rest);

	h->raw_path = SPAN("/"); /* "http://host" and "http://host?q" */
	return wrong;
}

static bool target_bytes_ok(struct span t)
{
	for (size_t i = 0; i < t.n; i++)
		if ((unsigned char)t.p[i] <= 0x20 || t.p[i] == 0x7f)
			return false;
	return true;
}

const char *head_split_target(struct head *h)
{
	struct span t = h->target;

	if (t.n == 0 || !target_bytes_ok(t))
		return "the request target is malformed";
	if (t.p[0] == '/')
		return split_path(h, t);
	if (span_eq(t, SPAN("*"))) {
		if (!span_eq(h->method, SPAN("OPTIONS")))
			return "the request target * belongs to OPTIONS only";
		h->raw_path = t;
		h->query = SPAN("");
		return NULL;
	}
	if (starts_with_nocase(t, SPAN("http://")))
		return split_absolute(h, 7);
	if (starts_with_nocase(t, SPAN("https://")))
		return split_absolute(h, 8);
	return "the request target is neither a path nor a URI";
}

const char *head_check_host(const struct head *h)
{
	unsigned n = fields_count(&h->fields, SPAN("host"));
	uint32_t i = 0;
	struct span value;

	if (n > 1)
		return "more than one Host field";
	if (n == 0)
		return h->major == 1 && h->minor == 0 ? NULL : "no Host field";
	fields_find(&h->fields, SPAN("host"), &i, &value);
	return host_value_ok(value) ? NULL : "the Host field is malformed";
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool head_decode_path(struct arena *a, struct span raw, struct span *path_r)
{
	if (memchr(raw.p, '%', raw.n) == NULL) {
		*path_r = raw;
		return true;
	}
	char *out = arena_alloc(a, raw.n);
	size_t n = 0;

	for (size_t i = 0; i < raw.n; i++) {
		if (raw.p[i] != '%') {
			out[n++] = raw.p[i];
			continue;
		}
		if (i + 2 >= raw.n || hex(raw.p[i + 1]) < 0 || hex(raw.p[i + 2]) < 0)
			return false;
		out[n] = (char)(hex(raw.p[i + 1]) << 4 | hex(raw.p[i + 2]));
		if (out[n++] == '\0')
			return false;
		i += 2;
	}
	*path_r = (struct span){out, n};
	return true;
}
