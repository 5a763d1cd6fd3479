/*
 * OPT(TYPE, field, "name", "VALUE", "default", min, max, "group", "help")
 *
 * The one table of options: struct options, argv, environment, configuration file, --help and the
 * manual's table are made from it. TYPE is one of the rows of option_types.tbl.h, which says how
 * the text is read and what min and max count. Rows of one group stand together.
 */
OPT(ADDRS, bind, "bind", "ADDR", "127.0.0.1:8000", 0, 0, "Listening",
	"listen on HOST:PORT, [V6]:PORT, :PORT (every address) or unix:PATH")
OPT(MODE, unix_mode, "unix-mode", "MODE", "0660", 0, 0777, "Listening",
	"file mode of unix sockets, octal")
OPT(INT, backlog, "backlog", "N", "1024", 1, 65535, "Listening",
	"connections that wait to be accepted, per socket")
OPT(PREFIX, root_path, "root-path", "PATH", "", 0, 1024, "Listening",
	"where a proxy has mounted the application, such as /shop")
OPT(NETS, trusted_proxy, "trusted-proxy", "NET", "", 0, 0, "Listening",
	"address, network (10.0.0.0/8) or 'unix' whose X-Forwarded-* fields are believed")

OPT(COUNT, workers, "workers", "N|auto", "1", 1, 256, "Processes",
	"worker processes; auto: one for each usable CPU")
OPT(INT, threads, "threads", "N", "4", 1, 256, "Processes", "threads for blocking work, per worker")
OPT(INT, thread_queue, "thread-queue", "N", "1024", 1, 1000000, "Processes",
	"jobs that may wait for a thread, per worker")
OPT(SIZE, thread_memory_bytes, "thread-memory", "SIZE", "64M", 1048576, 1099511627776, "Processes",
	"Lua memory that a thread may keep between two jobs; above it starts afresh")
OPT(INT, max_connections, "max-connections", "N", "10000", 1, 1000000, "Processes",
	"open connections, per worker")
OPT(DURATION, start_timeout_us, "start-timeout", "TIME", "60s", 0, 86400000000, "Processes",
	"how long loading and starting the application may take; 0: any")
OPT(DURATION, drain_timeout_us, "drain-timeout", "TIME", "10s", 0, 86400000000, "Processes",
	"how long running requests may take to end at stop and reload")
OPT(STRING, control, "control", "PATH", "", 0, 90, "Processes",
	"let moonloop repl --attach PATH look into the workers: unix sockets PATH.0, PATH.1, ...")
OPT(STRING, pid_file, "pid-file", "PATH", "", 0, 4096, "Processes",
	"write the master's process id here")

OPT(SIZE, head_max_bytes, "head-max", "SIZE", "16k", 1024, 1048576, "Limits",
	"request line and header fields together (431)")
OPT(INT, fields_max, "fields-max", "N", "100", 1, 10000, "Limits",
	"header fields of a request (431)")
OPT(SIZE, target_max_bytes, "target-max", "SIZE", "8k", 64, 1048576, "Limits",
	"request target (414)")
OPT(SIZE, body_max_bytes, "body-max", "SIZE", "16M", 0, 1125899906842624, "Limits",
	"request body (413)")
OPT(SIZE, high_water_bytes, "high-water", "SIZE", "64k", 4096, 67108864, "Limits",
	"bytes queued for each direction of an exchange before its source is paused")

OPT(DURATION, head_timeout_us, "head-timeout", "TIME", "10s", 1000, 86400000000, "Time-outs",
	"for a whole request head to arrive (408)")
OPT(DURATION, body_timeout_us, "body-timeout", "TIME", "30s", 1000, 86400000000, "Time-outs",
	"without a byte of the body (408)")
OPT(DURATION, idle_timeout_us, "idle-timeout", "TIME", "75s", 1000, 86400000000, "Time-outs",
	"of a kept-alive connection between two requests")
OPT(DURATION, write_timeout_us, "write-timeout", "TIME", "30s", 1000, 86400000000, "Time-outs",
	"without the client taking a byte")

OPT(DURATION, cpu_budget_us, "cpu-budget", "TIME", "10s", 0, 86400000000, "Guard",
	"CPU time that a request or task may use, its waits not counted (503); 0: any")
OPT(DURATION, stall_report_us, "stall-report", "TIME", "100ms", 0, 86400000000, "Guard",
	"log once for each place what held up the other requests for longer; 0: nothing")
OPT(DURATION, stall_kill_us, "stall-kill", "TIME", "30s", 0, 86400000000, "Guard",
	"replace a worker that is stuck for so long in one function; 0: never")
OPT(ENUM, blocking_warnings, "blocking-warnings", "on|off", "on", 0, 0, "Guard",
	"log once for each place a call of Lua's io library that blocks the loop")

OPT(SERVERS, dns_servers, "dns-servers", "IP[:PORT]", "", 0, 0, "Names",
	"name servers to ask, instead of those of /etc/resolv.conf")
OPT(DURATION, dns_timeout_us, "dns-timeout", "TIME", "5s", 1000, 3600000000, "Names",
	"wait for a name server's answer; at the second try twice as long")
OPT(INT, dns_cache, "dns-cache", "N", "1000", 0, 1000000, "Names",
	"answers of name servers that are kept, per worker; 0: none")

OPT(STRING, lua_path, "lua-path", "TEMPLATES", "", 0, 16384, "Application",
	"put before package.path, such as lib/?.lua;lib/?/init.lua")
OPT(STRING, lua_cpath, "lua-cpath", "TEMPLATES", "", 0, 16384, "Application",
	"put before package.cpath")
OPT(STRING, config, "config", "FILE", "", 0, 4096, "Application",
	"read options from a Lua file: return { workers = 2 }")

OPT(BOOL, reload, "reload", "", "no", 0, 0, "Development",
	"load the application anew when one of its files changes; moonloop dev does")
OPT(TEXTS, reload_dir, "reload-dir", "DIR", "", 0, 4096, "Development",
	"with --reload: any file in or below this directory counts, too")
OPT(TEXTS, reload_ignore, "reload-ignore", "PATTERN", "", 0, 4096, "Development",
	"with --reload: files and directories that do not count, such as *.log or build/**")

OPT(STRING, log, "log", "-|PATH", "-", 1, 4096, "Logging", "the error log; - is stderr")
OPT(ENUM, log_level, "log-level", "debug|info|warn|error", "info", 0, 0, "Logging",
	"the least level that is logged")
OPT(ENUM, log_format, "log-format", "text|json|pretty", "text", 0, 0, "Logging",
	"one line, or one JSON object, for each event; pretty: for people who look")
OPT(STRING, access_log, "access-log", "off|-|PATH", "off", 1, 4096, "Logging",
	"the access log; - is stdout")
OPT(STRING, access_log_format, "access-log-format", "FORMAT", "combined", 1, 4096, "Logging",
	"combined, json, pretty, or a format string")
OPT(DURATION, slow_request_us, "slow-request", "TIME", "500ms", 0, 86400000000, "Logging",
	"the access log format pretty marks what took longer; 0: nothing")
OPT(BOOL, quiet, "quiet", "", "no", 0, 0, "Logging", "no line on stderr when the gateway is up")
