/*
 * OPTION_TYPE(TYPE, C type of the field, repeatable): one row for each function read_TYPE
 * of option_value.c. What min and max of a row in options.tbl.h count stands behind the row.
 */
OPTION_TYPE(STRING, char *, false)            /* owned, never NULL; length */
OPTION_TYPE(PREFIX, char *, false)            /* "" or /path without a last slash; length */
OPTION_TYPE(BOOL, bool, false)                /* yes no true false on off 1 0; nothing */
OPTION_TYPE(INT, int, false)                  /* value */
OPTION_TYPE(COUNT, int, false)                /* as INT, "auto" is the usable CPUs; value */
OPTION_TYPE(SIZE, size_t, false)              /* bytes; 1024 = 1k, 1M, 1G; value */
OPTION_TYPE(DURATION, uint64_t, false)        /* microseconds; 5 = 5s, 250ms, 2m, 1h; value */
OPTION_TYPE(MODE, unsigned, false)            /* octal; value */
OPTION_TYPE(ENUM, int, false)                 /* index into the words of VALUE; nothing */
OPTION_TYPE(ADDRS, struct option_addrs, true) /* net/addr.h; nothing */
OPTION_TYPE(SERVERS, struct option_addrs, true) /* IP[:port] of name servers; nothing */
OPTION_TYPE(NETS, struct option_nets, true)   /* net/addr.h; nothing */
OPTION_TYPE(TEXTS, struct option_texts, true) /* owned strings; length of each */
