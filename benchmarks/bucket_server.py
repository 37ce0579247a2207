"""`python benchmarks/bucket_server.py PORT`: moto's S3 on a loopback port, which counts.

It runs in an environment of its own that holds moto, and answers `GET /counted` with what it has
counted since the last such question.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Callable, Iterable
from threading import Lock
from typing import Any, Final

from moto.server import (  # type: ignore[import-not-found]
    DomainDispatcherApplication,
    create_backend_app,
)
from werkzeug.serving import run_simple  # type: ignore[import-not-found]

_S3: Final = DomainDispatcherApplication(create_backend_app)
_counted: Final[Counter[str]] = Counter()
_lock: Final = Lock()


def application(environ: dict[str, Any], start: Callable[..., Any]) -> Iterable[bytes]:
    """Answer one request, and count it and the bytes of its body."""
    if environ["PATH_INFO"] == "/counted":
        with _lock:
            told = json.dumps(_counted).encode()
            _counted.clear()
        start("200 OK", [("Content-Type", "application/json"), ("Content-Length", str(len(told)))])
        return [told]
    kind = "COPY" if "HTTP_X_AMZ_COPY_SOURCE" in environ else environ["REQUEST_METHOD"]
    with _lock:
        _counted["requests"] += 1
        _counted[kind] += 1
        _counted["bytes"] += int(environ.get("CONTENT_LENGTH") or 0)
    answer: Iterable[bytes] = _S3(environ, start)
    return answer


if __name__ == "__main__":
    run_simple("127.0.0.1", int(sys.argv[1]), application, threaded=True)
