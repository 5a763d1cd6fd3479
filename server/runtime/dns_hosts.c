#include "runtime/dns_int.h"

#include "base/clock.h"
#include "base/mem.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

/* One name of one line of the file; both texts are in `hosts.text`. */
struct host {
	const char *name, *address;
	int family;
};

static struct {
	struct dns_file file;
	char *text;     /* owned: what was read, cut into words */
	struct host *v; /* owned; by name, else as in the file */
	size_t n, cap;
} hosts;

bool dns_file_changed(struct dns_file *f, const char *path)
{
	uint64_t now = clock_now_us();
	struct dns_file was = *f;
	struct stat st;

	if (now < f->next_us)
		return false;
	if (stat(path, &st) != 0)
		st = (struct stat){0};
	*f = (struct dns_file){
		.next_us = now + CLOCK_SECOND,
		.size = (uint64_t)st.st_size,
		.inode = st.st_ino,
		.changed_ns =
			(uint64_t)st.st_mtim.tv_sec * 1000000000u + (uint64_t)st.st_mtim.tv_nsec,
	};
	return was.next_us == 0 || was.size != f->size || was.inode != f->inode ||
	       was.changed_ns != f->changed_ns;
}

static void drop(void)
{
	mem_free(hosts.text);
	mem_free(hosts.v);
	hosts.text = NULL;
	hosts.v = NULL;
	hosts.n = hosts.cap = 0;
}

/* The file, in zeros at the end; false: there is none. */
static bool read_file(const char *path, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	ssize_t n;

	if (fd < 0)
		return false;
	size = MIN(size, DNS_HOSTS_BYTES);
	hosts.text = mem_alloc(size + 1);
	n = read(fd, hosts.text, size);
	close(fd);
	hosts.text[MAX(n, 0)] = '\0';
	return n > 0;
}

static void add(const char *name, const char *address, int family)
{
	if (hosts.n == hosts.cap) {
		hosts.cap = MAX(2 * hosts.cap, 16);
		hosts.v = mem_realloc(hosts.v, hosts.cap * sizeof(*hosts.v));
	}
	hosts.v[hosts.n++] = (struct host){name, address, family};
}

/* "127.0.1.1  name alias # comment", as of hosts(5). */
static void read_line(char *line)
{
	static const char blanks[] = " \t\r\f\v";
	const char *address;
	char *word;
	int family;

	line[strcspn(line, "#")] = '\0';
	address = strsep(&line, blanks);
	family = dns_literal_family(address);
	while (family != 0 && (word = strsep(&line, blanks)) != NULL) {
		for (char *p = word; *p != '\0'; p++)
			*p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 0x20) : *p;
		if (*word != '\0')
			add(word, address, family);
	}
}

/* Equal names stay as in the file: an address further down stands at a higher place in memory. */
static int compare(const void *a, const void *b)
{
	const struct host *x = a, *y = b;
	int by_name = strcmp(x->name, y->name);

	return by_name != 0 ? by_name : (x->address > y->address) - (x->address < y->address);
}

void dns_hosts_refresh(const char *path)
{
	char *rest, *line;

	if (!dns_file_changed(&hosts.file, path))
		return;
	drop();
	if (!read_file(path, hosts.file.size))
		return;
	rest = hosts.text;
	while ((line = strsep(&rest, "\n")) != NULL)
		read_line(line);
	if (hosts.n > 0)
		qsort(hosts.v, hosts.n, sizeof(*hosts.v), compare);
}

static int compare_name(struct span name, const char *with)
{
	int c = strncmp(name.p, with, name.n);

	return c != 0 ? c : with[name.n] == '\0' ? 0 : -1;
}

bool dns_hosts_find(struct dns_records *out, enum dns_kind kind, struct span name)
{
	size_t low = 0, high = hosts.n, first;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_name(name, hosts.v[middle].name) > 0)
			low = middle + 1;
		else
			high = middle;
	}
	first = low;
	for (; low < hosts.n && compare_name(name, hosts.v[low].name) == 0; low++) {
		const struct host *h = &hosts.v[low];

		if (kind == DNS_ANY || (kind == DNS_A) == (h->family == 4))
			dns_records_add(out, (struct dns_record){.family = (uint8_t)h->family},
				span_of(h->address));
	}
	return low > first;
}

void dns_hosts_teardown(void)
{
	drop();
	hosts.file = (struct dns_file){0};
}
