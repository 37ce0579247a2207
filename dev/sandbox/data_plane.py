"""nginx, which stands in for the load balancers.

Its configuration is the cloud part's.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path
from typing import Final

from dev.sandbox import ports
from dev.sandbox.layout import Layout
from dev.sandbox.part import Part

NGINX: Final = "nginx"


def nginx(layout: Layout, binary: str) -> Part:
    """The data plane.

    It is ready when every listener of its configuration takes connections.

    `-e` keeps a normal user's nginx from its compiled-in log; `daemon off` makes the process ours.
    """

    def probe() -> str | None:
        return next((lack for endpoint in ports.listeners(layout) if (lack := ports.accepts(endpoint))), None)

    return Part.of(
        layout,
        NGINX,
        command=(*command(layout, binary), "-g", "daemon off;"),
        program=NGINX,
        marker=f"-p {layout.nginx_directory}/ ",
        probe=probe,
        after=("cloud",),
    )


def command(layout: Layout, binary: str, configuration: Path | None = None) -> tuple[str, ...]:
    """Return the part of nginx's command line that says which nginx is meant.

    It serves for `-t` and `-s reload` too.
    """
    file = configuration or layout.nginx_configuration
    return (binary, "-p", f"{layout.nginx_directory}/", "-c", str(file), "-e", str(layout.log(NGINX)))


def fingerprint(layout: Layout) -> str:
    """Tells whether the configuration has changed."""
    return hashlib.sha256(layout.nginx_configuration.read_bytes()).hexdigest()


def reload(layout: Layout, binary: str) -> None:
    """Have the running nginx read its configuration again."""
    subprocess.run([*command(layout, binary), "-s", "reload"], check=True, capture_output=True, timeout=10)
