"""moonloop repl: a script on standard input, and a person at a terminal."""

from __future__ import annotations

import os
import pty
import select
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path

from gateway import Gateway, check_forbidden, clean_env, run
from support import MOONLOOP, patient, poll

APP = """\
local lasgi = require "moonloop.lasgi"
return function(scope, receive, send)
	if scope.type == "lifespan" then
		receive()
		scope.state.greeting = "hello"
		send { type = "lifespan.startup.complete" }
		repeat until receive().type == "lifespan.shutdown"
		print("shut down")
		send { type = "lifespan.shutdown.complete" }
		return
	end
	if scope.type ~= "http" then error(lasgi.unsupported) end
	local body = scope.state.greeting .. " " .. scope.path .. receive().body
	send { type = "http.response.start", status = 200, body = body }
end
"""


class Directory(unittest.TestCase):
    """Each test has a directory of its own."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = Path(directory.name)
        (self.dir / "app.lua").write_text(APP)


class Script(Directory):
    """Standard input is no terminal."""

    def script(self, text: str, *words: str, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Runs the lines."""
        done = subprocess.run([str(MOONLOOP), "repl", *words], input=text, capture_output=True, text=True, cwd=self.dir,
                              timeout=patient(20), env=clean_env({"HOME": str(self.dir)}))
        check_forbidden(done.stderr)
        self.assertEqual(done.returncode, code, done.stdout + done.stderr)
        return done

    def test_values(self) -> None:
        """Expressions print, statements do not; the last value is _; nothing is written elsewhere."""
        done = self.script('1 + 1\n_ * 2\n= "a", nil, 3\nx = 5\nx\nlocal y = 1\n\nprint("p")\nreturn 7, nil, 8\nnil')
        self.assertEqual(done.stdout, '2\n4\n"a"\tnil\t3\n5\np\n7\tnil\t8\nnil\n')
        self.assertEqual(done.stderr, "")
        self.assertEqual([path.name for path in self.dir.iterdir()], ["app.lua"])

    def test_tables(self) -> None:
        """Sorted keys, cycles, depth, long ones on several lines."""
        done = self.script('t = { 3, 2, b = 1, a = "x\\n", ["end"] = true, [2.5] = ("y"):rep(9) }\nt.itself = t\nt\n'
                           "{ { { { { { 1 } } } } } }\n"
                           'setmetatable({}, { __tostring = function() return "mine" end })\n'
                           'setmetatable({ 1 }, { __name = "kind" })\n("x"):rep(3)\n')
        self.assertEqual(done.stdout, '{\n  3,\n  2,\n  [2.5] = "yyyyyyyyy",\n  a = "x\\n",\n  b = 1,\n  ["end"] = true,\n'
                         "  itself = {<itself>},\n}\n{ { { { { {…} } } } } }\nmine\nkind { 1 }\n\"xxx\"\n")

    def test_waiting(self) -> None:
        """Inputs may wait; what they spawn goes on after them."""
        done = self.script('task = require "moonloop.task"\ntask.sleep(0.01)\n'
                           "t = task.spawn(function() task.sleep(0.05) return task.name() end)\nt:name('late')\n"
                           "t:ended()\nt:join()\ntask.name()\nt = task.spawn(task.sleep, 600)\n")
        self.assertIn('\nfalse\n"late"\n"input"\n', "\n" + done.stdout)

    def test_several_lines(self) -> None:
        """An input goes on until it is complete."""
        done = self.script("for i = 1, 2 do\n  print(i)\nend\nfunction f(x)\nreturn [[a\n\nb]] .. x\nend\nf(1)\n{\n1,\n}\n")
        self.assertEqual(done.stdout, '1\n2\n"a\\n\\nb1"\n{ 1 }\n')
        self.assertIn("no end", self.script("for i = 1, 2 do\nprint(i)\n", code=1).stderr)

    def test_errors(self) -> None:
        """Errors are told with their lines, the next input runs, the exit code tells."""
        done = self.script('x = = 1\nerror("no fuel")\nprint(\n\n\nlost.field)\nerror({ code = 7 })\nerror()\n1\n', code=1)
        self.assertEqual(done.stdout, "1\n")
        self.assertIn("stdin:1: unexpected symbol near '='", done.stderr)
        self.assertIn("stdin:1: no fuel", done.stderr)
        self.assertIn("stdin:4: attempt to index global 'lost'", done.stderr)
        self.assertIn("code = 7", done.stderr)
        self.assertNotIn("moonloop.tools", done.stderr)

    def test_application(self) -> None:
        """With APP its lifespan runs, and request calls it."""
        done = self.script('request("GET", "/moon").body\nrequest("POST", "/", { body = "!" }).status\ntype(app)\n', "app.lua")
        self.assertEqual(done.stdout, '"hello /moon"\n200\n"function"\nshut down\n')
        (self.dir / "bad.lua").write_text('error("no fuel")\n')
        self.assertIn("bad.lua:1: no fuel", self.script("1\n", "bad.lua", code=3).stderr)
        (self.dir / "bad.lua").write_text("return 5\n")
        self.assertIn("bad.lua", self.script("1\n", "bad.lua", code=3).stderr)
        self.assertIn("gone.lua", self.script("1\n", "gone.lua", code=2).stderr)
        self.assertIn("--colour: unknown option", self.script("1\n", "--colour", code=2).stderr)


