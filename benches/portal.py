"""`myksc serve` as it is measured: a person signed in, her apps launched by the public API, 1,000 further apps."""

import http.client
import json
import os
import pathlib
import re
import secrets
import shlex
import sqlite3
import subprocess

from processes import LOAD_CORE, Proxy, fail, free_port, wait_for

CONFIGS = pathlib.Path(__file__).resolve().parent / "configs"
OTHER_APPS = 1000


class Portal:
    """A portal of its own folder; requests of one browser."""

    def __init__(self, started, program, name, first_account=True, **settings):
        """Beside a directory the portal makes no account by itself: without a first one, people come from there."""
        self.started, self.program, self.settings = started, program, settings
        self.first_account = first_account
        self.folder = started.folder / name
        self.port = free_port()
        self.cookie = self.csrf = self.password = None
        self.start()

    def start(self):
        """Starts it, with one gateway thread; the first time it says the first account's password."""
        environment = os.environ | {
            "MYKSC_LISTEN": f"127.0.0.1:{self.port}",
            "MYKSC_STATE_DIR": str(self.folder),
            "MYKSC__SERVER__WORKERS": "1",
        } | self.settings
        command = [self.program, "serve", *(["--allow-root"] if os.geteuid() == 0 else [])]
        self.process = self.started.start(command, env=environment, stdout=subprocess.PIPE, text=True)
        line = self.process.stdout.readline()
        if not line.startswith("Portal: "):
            fail("the portal did not start")
        if self.first_account and self.password is None:
            self.name, self.password = re.match(r"Sign in: (\S+) / (\S+)", self.process.stdout.readline()).groups()
        wait_for("the portal answers", lambda: self.ask("GET", "/site"))

    def stop(self):
        self.started.stop(self.process)

    def request(self, method, path, body=None, headers=None, host="localhost"):
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        host = f"{host}:{self.port}"
        headers = {"Host": host, "Origin": f"http://{host}"} | (headers or {})
        if body is not None:
            headers["Content-Type"] = "application/json"
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        response = connection.getresponse()
        response.body = response.read()
        connection.close()
        return response

    def ask(self, method, path, body=None):
        """A request of the signed-in browser to the API; the answer's JSON."""
        headers = {"Cookie": self.cookie, "X-CSRF-Token": self.csrf} if self.cookie else {}
        response = self.request(method, f"/api/v1{path}", body, headers)
        if response.status >= 300:
            fail(f"{method} {path}: {response.status} {response.body.decode()}")
        return json.loads(response.body) if response.body else None

    def sign_in(self):
        """Signs in once more, as a browser does."""
        headers = {"Sec-Fetch-Site": "same-origin"}
        body = {"name": self.name, "password": self.password}
        response = self.request("POST", "/api/v1/session", body, headers)
        if response.status != 200:
            fail(f"sign-in: {response.status} {response.body.decode()}")
        self.cookie = response.headers["Set-Cookie"].split(";")[0]
        self.csrf = json.loads(response.body)["csrf_token"]

    def launch(self, template, name, values):
        """Launches a template, with a whole core so that its limit slows nothing; the app's id."""
        resources = {"cpu_millis": 1000, "memory_bytes": 1 << 29, "gpus": 0}
        body = {"template": template, "name": name, "resources": resources, "values": values}
        return self.ask("POST", "/apps", body)["id"]

    def launch_command(self, name, command):
        """Launches a command of the person's own, on the core of the load; its id."""
        # An app inherits the portal's core, and the backend belongs on the other one.
        command = f"taskset -cp {LOAD_CORE} $$ >/dev/null\n{command}"
        return self.launch("command", name, {"command": command, "path": "/"})

    def wait_ready(self, app, every=0.02):
        def is_ready():
            state = self.ask("GET", f"/apps/{app}")
            if state["phase"] == "failed":
                fail(f"an app failed: {state['failure']}")
            return state if state["phase"] == "ready" else None

        return wait_for("the app answers", is_ready, every=every)

    def remove(self, app):
        self.ask("DELETE", f"/apps/{app}")
        wait_for("the app is gone", lambda: all(a["id"] != app for a in self.ask("GET", "/apps")["items"]))

    def enter(self, app):
        """Goes into an app with a ticket; the app's host and the cookie that it gave."""
        url = self.ask("POST", f"/apps/{app}/tickets", {})["url"]
        host, path = re.match(r"http://([^/]+?):\d+(/.*)", url).groups()
        headers = {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}
        response = self.request("GET", path, headers=headers, host=host)
        for cookie in response.headers.get_all("Set-Cookie") or []:
            if cookie.startswith("__Host-myksc-app="):
                return f"{host}:{self.port}", cookie.split(";")[0]
        fail(f"no way in: {response.status} {response.body.decode()[:300]}")

    def agent_pid(self):
        """The person's file agent, started by a look into her home folder."""
        self.ask("GET", "/files/entries?path=home&limit=10")
        for entry in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
            words = entry.read_bytes().split(b"\0")
            if words[1:3] == [b"agent", b"files"] and str(self.folder).encode() in b" ".join(words):
                return int(entry.parent.name)
        fail("there is no file agent")

    def add_other_apps(self):
        """Puts the records of further, stopped apps beside that of one that was really launched and stopped."""
        app = self.launch_command("other", "exec python3 -m http.server --bind 127.0.0.1 $PORT")
        self.wait_ready(app)
        self.ask("POST", f"/apps/{app}/stop")
        wait_for("the app has stopped", lambda: self.ask("GET", f"/apps/{app}")["phase"] == "stopped")
        self.stop()
        with sqlite3.connect(self.folder / "portal.db") as database:
            row = "SELECT owner, name, phase, body, created_at FROM apps WHERE id = ?"
            owner, name, phase, body, created_at = database.execute(row, [app]).fetchone()
            (revision,) = database.execute("SELECT value FROM revision").fetchone()
            for number in range(1, OTHER_APPS):
                other, revision = new_id(app), revision + 1
                text = json.dumps(json.loads(body) | {"id": other, "name": f"{name}-{number}"})
                values = [other, owner, f"{name}-{number}", phase, text, created_at, revision]
                database.execute("INSERT INTO apps VALUES (?, ?, ?, ?, ?, ?, ?)", values)
            database.execute("UPDATE revision SET value = ?", [revision])
        database.close()
        self.start()

    def proxy(self, app):
        host, cookie = self.enter(app)
        # The portal's children are the apps and the file agents, which have a core or a figure of their own.
        return Proxy("myksc", self.port, self.process, host, cookie, with_children=False)


