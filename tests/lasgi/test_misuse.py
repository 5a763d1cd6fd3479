"""What an application does wrong: refused at its own line, with nothing of it written."""

from __future__ import annotations

import unittest

from contract import Closed, Topic, line_of

START = "must be an integer from 200 to 599, got "
TOKEN = " is no token (RFC 9110 5.6.2)"
CONTROL = " has a control character (CR, LF, NUL, ...)"
GATEWAYS = " belongs to the gateway, which does the framing"
LENGTH = "content-length is given twice or is no number"
AFTER_END = "after the end: the response is already complete"
TRAILERS = "http.response.trailers: trailers come after the last piece of body, announced by trailers = true at start"

# What is refused before anything was started: a proper answer is still possible.
FRESH = {
    "not_a_table": "send: expected a message (a table), got string",
    "no_type": "send: the message has no type",
    "unknown_type": "send: unknown message type http.response.stop",
    "type_is_number": "send: unknown message type 5",
    "other_scope": "send: unknown message type websocket.accept",
    "tail_call": "send: unknown message type nonsense",
    "by_pcall": "send: unknown message type nonsense",
    "in_a_coroutine": "send: unknown message type nonsense",
    "no_status": f"status {START}nil",
    "status_string": f"status {START}string",
    "status_fraction": f"status {START}200.5",
    "status_nan": f"status {START}nan",
    "status_100": f"status {START}100",
    "status_600": f"status {START}600",
    "trailers_flag": "trailers must be a boolean, got string",
    "headers_string": "headers must be a table, got string",
    "headers_flat": "headers[1] must be a {name, value} pair, got string",
    "headers_mixed": "headers has pairs and also the name 'x-lost': use one of the two forms",
    "header_name_number": "a header name must be a string, got number",
    "header_value_nil": "the value of header 'x-a' must be a string or a number, got nil",
    "header_value_boolean": "the value of header 'x-a' must be a string or a number, got boolean",
    "header_value_table": "the value of header 'x-a' must be a string or a number, got table",
    "header_name_space": f"header name 'x a'{TOKEN}",
    "header_name_colon": f"header name 'x-a:'{TOKEN}",
    "header_name_empty": f"header name ''{TOKEN}",
    "header_name_crlf": "header name 'x-a",
    "header_value_cr": f"the value of header 'x-a'{CONTROL}",
    "header_value_lf": f"the value of header 'x-a'{CONTROL}",
    "header_value_nul": f"the value of header 'x-a'{CONTROL}",
    "header_value_in_array": f"the value of header 'x-a'{CONTROL}",
    "reserved_transfer_encoding": f"header 'Transfer-Encoding'{GATEWAYS}",
    "reserved_connection": f"header 'connection'{GATEWAYS}",
    "reserved_keep_alive": f"header 'Keep-Alive'{GATEWAYS}",
    "reserved_upgrade": f"header 'upgrade'{GATEWAYS}",
    "length_twice": LENGTH,
    "length_word": LENGTH,
    "length_negative": LENGTH,
    "body_number": "body must be a string or an array of strings, got number",
    "body_names": "body must be a string or an array of strings, got a table with names: encode it",
    "body_array_number": "body[2] must be a string, got number",
    "more_body_string": "more_body must be a boolean, got string",
    "longer_at_once": "more body than the content-length of 3 that was given at start",
    "body_first": "body before start: http.response.start comes first",
    "trailers_first": TRAILERS,
    "file_first": "a file comes right after http.response.start, instead of any body",
    "receive_timeout": "receive: timeout must be a number of seconds, got string",
    "hint_none": "http.response.early_hint: links must be a string or an array of strings, got nil",
    "hint_number": "http.response.early_hint: links[2] must be a string, got number",
    "hint_lf": "http.response.early_hint: links has a control character",
}