class Terminal(Directory):
    """Standard input is a pseudo-terminal."""

    def setUp(self) -> None:
        super().setUp()
        self.fd = -1
        self.pid = 0

    def start(self, *words: str) -> None:
        """The prompt is there."""
        self.pid, self.fd = pty.fork()
        if self.pid == 0:
            os.chdir(self.dir)
            state = {"TERM": "xterm", "XDG_STATE_HOME": str(self.dir / "state"), "LANG": "C.UTF-8"}
            os.execve(MOONLOOP, ["moonloop", "repl", *words], {**clean_env(None), **state})
        self.addCleanup(self.kill)
        self.expect("> ")

    def kill(self) -> None:
        """Whatever happened, nothing is left."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
            self.pid = 0
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def expect(self, wanted: str) -> str:
        """Reads until the terminal has shown that; what it has shown."""
        shown = b""
        deadline = time.monotonic() + patient(10)
        while not shown.decode(errors="replace").endswith(wanted):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self.fd], [], [], left)[0]:
                raise AssertionError(f"{wanted!r} was not shown, but {shown!r}")
            shown += os.read(self.fd, 4096)
        return shown.decode().replace("\r", "")

    def type(self, keys: str, wanted: str = "\n> ") -> str:
        """Presses keys, and waits for the next prompt."""
        os.write(self.fd, keys.encode())
        return self.expect(wanted)

    def leave(self) -> int:
        """Ctrl-D; the exit code."""
        os.write(self.fd, b"\x04")
        deadline = time.monotonic() + patient(10)
        while time.monotonic() < deadline:
            if select.select([self.fd], [], [], 0.05)[0]:
                try:
                    os.read(self.fd, 4096)
                except OSError:
                    pass
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.pid = 0
                return os.waitstatus_to_exitcode(status)
        raise AssertionError("it did not leave")

    def test_session(self) -> None:
        """Inputs and answers, also over several lines; Ctrl-D leaves at once."""
        self.start("app.lua")
        self.assertEqual(self.type("1+1\n"), "1+1\n2\n> ")
        self.type("for i = 1, 2 do\n", "\n>> ")
        self.type("print(i)\n", "\n>> ")
        self.assertIn("1\n2\n", self.type("end\n"))
        self.assertIn('"hello /"', self.type('request("GET", "/").body\n'))
        self.assertIn('"hé"', self.type('"hé"\n'))
        self.assertIn("attempt to index", self.type("lost.x\n"))
        self.assertEqual(self.leave(), 0)

    def test_interrupt(self) -> None:
        """Ctrl-C stops an input that waits, one that computes, and a line that is being written; no more."""
        self.start()
        os.write(self.fd, b'require("moonloop").sleep(600)\n')
        self.expect("sleep(600)\r\n")
        time.sleep(0.2)
        self.assertIn("interrupted", self.type("\x03"))
        os.write(self.fd, b"while true do end\n")
        self.expect("do end\r\n")
        time.sleep(0.3)
        self.assertIn("interrupted", self.type("\x03"))
        self.type("for i = 1, 2 do\n", "\n>> ")
        self.type("\x03")
        os.write(self.fd, b"wrong")
        self.expect("wrong")
        self.type("\x03")
        self.assertEqual(self.type("2+2\n"), "2+2\n4\n> ")
        self.assertEqual(self.leave(), 0)

    def test_completion(self) -> None:
        """Tab completes globals, fields, methods and the names of modules."""
        self.start()
        self.type("shop = setmetatable({ wares = {} }, { __index = { welcome = function() return 'in' end } })\n")
        self.assertIn('"4"', self.type('str\t.form\t("%d", 4)\n'))
        self.assertIn('"in"', self.type("shop:w\t()\n"))
        self.assertIn("{}", self.type("shop.wa\t\n"))
        self.assertIn("true", self.type('require("moonloop.tim\t").now() > 0\n'))
        self.assertIn("string.upper", self.type("string.\t\t", "> string."))
        self.type("\x03")
        self.assertEqual(self.leave(), 0)

    def test_history(self) -> None:
        """The arrow key brings an input back, in the next session, too; the file is private."""
        self.start()
        self.type("40 + 2\n")
        self.assertIn("42", self.type("\x1b[A\n"))
        self.type("for i = 7, 7 do\n", "\n>> ")
        self.type("print(i)\n", "\n>> ")
        self.type("end\n")
        self.assertEqual(self.leave(), 0)
        history = self.dir / "state" / "moonloop" / "history"
        self.assertEqual(history.stat().st_mode & 0o777, 0o600)
        self.kill()
        self.start()
        self.assertIn("7", self.type("\x1b[A\n"))
        self.assertIn("42", self.type("\x1b[A\x1b[A\x1b[A\n"))
        self.assertEqual(self.leave(), 0)


class Attach(Directory):
    """A prompt in a worker that serves, by its control socket."""

    def setUp(self) -> None:
        super().setUp()
        (self.dir / "app.lua").write_text(APP)
        self.control = self.dir / "control"

    def gateway(self, *options: str) -> Gateway:
        """One with a control socket."""
        return Gateway("app.lua", "--control", self.control, *options, cwd=self.dir)

    def client(self, *words: str) -> subprocess.Popen[str]:
        """A client that waits for its lines."""
        argv = [str(MOONLOOP), "repl", "--attach", str(self.control), *words]
        client = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                                  env=clean_env({"HOME": str(self.dir)}), cwd=self.dir)
        self.addCleanup(self.end, client)
        return client

    @staticmethod
    def end(client: subprocess.Popen[str]) -> None:
        """Whatever happened, it is gone."""
        client.kill()
        client.communicate()

    def attached(self, text: str, *words: str, code: int = 0) -> tuple[str, str]:
        """What the lines print to stdout and to stderr."""
        client = self.client(*words)
        out, err = client.communicate(text, timeout=patient(20))
        check_forbidden(err)
        self.assertEqual(client.returncode, code, out + err)
        return out, err

    def test_inputs(self) -> None:
        """They run in the worker, may wait, print here, and their globals are their own."""
        with self.gateway("--workers", "2") as gateway:
            pids = {self.attached('require("moonloop.worker").info().pid\n', "--worker", str(n))[0] for n in (0, 1)}
            self.assertEqual({int(pid) for pid in pids}, set(gateway.worker_pids()))
            text = ('require("moonloop").sleep(0.05)\nprint("here", nil, 1)\nx = 5\nx\n_G.x\n= _\n{ a = 1 }\nfor i = 1, 2 do\n'
                    'print(i)\nend\n')
            self.assertEqual(self.attached(text)[0], "here\tnil\t1\n5\nnil\nnil\n{ a = 1 }\n1\n2\n")
            self.assertEqual(gateway.stdout(), "")
            out, err = self.attached('error("no fuel")\nlost.x\n= = 1\n1\n', code=1)
            self.assertEqual(out, "1\n")
            self.assertIn("stdin:1: no fuel", err)
            self.assertIn("index global 'lost'", err)
            long = self.attached('("x"):rep(300000)\n')[0]
            self.assertEqual(len(long), 300003)
            self.assertEqual(gateway.get("/moon").text, "hello /moon")
            gateway.wait_event("control.attached", 5)

    def test_sockets(self) -> None:
        """One for each worker, for the owner only; they go with the gateway, and nothing is there without --control."""
        with self.gateway("--workers", "2"):
            names = [Path(f"{self.control}.{n}") for n in (0, 1)]
            for name in names:
                self.assertEqual(name.stat().st_mode & 0o777, 0o600)
        self.assertFalse(any(name.exists() for name in names))
        self.assertIn("was the gateway started with --control?", self.attached("1\n", code=1)[1])
        self.assertIn("--worker", self.attached("1\n", "--worker", "x", code=2)[1])
        done = run("repl", "app.lua", "--attach", self.control, cwd=self.dir)
        self.assertEqual((done.returncode, done.stdout), (2, ""))
        self.assertIn("either APP or --attach", done.stderr)

    @unittest.skipUnless(os.geteuid() == 0, "only root can become somebody else")
    def test_other_users(self) -> None:
        """Somebody else is turned away even if the file lets him in."""
        with self.gateway() as gateway:
            os.chmod(self.dir, 0o755)
            os.chmod(f"{self.control}.0", 0o666)
            pid = os.fork()
            if pid == 0:
                os._exit(self.bytes_for_a_stranger())
            self.assertEqual(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), 0)
            self.assertIn("user 65534", gateway.wait_event("control.refused")[0])

    def bytes_for_a_stranger(self) -> int:
        """In a process that becomes another user: how many bytes the socket has for him."""
        try:
            os.setuid(65534)
            with socket.socket(socket.AF_UNIX) as stranger:
                stranger.settimeout(patient(10))
                stranger.connect(f"{self.control}.0")
                return len(stranger.recv(1))
        except OSError:
            return 99

    def test_detach(self) -> None:
        """What a client has started ends with it, however it leaves."""
        count = 'require("moonloop.worker").info().tasks\n'
        with self.gateway() as gateway:
            before = self.attached(count)[0]
            self.attached('task = require "moonloop.task"\n_ = task.spawn(task.sleep, 600) and nil\n')
            client = self.client()
            assert client.stdin
            client.stdin.write('require("moonloop").sleep(600)\n')
            client.stdin.flush()
            gateway.wait_event("control.attached", 3)
            time.sleep(0.2)
            client.kill()
            gateway.wait_event("control.detached", 3)
            poll("only what was there is left", lambda: self.attached(count)[0] == before)

    def test_interrupt(self) -> None:
        """Ctrl-C stops the input in the worker; the next one runs. An endless loop is stopped by the guard."""
        with self.gateway("--cpu-budget", "500ms", "--log-level", "warn") as gateway:
            client = self.client()
            assert client.stdin and client.stdout and client.stderr
            client.stdin.write('print("begun") require("moonloop").sleep(600)\n')
            client.stdin.flush()
            self.assertEqual(client.stdout.readline(), "begun\n")
            client.send_signal(signal.SIGINT)
            self.assertEqual(client.stderr.readline(), "interrupted\n")
            out, err = client.communicate("while true do end\n1 + 1\n", timeout=patient(20))
            self.assertEqual(out, "2\n")
            self.assertIn("CPU budget", err)
            self.assertEqual(gateway.get("/").text, "hello /")
            gateway.errors.add("task.cpu_budget")

    def test_two_clients_and_a_stranger(self) -> None:
        """Clients do not disturb each other; what is no client is shown the door."""
        with self.gateway() as gateway:
            with socket.socket(socket.AF_UNIX) as stranger:
                stranger.settimeout(patient(10))
                stranger.connect(f"{self.control}.0")
                stranger.sendall(b"GET / HTTP/1.1\r\n\r\n")
                while stranger.recv(4096):
                    pass
            first, second = self.client(), self.client()
            for client in (first, second):
                assert client.stdin
                client.stdin.write('x = (x or 0) + 1\nrequire("moonloop").sleep(0.2)\nx\n')
                client.stdin.flush()
            for client in (first, second):
                self.assertEqual(client.communicate(timeout=patient(20))[0], "1\n")
            self.assertEqual(gateway.get("/").text, "hello /")

    def test_reload_and_stop(self) -> None:
        """New code takes over the socket; who is attached to the old one is told."""
        with self.gateway() as gateway:
            client = self.client()
            assert client.stdin and client.stdout
            client.stdin.write("print('begun') require('moonloop').sleep(600)\n")
            client.stdin.flush()
            self.assertEqual(client.stdout.readline(), "begun\n")
            gateway.signal(signal.SIGHUP)
            out, err = client.communicate(timeout=patient(20))
            self.assertEqual(client.returncode, 1)
            self.assertRegex(err, "interrupted|closed the connection")
            gateway.wait_event("generation.ended", 1, 10)
            self.assertEqual(self.attached('require("moonloop.worker").info().generation\n')[0], "2\n")


if __name__ == "__main__":
    unittest.main()
