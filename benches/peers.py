"""The proxies that the portal is compared with; one that is missing fails the bench."""

import os
import pathlib
import re
import shutil
import subprocess

from processes import Proxy, fail, free_port

HERE = pathlib.Path(__file__).resolve().parent / "configs"


class Peers:
    """Starts peers in front of one backend; `folder` is what tools/peers printed."""

    def __init__(self, started, folder, like):
        self.started, self.like = started, like
        self.envoy_program = next(folder.glob("lib/python3*/site-packages/envoy/_bin/envoy"), None)
        self.traefik_program = folder / "bin/traefik"
        self.chp_program = folder / "node_modules/configurable-http-proxy/bin/configurable-http-proxy"
        for program in (self.envoy_program, self.traefik_program, self.chp_program):
            if program is None or not program.exists():
                fail(f"a peer is missing in {folder}: run tools/peers")

    def all(self, backend):
        # nginx keeps as few idle connections to the backend as its examples do (32) beside as many as it needs.
        return [self.nginx("nginx", backend), self.nginx("nginx", backend, "nginx, 32 kept", kept=32),
                self.nginx("nginx-auth", backend), self.envoy(backend), self.traefik(backend), self.chp(backend)]

    def all_for_websockets(self, backend):
        return [self.nginx("nginx-ws", backend), self.envoy(backend), self.traefik(backend), self.chp(backend)]

    def nginx(self, template, backend, name=None, kept=256):
        # As root, nginx's workers would turn into somebody who cannot reach the bench's folder.
        user = "user root;" if os.geteuid() == 0 else ""
        values = {"name": f"{template}-{kept}", "user": user, "kept": kept}
        path, port = self.configure(f"{template}.conf", backend, **values)
        command = ["/usr/sbin/nginx", "-c", path, "-e", "stderr", "-g", "daemon off;"]
        return self.proxy(name or template.removesuffix("-ws"), port, command)

    def envoy(self, backend):
        path, port = self.configure("envoy.json", backend)
        command = [self.envoy_program, "-c", path, "--concurrency", "1", "--disable-hot-restart", "-l", "error"]
        return self.proxy("envoy", port, command)

    def traefik(self, backend):
        path, port = self.configure("traefik.toml", backend)
        self.configure("traefik-routes.toml", backend)
        return self.proxy("traefik", port, [self.traefik_program, f"--configFile={path}"], GOMAXPROCS="1")

    def chp(self, backend):
        port = free_port()
        command = ["node", self.chp_program, "--ip", "127.0.0.1", "--port", port, "--api-ip", "127.0.0.1",
                   "--api-port", free_port(), "--default-target", f"http://127.0.0.1:{backend}",
                   "--log-level", "error"]
        return self.proxy("configurable-http-proxy", port, command, NODE_ENV="production")

    def configure(self, template, backend, **values):
        port = free_port()
        text = (HERE / template).read_text()
        for key, value in {"port": port, "backend": backend, "folder": self.started.folder, **values}.items():
            text = text.replace(f"@{key}@", str(value))
        path = self.started.folder / (f"{values['name']}.conf" if "name" in values else template)
        path.write_text(text)
        return path, port

    def proxy(self, name, port, command, **environment):
        process = self.started.start(command, env=os.environ | environment)
        return Proxy(name, port, process, self.like.host, self.like.cookie)

    def versions(self):
        """What runs, in the programs' own words."""
        said = {
            "nginx": first_line("/usr/sbin/nginx", "-v"),
            "Envoy": first_line(self.envoy_program, "--version"),
            "Traefik": first_line(self.traefik_program, "version"),
            "configurable-http-proxy": first_line("node", self.chp_program, "--version"),
            "Node.js": first_line("node", "--version"),
            "wrk": first_line("wrk", "-v"),
        }
        # Some say their own path, too.
        return {name: re.sub(r"^/\S+\s+version:|\s+", " ", text).strip() for name, text in said.items()}


def first_line(*command):
    if not shutil.which(command[0]):
        fail(f"{command[0]} is missing")
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    lines = [line for line in (done.stdout + done.stderr).splitlines() if line.strip()]
    return lines[0] if lines else "?"