# The start was accepted and is held back: the error can still become a 500.
HELD = {
    "start_twice": "start twice: the response has already been started",
    "hint_after_start": "an early hint comes before http.response.start",
    "trailers_not_announced": TRAILERS,
    "file_without_path": "http.response.file: needs fd, or path (and root) as strings",
    "file_nul": "http.response.file: path has a NUL byte",
    "file_offset": "http.response.file: offset must be an integer >= 0, got -1",
    "file_beyond": "http.response.file: offset and length reach beyond the file's ",
    "file_not_as_declared": "http.response.file: content-length does not fit the file",
}

# A part of the body is out: the connection is cut before the end.
CUT = {
    "start_after_body": "start twice: the response has already been started",
    "later_body_number": "body must be a string or an array of strings, got number",
    "longer_later": "more body than the content-length of 5 that was given at start",
    "file_after_body": "a file comes right after http.response.start, instead of any body",
    "body_after_last": "after the end of the body: only http.response.trailers may follow",
    "bad_trailer": f"http.response.trailers: header name 'x a'{TOKEN}",
    "reserved_trailer": f"http.response.trailers: header 'content-length'{GATEWAYS}",
}

# The response is complete and stays whole.
COMPLETE = {
    "body_after_end": AFTER_END,
    "start_after_end": AFTER_END,
    "trailers_after_end": f"http.response.trailers: {AFTER_END}",
    "hint_after_end": "an early hint comes before http.response.start",
    "file_after_end": "a file comes right after http.response.start, instead of any body",
}


class Misuse(Topic):
    """Each case: what the client sees, and what the author reads."""

    app = "misuse.lua"
    errors = ("app.error",)

    def where(self, name: str) -> str:
        return f"{self.source}:{line_of(self.source, f'-- {name}')}: "

    def check_record(self, name: str, said: str) -> None:
        record = self.record("app.error", f"path=/{name}\n")
        first = record.splitlines()[1]
        self.assertTrue(first.startswith(f"\t{self.where(name)}{said}"), first)
        self.assertNotIn("moonloop.core", record)

    def test_500(self) -> None:
        for name, said in {**FRESH, **HELD}.items():
            with self.subTest(name):
                answer = self.ask(f"/{name}")
                self.assertEqual((answer.status, answer.text), (500, "500 Internal Server Error\n"))
                self.assertEqual({key for key, _ in answer.headers} - {"content-type", "content-length", "date"}, set())
                self.check_record(name, said)

    def test_caught(self) -> None:
        """Nothing was written, and the next start begins afresh."""
        with self.gw.connect() as conn:
            for name, said in FRESH.items():
                with self.subTest(name):
                    conn.request("GET", f"/caught?{name}")
                    answer = conn.read_response()
                    self.assertEqual(answer.status, 200)
                    self.assertTrue(answer.text.startswith(self.where(name) + said), answer.text)
                    self.assertEqual([key for key, _ in answer.headers], ["x-after", "content-length", "date"])
                    self.assertEqual(answer.interim, [])

    def test_cut(self) -> None:
        for name, said in CUT.items():
            with self.subTest(name), self.gw.connect() as conn:
                conn.request("GET", f"/{name}", {"TE": "trailers"})
                with self.assertRaises(Closed):
                    conn.read_response()
                self.check_record(name, said)

    def test_complete(self) -> None:
        for name, said in COMPLETE.items():
            with self.subTest(name), self.gw.connect() as conn:
                conn.request("GET", f"/{name}")
                self.assertEqual(conn.read_response().text, "whole")
                self.check_record(name, said)
                conn.request("GET", "/info")
                self.assertEqual(conn.read_response().status, 200)

    def test_every_case_is_expected(self) -> None:
        marked = {line.rsplit("-- ", 1)[1] for line in self.source.read_text().splitlines() if line.startswith("\t")
                  and " -- " in line}
        self.assertEqual(marked, {*FRESH, *HELD, *CUT, *COMPLETE})


if __name__ == "__main__":
    unittest.main()