def new_id(like):
    """Another id of the same form."""
    return like[0] + "".join(secrets.choice("abcdefghijklmnopqrstuvwxyz234567") for _ in like[1:])


def slow_catalogue(folder, load_program):
    """A catalogue with the one template whose start takes a known time; its folder."""
    catalogue = folder / "catalogue"
    catalogue.mkdir()
    text = (CONFIGS / "slow.toml").read_text()
    text = text.replace("@program@", str(load_program)).replace("@folder@", str(folder))
    (catalogue / "slow.toml").write_text(text)
    return catalogue


def web_app(portal):
    """The backend of most measurements: nginx as an app of the portal; its id and port."""
    folder = portal.started.folder
    with open(folder / "stream", "wb") as file:
        file.truncate(1 << 30)
    user = "user root;" if os.geteuid() == 0 else ""
    text = (CONFIGS / "app.conf").read_text()
    for key, value in {"folder": folder, "name": "app", "user": user}.items():
        text = text.replace(f"@{key}@", str(value))
    (folder / "app.conf.in").write_text(text)
    quoted = shlex.quote(str(folder))
    app = portal.launch_command("web", f"""cd {quoted}
sed "s/@port@/$PORT/" app.conf.in > app.conf
echo $PORT > web.port
exec /usr/sbin/nginx -c {quoted}/app.conf -e stderr -g 'daemon off;'""")
    portal.wait_ready(app)
    return app, int((folder / "web.port").read_text())


def echo_app(portal, load_program):
    """An app that echoes WebSockets; its id and port."""
    path = portal.started.folder / "echo.port"
    app = portal.launch_command("echo", f"echo $PORT > {path}\nexec {shlex.quote(str(load_program))} echo-app {path}")
    portal.wait_ready(app)
    return app, int(path.read_text())
