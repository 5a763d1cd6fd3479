/*
 * ACCESS(name, KIND, getter, "help"): the placeholders of the access log; %{name} in a format
 * string. KIND says what the getter of access_log.c answers and how JSON shows it:
 *
 *     TEXT    struct span   bytes of the peer: escaped and cut      a string
 *     WORD    struct span   our own word, written as it is          a string
 *     NUMBER  int64_t       below 0: missing                        a number
 *     MS      int64_t       microseconds, shown as 12.345           a number
 */
ACCESS(remote, WORD, get_remote, "address of the client, behind a trusted proxy the real one")
ACCESS(remote_port, NUMBER, get_remote_port, "its port, when known")
ACCESS(time, WORD, get_time, "when the response ended: 2026-11-23T07:40:38.123Z")
ACCESS(time_clf, WORD, get_time_clf, "the same as 23/Nov/2026:07:40:38 +0000")
ACCESS(method, TEXT, get_method, "GET, POST, …")
ACCESS(target, TEXT, get_target, "the request target as received, query included")
ACCESS(path, TEXT, get_path, "the path, percent-decoded")
ACCESS(query, TEXT, get_query, "what stands behind the ?, still encoded")
ACCESS(scheme, WORD, get_scheme, "http or https, behind a trusted proxy the client's")
ACCESS(protocol, WORD, get_protocol, "HTTP/1.0, HTTP/1.1, HTTP/2.0")
ACCESS(host, TEXT, get_host, "the Host field")
ACCESS(referer, TEXT, get_referer, "the Referer field")
ACCESS(user_agent, TEXT, get_user_agent, "the User-Agent field")
ACCESS(status, NUMBER, get_status, "status of the response")
ACCESS(bytes, NUMBER, get_bytes, "body bytes of the response")
ACCESS(request_bytes, NUMBER, get_request_bytes, "body bytes of the request that were received")
ACCESS(queue_ms, MS, get_queue_us, "from the head's end until the application first ran")
ACCESS(lua_ms, MS, get_lua_us, "spent in Lua, waits not counted")
ACCESS(total_ms, MS, get_total_us, "from the head's end until the response was complete")
ACCESS(worker, NUMBER, get_worker, "process id of the worker")
