#include "http/fields.h"

/* tchar of RFC 9110 5.6.2; each maps to its lower-case form, everything else to 0. */
static const unsigned char token[256] = {
	['!'] = '!',
	['#'] = '#',
	['$'] = '$',
	['%'] = '%',
	['&'] = '&',
	['\''] = '\'',
	['*'] = '*',
	['+'] = '+',
	['-'] = '-',
	['.'] = '.',
	['^'] = '^',
	['_'] = '_',
	['`'] = '`',
	['|'] = '|',
	['~'] = '~',
	['0'] = '0',
	['1'] = '1',
	['2'] = '2',
	['3'] = '3',
	['4'] = '4',
	['5'] = '5',
	['6'] = '6',
	['7'] = '7',
	['8'] = '8',
	['9'] = '9',
	['a'] = 'a',
	['b'] = 'b',
	['c'] = 'c',
	['d'] = 'd',
	['e'] = 'e',
	['f'] = 'f',
	['g'] = 'g',
	['h'] = 'h',
	['i'] = 'i',
	['j'] = 'j',
	['k'] = 'k',
	['l'] = 'l',
	['m'] = 'm',
	['n'] = 'n',
	['o'] = 'o',
	['p'] = 'p',
	['q'] = 'q',
	['r'] = 'r',
	['s'] = 's',
	['t'] = 't',
	['u'] = 'u',
	['v'] = 'v',
	['w'] = 'w',
	['x'] = 'x',
	['y'] = 'y',
	['z'] = 'z',
	['A'] = 'a',
	['B'] = 'b',
	['C'] = 'c',
	['D'] = 'd',
	['E'] = 'e',
	['F'] = 'f',
	['G'] = 'g',
	['H'] = 'h',
	['I'] = 'i',
	['J'] = 'j',
	['K'] = 'k',
	['L'] = 'l',
	['M'] = 'm',
	['N'] = 'n',
	['O'] = 'o',
	['P'] = 'p',
	['Q'] = 'q',
	['R'] = 'r',
	['S'] = 's',
	['T'] = 't',
	['U'] = 'u',
	['V'] = 'v',
	['W'] = 'w',
	['X'] = 'x',
	['Y'] = 'y',
	['Z'] = 'z',
};

#define FIRST_BYTES  512
#define FIRST_FIELDS 16

static char *reserve(struct fields *f, size_t n)
{
	if (UNLIKELY(f->bytes_n + n > f->bytes_cap)) {
		size_t cap = MAX(MAX(FIRST_BYTES, (size_t)f->bytes_cap * 2), f->bytes_n + n);
		char *bytes = arena_alloc(f->arena, cap);

		if (f->bytes_n > 0)
			memcpy(bytes, f->bytes, f->bytes_n);
		f->bytes = bytes;
		f->bytes_cap = (uint32_t)cap;
	}
	return f->bytes + f->bytes_n;
}

void fields_open(struct fields *f)
{
	if (f->n == f->cap) {
		uint32_t cap = MAX(FIRST_FIELDS, f->cap * 2);
		struct field *list = arena_alloc(f->arena, cap * sizeof(*list));

		if (f->n > 0)
			memcpy(list, f->list, f->n * sizeof(*list));
		f->list = list;
		f->cap = cap;
	}
	f->list[f->n++] = (struct field){.name = f->bytes_n};
}

bool fields_name(struct fields *f, const char *p, size_t n)
{
	unsigned char *to = (unsigned char *)reserve(f, n);
	bool ok = true;

	for (size_t i = 0; i < n; i++) {
		to[i] = token[(unsigned char)p[i]];
		ok &= to[i] != 0;
	}
	f->bytes_n += (uint32_t)n;
	f->list[f->n - 1].name_n += (uint32_t)n;
	return ok;
}

void fields_value(struct fields *f, const char *p, size_t n)
{
	struct field *last = &f->list[f->n - 1];

	if (n == 0)
		return;
	memcpy(reserve(f, n), p, n);
	if (last->value_n == 0)
		last->value = f->bytes_n;
	f->bytes_n += (uint32_t)n;
	last->value_n += (uint32_t)n;
}

static inline uint32_t length_bit(size_t n)
{
	return 1u << MIN(n, 31);
}

void fields_close(struct fields *f)
{
	struct field *last = &f->list[f->n - 1];
	struct span v = span_trim(field_value(f, f->n - 1));

	f->lengths |= length_bit(last->name_n);
	last->value = last->value_n > 0 ? (uint32_t)(v.p - f->bytes) : 0;
	last->value_n = (uint32_t)v.n;
}

void fields_add(struct fields *f, struct span name, struct span value)
{
	fields_open(f);
	char *to = reserve(f, name.n + value.n);
	struct field *last = &f->list[f->n - 1];

	memcpy(to, name.p, name.n);
	memcpy(to + name.n, value.p, value.n);
	f->lengths |= length_bit(name.n);
	last->name_n = (uint32_t)name.n;
	last->value = f->bytes_n + (uint32_t)name.n;
	last->value_n = (uint32_t)value.n;
	f->bytes_n += (uint32_t)(name.n + value.n);
}

bool fields_find(const struct fields *f, struct span name, uint32_t *i, struct span *value_r)
{
	if ((f->lengths & length_bit(name.n)) == 0)
		return false;
	for (; *i < f->n; ++*i) {
		if (!span_eq(field_name(f, *i), name))
			continue;
		*value_r = field_value(f, *i);
		++*i;
		return true;
	}
	return false;
}

unsigned fields_count(const struct fields *f, struct span name)
{
	unsigned n = 0;
	uint32_t i = 0;
	struct span value;

	while (fields_find(f, name, &i, &value))
		n++;
	return n;
}

bool fields_has_token(const struct fields *f, struct span name, struct span wanted)
{
	uint32_t i = 0;
	struct span value, element;

	while (fields_find(f, name, &i, &value))
		while (span_next_token(&value, &element))
			if (span_ieq(element, wanted))
				return true;
	return false;
}

bool field_name_ok(struct span name)
{
	for (size_t i = 0; i < name.n; i++)
		if (token[(unsigned char)name.p[i]] == 0)
			return false;
	return name.n > 0;
}

#define EACH_BYTE(n) (UINT64_MAX / 255 * (n))

/* Whether one of eight bytes is below 0x20 or is 0x7f; HTAB is, too, and looked at again. */
static inline bool suspicious(uint64_t w)
{
	uint64_t del = w ^ EACH_BYTE(0x7f);

	return (((w - EACH_BYTE(0x20)) & ~w) | ((del - EACH_BYTE(1)) & ~del)) & EACH_BYTE(0x80);
}

static bool controls(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (((unsigned char)p[i] < 0x20 && p[i] != '\t') || p[i] == 0x7f)
			return true;
	return false;
}

/* Hot: every byte of every value. */
bool field_value_ok(struct span value)
{
	size_t i = 0;

	for (; i + sizeof(uint64_t) <= value.n; i += sizeof(uint64_t)) {
		uint64_t w;

		memcpy(&w, value.p + i, sizeof(w));
		if (UNLIKELY(suspicious(w)) && controls(value.p + i, sizeof(w)))
			return false;
	}
	return !controls(value.p + i, value.n - i);
}
