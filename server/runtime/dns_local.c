#include "runtime/dns_int.h"

#include <arpa/inet.h>
#include <ctype.h>

#define LABEL_MAX 63
#define ZONE_MAX  15 /* of fe80::1%eth0: an interface's name (IFNAMSIZ) */

int dns_literal_family(const char *text)
{
	unsigned char address[16];
	const char *zone = strchr(text, '%');
	char host[INET6_ADDRSTRLEN];
	size_t n = zone ? (size_t)(zone - text) : strlen(text);

	if (n >= sizeof(host))
		return 0;
	memcpy(host, text, n);
	host[n] = '\0';
	if (zone && (zone[1] == '\0' || strlen(zone + 1) > ZONE_MAX))
		return 0;
	if (!zone && inet_pton(AF_INET, host, address) == 1)
		return 4;
	return inet_pton(AF_INET6, host, address) == 1 ? 6 : 0;
}

static const char *check_label(struct span label)
{
	if (label.n == 0)
		return "has an empty part between its dots";
	if (label.n > LABEL_MAX)
		return "has a part of more than 63 bytes";
	for (size_t i = 0; i < label.n; i++) {
		unsigned char c = (unsigned char)label.p[i];

		if (c >= 0x80)
			return "is not ASCII: write it as xn--...";
		if (!isalnum(c) && c != '-' && c != '_')
			return "has a character that no name has";
	}
	return NULL;
}

/* "1.2.3", "127.1": what some read as an address, and no name server knows. */
static bool is_number(struct span label)
{
	uint64_t n;

	return label.n < 10 && span_to_u64(label, &n);
}

const char *dns_name_read(struct dns_name *n, struct span name)
{
	struct span label = {name.p, 0};
	const char *wrong = NULL;

	n->bare = (struct span){
		n->text, name.n > 0 && name.p[name.n - 1] == '.' ? name.n - 1 : name.n};
	if (n->bare.n == 0)
		return "is empty";
	if (n->bare.n > DNS_NAME_MAX)
		return "has more than 253 bytes";
	for (size_t i = 0; i < name.n; i++)
		n->text[i] =
			(char)(name.p[i] >= 'A' && name.p[i] <= 'Z' ? name.p[i] | 0x20 : name.p[i]);
	n->text[name.n] = '\0';
	for (size_t i = 0; i <= n->bare.n && !wrong; i++) {
		label.n = (size_t)(name.p + i - label.p);
		if (i < n->bare.n && name.p[i] != '.')
			continue;
		wrong = check_label(label);
		if (!wrong && i == n->bare.n && is_number(label))
			wrong = "is not an address, and no name ends in a number";
		label.p = name.p + i + 1;
	}
	return wrong;
}

static bool ends_in_localhost(struct span name)
{
	static const struct span word = SPAN("localhost");

	if (name.n < word.n || memcmp(name.p + name.n - word.n, word.p, word.n) != 0)
		return false;
	return name.n == word.n || name.p[name.n - word.n - 1] == '.';
}

static void add(struct dns_records *out, enum dns_kind kind, int family, const char *text)
{
	if (kind == DNS_ANY || kind == (family == 4 ? DNS_A : DNS_AAAA))
		dns_records_add(out, (struct dns_record){.family = (uint8_t)family}, span_of(text));
}

bool dns_local(struct dns_records *out, enum dns_kind kind, const struct dns_name *name)
{
	int family = dns_literal_family(name->text);

	if (family != 0) {
		add(out, kind, family, name->text);
		return true;
	}
	if (ends_in_localhost(name->bare)) {
		add(out, kind, 6, "::1");
		add(out, kind, 4, "127.0.0.1");
		return true;
	}
	if (kind != DNS_ANY && kind != DNS_A && kind != DNS_AAAA)
		return false;
	return dns_hosts_find(out, kind, name->bare);
}
