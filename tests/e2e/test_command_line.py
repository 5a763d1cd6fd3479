"""What the command line answers: texts, exit codes, and the user's own line in every complaint."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import tempfile
import unittest
from pathlib import Path

from gateway import Gateway, clean_env, run
from support import MOONLOOP, poll

PLAIN = """\
return function(scope, receive, send)
	if scope.type ~= "http" then error(require("moonloop.lasgi").unsupported) end
	send { type = "http.response.start", status = 200, body = (os.getenv("GREETING") or "plain") .. "\\n" }
end
"""

# name → (text, what the complaint must contain)
BROKEN = {
    "syntax.lua": ("local x = 1\nlocal y = = 2\nreturn x\n", "syntax.lua:2: unexpected symbol near '='"),
    "raises.lua": ('\nerror("no fuel")\n', "raises.lua:2: no fuel"),
    "nothing.lua": ("local x = 1\n", "nothing.lua returned nothing"),
    "number.lua": ("return 5\n", "number.lua returned a number"),
    "module.lua": ('\n\nlocal part = require "missing.part"\nreturn part\n',
                   "module.lua:3: module 'missing.part' not found"),
    "startup.lua": ("local t\nreturn function(scope)\n\tlocal x = t.x\nend\n",
                    "startup.lua:3: attempt to index upvalue 't'"),
    "failed.lua": ('return function(scope, receive, send)\n\treceive()\n'
                   '\tsend { type = "lifespan.startup.failed", message = "no database at db.example" }\nend\n',
                   "no database at db.example"),
}


class CommandLine(unittest.TestCase):
    """One process that ends by itself, or a gateway in a directory of its own."""

    def setUp(self) -> None:
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.dir = Path(directory.name)
        (self.dir / "plain.lua").write_text(PLAIN)

    def write(self, name: str, text: str) -> Path:
        """A file in the directory of this test."""
        path = self.dir / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def refused(self, *args: str, code: int = 2, **env: str) -> str:
        """The one line of a refusal."""
        done = run(*args, cwd=self.dir, env=env)
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        lines = done.stderr.splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        return lines[0]

    # ---- help and version ------------------------------------------------------------------------

    def test_help(self) -> None:
        """Every way to ask answers on stdout and exits 0; no argument at all is a mistake."""
        for args in (["--help"], ["-h"], ["help"], ["help", "run"], ["run", "--help"], ["check", "--help"]):
            done = run(*args)
            self.assertEqual((done.returncode, done.stderr), (0, ""), args)
            self.assertIn("moonloop", done.stdout)
        self.assertEqual(run().returncode, 2)

    def test_help_run_lists_options(self) -> None:
        """Each option has a line with its default, no line is wider than a terminal."""
        text = run("help", "run").stdout
        for option in ("--bind", "--workers", "--drain-timeout", "--body-max", "--access-log-format", "--config"):
            self.assertRegex(text, rf"(?m)^  {option} ")
        self.assertIn("[127.0.0.1:8000]", text)
        self.assertLessEqual(max(map(len, text.splitlines())), 100)

    def test_version(self) -> None:
        """One line: moonloop and LuaJIT."""
        for args in (["version"], ["--version"]):
            done = run(*args)
            self.assertEqual(done.returncode, 0)
            self.assertRegex(done.stdout, r"\Amoonloop \d+\.\d+\.\d+ \(LuaJIT .*\)\n\Z")

    # ---- mistakes ----------------------------------------------------------------------------------

    def test_unknown_words(self) -> None:
        """An unknown option or command is one line with the nearest word."""
        self.assertIn("--worker: unknown option; did you mean --workers?",
                      self.refused("run", "plain.lua", "--worker", "2"))
        self.assertIn("did you mean --bind?", self.refused("run", "plain.lua", "--port", "80"))
        self.assertIn("--zzz", self.refused("run", "plain.lua", "--zzz"))
        self.assertIn("nope", self.refused("help", "nope"))
        self.assertIn("plain.lua", self.refused("run", "plain.lua", "other.lua"))

    def test_bad_values(self) -> None:
        """Wrong type and wrong range name the option, the value and what would be right."""
        for option, value in (("--workers", "many"), ("--workers", "0"), ("--head-max", "1"),
                              ("--drain-timeout", "soon"), ("--bind", "1.2.3.4.5:80"), ("--bind", "localhost"), ("--unix-mode", "999"),
                              ("--log-level", "loud"), ("--trusted-proxy", "10.0.0.0/99"), ("--threads", "-1")):
            with self.subTest(option=option, value=value):
                line = self.refused("run", "plain.lua", option, value)
                self.assertIn(option, line)
                self.assertIn(value, line)
        self.assertIn("--bind", self.refused("run", "plain.lua", "--bind"))

    def test_bad_access_log_format(self) -> None:
        """A placeholder that does not exist is named before anything is served."""
        done = run("run", "plain.lua", "--bind", "127.0.0.1:0", "--access-log", "-", "--access-log-format", "%{nope}",
                   cwd=self.dir)
        self.assertEqual(done.returncode, 2)
        self.assertIn("%{nope}", done.stderr)

    def test_environment(self) -> None:
        """A bad value in the environment is named there; the command line wins over a good one."""
        self.assertIn("MOONLOOP_WORKERS", self.refused("run", "plain.lua", MOONLOOP_WORKERS="many"))
        with Gateway("plain.lua", cwd=self.dir, env={"MOONLOOP_WORKERS": "2", "GREETING": "hi"}) as gw:
            self.assertEqual(len(gw.worker_pids()), 2)
            self.assertEqual(gw.get("/").text, "hi\n")
        with Gateway("plain.lua", "--workers", "1", cwd=self.dir, env={"MOONLOOP_WORKERS": "2"}) as gw:
            self.assertEqual(len(gw.worker_pids()), 1)

    def test_config(self) -> None:
        """A file sets options; the environment wins over it; its mistakes are named with its name."""
        self.write("good.lua", "return { workers = 2, log_format = 'json', body_max = '1k' }\n")
        with Gateway("plain.lua", "--config", "good.lua", cwd=self.dir) as gw:
            self.assertEqual(len(gw.worker_pids()), 2)
            self.assertTrue(json.loads(gw.log().splitlines()[0]))
            self.assertEqual(gw.post("/", b"x" * 2000).status, 413)
        with Gateway("plain.lua", "--config", "good.lua", cwd=self.dir, env={"MOONLOOP_WORKERS": "1"}) as gw:
            self.assertEqual(len(gw.worker_pids()), 1)
        for name, text, said in (("unknown.lua", "return { worker = 2 }", "did you mean workers"),
                                 ("type.lua", "return { workers = {} }", "workers"),
                                 ("syntax.lua", "return {\n\tworkers = = 2\n}", "syntax.lua:2"),
                                 ("empty.lua", "", "empty.lua")):
            with self.subTest(name):
                self.write(name, text)
                line = self.refused("run", "plain.lua", "--config", name)
                self.assertIn(name, line)
                self.assertIn(said, line)
        self.assertIn("gone.lua", self.refused("run", "plain.lua", "--config", "gone.lua"))

    # ---- the application -----------------------------------------------------------------------------

    def test_app_forms(self) -> None:
        """A file, a directory with app.lua and a module name; `run` may be left out."""
        self.write("shop/app.lua", 'return require "part"\n')
        self.write("shop/part.lua", PLAIN.replace("plain", "shop"))
        self.write("lib/kiosk.lua", PLAIN.replace("plain", "kiosk"))
        for app, options, body in (("plain.lua", [], "plain\n"), ("shop", [], "shop\n"), ("shop/", [], "shop\n"),
                                   ("shop/app.lua", [], "shop\n"), ("shop.part", [], "shop\n"),
                                   ("kiosk", ["--lua-path", "lib/?.lua"], "kiosk\n"),
                                   (str(self.dir / "plain.lua"), [], "plain\n")):
            with self.subTest(app), Gateway(app, *options, cwd=self.dir) as gw:
                self.assertEqual(gw.get("/").text, body)
        done = run("plain.lua", "--bind", "127.0.0.1:0", "--pid-file", "/no/such/directory/pid", cwd=self.dir)
        self.assertEqual(done.returncode, 1, "`moonloop APP` did not run the application")

    def test_app_missing(self) -> None:
        """What names nothing is said so, exit code 2."""
        (self.dir / "empty").mkdir()
        for command in ("run", "check"):
            for app, said in (("gone.lua", "no such file"), ("gone", "no such file"), ("empty", "no app.lua"),
                              ("/no/such/place", "/no/such/place")):
                with self.subTest(command=command, app=app):
                    self.assertIn(said, self.refused(command, app))
            self.assertIn("application", self.refused(command))

    def test_check(self) -> None:
        """check: 0 and a line on stdout for what starts; 3 and the user's own line for what does not."""
        done = run("check", "plain.lua", cwd=self.dir)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertIn("plain.lua", done.stdout)
        for name, (text, said) in BROKEN.items():
            with self.subTest(name):
                self.write(name, text)
                done = run("check", name, cwd=self.dir)
                self.assertEqual((done.returncode, done.stdout), (3, ""), done.stderr)
                self.assertIn(said, done.stderr)
                self.assertNotIn("moonloop.core", done.stderr)

    def test_run_broken(self) -> None:
        """run: what does not start ends with 3, told once, whatever the number of workers."""
        for name, (text, said) in BROKEN.items():
            with self.subTest(name):
                self.write(name, text)
                done = run("run", name, "--bind", "127.0.0.1:0", "--workers", "3", cwd=self.dir)
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertEqual(done.stderr.count(said), 1, done.stderr)
                self.assertNotIn("serving", done.stderr)

    def test_log_in_a_file(self) -> None:
        """A failed start is mentioned on stderr; check tells all there."""
        self.write("raises.lua", BROKEN["raises.lua"][0])
        line = self.refused("run", "raises.lua", "--bind", "127.0.0.1:0", "--log", "log", code=3)
        self.assertEqual(line, "moonloop: raises.lua did not start; the reason is in log")
        self.assertIn("raises.lua:2: no fuel", (self.dir / "log").read_text())
        done = run("check", "raises.lua", "--log", "other", cwd=self.dir)
        self.assertIn("raises.lua:2: no fuel", done.stderr)
        self.assertFalse((self.dir / "other").exists())

    def test_print(self) -> None:
        """What an application prints is to be seen at once, also in a file."""
        self.write("prints.lua", PLAIN.replace("\tsend", '\tprint("hello from " .. scope.path)\n\tsend'))
        with Gateway("prints.lua", cwd=self.dir) as gw:
            gw.get("/moon")
            self.assertEqual(gw.stdout(), "hello from /moon\n")

    def test_closed_stdio(self) -> None:
        """Without stdin, stdout and stderr nothing else gets their numbers."""
        pid_file = self.dir / "pid"
        subprocess.run(["sh", "-c", 'exec <&- >&- 2>&-; "$@" & sleep 0.5', "sh", MOONLOOP, "run", self.dir / "plain.lua",
                        "--bind", "127.0.0.1:0", "--pid-file", pid_file], check=True, env=clean_env(None))
        poll("it runs", pid_file.exists)
        pid = int(pid_file.read_text())
        self.assertEqual([os.readlink(f"/proc/{pid}/fd/{fd}") for fd in (0, 1, 2)], ["/dev/null"] * 3)
        os.kill(pid, signal.SIGTERM)
        poll("it ends", lambda: not pid_file.exists())

    # ---- what it says when it is up --------------------------------------------------------------------

    def test_pid_file(self) -> None:
        """The pid file holds the master's id while it runs, and goes with it."""
        pid_file = self.dir / "pid"
        with Gateway("plain.lua", "--pid-file", str(pid_file), cwd=self.dir) as gw:
            self.assertEqual(pid_file.read_text().strip(), str(gw.pid))
        self.assertFalse(pid_file.exists())

    def test_address_in_use(self) -> None:
        """One clear line with the address, exit code 1; the one that was there goes on."""
        with Gateway("plain.lua", cwd=self.dir) as gw:
            for workers in ("1", "2"):
                line = self.refused("run", "plain.lua", "--bind", gw.authority, "--workers", workers, code=1)
                self.assertRegex(line, rf"cannot listen on {re.escape(gw.authority)}: Address already in use")
            self.assertEqual(gw.get("/").status, 200)
            path = self.dir / "sock"
        with Gateway("plain.lua", cwd=self.dir, bind=["127.0.0.1:0", f"unix:{path}"]):
            self.assertIn(str(path), self.refused("run", "plain.lua", "--bind", f"unix:{path}", code=1))

    def test_not_writable(self) -> None:
        """A log that cannot be opened is named, exit code 1."""
        for option in ("--log", "--access-log", "--pid-file"):
            with self.subTest(option):
                done = run("run", "plain.lua", "--bind", "127.0.0.1:0", option, "/no/such/directory/file", cwd=self.dir)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("/no/such/directory/file", done.stderr)
                self.assertFalse(os.path.exists("/no/such"))


if __name__ == "__main__":
    unittest.main()
