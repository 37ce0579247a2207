"""Send requests to a Kubernetes API server over HTTPS.

Connections are kept alive, credentials are renewed, and failures are reported as sentences.

Answers are read as `exact_json`, because a typed client rounds numbers. A JSON Patch must repeat
them as they stand.
"""

from __future__ import annotations

import base64
import http.client
import re
import socket
import ssl
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import quote, urlencode

from alb_mutual_tls.cluster import transport, urls
from alb_mutual_tls.cluster.connection import Connection
from alb_mutual_tls.cluster.credential import KubernetesCredential
from alb_mutual_tls.cluster.credential_plugin import PluginTooSlow
from alb_mutual_tls.cluster.transport import (
    GO_ESCAPES,
    HttpsConnection,
    environment_proxy,
    may_pass,
    trusted_certificates,
)
from alb_mutual_tls.errors import Unreachable, UserError
from alb_mutual_tls.listener import exact_json
from alb_mutual_tls.listener.exact_json import Document
from alb_mutual_tls.waiting import limited, waiting

_RETRY_PAUSES = (0.3, 0.7, 1.5, 2.0)
"""Between attempts of a read, in seconds: an API server that restarts is back within them."""
_RETRY_SECONDS = 20.0
_PAGE = 500


class KubernetesError(UserError):
    """The API server refused a request; `status` is the HTTP status code."""

    def __init__(self, sentence: str, status: int, message: str, found_path: bool = True) -> None:
        super().__init__(sentence)
        self.status = status
        self.message = message
        self.found_path = found_path
        """False on a 404 of the whole path: the server does not serve such a resource."""


class Forbidden(KubernetesError):
    """The user lacks a permission."""


class KubernetesApi:
    """One API server as one user; may be used from several threads."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._url = urls.parse(connection.server)
        self._lock = threading.Lock()
        self._idle: list[HttpsConnection] = []
        self._credential: KubernetesCredential | None = None
        self._too_slow: PluginTooSlow | None = None
        self._context: ssl.SSLContext | None = None

    def __str__(self) -> str:
        return f"the cluster at {self.connection.server} (context {self.connection.context})"

    def get(self, path: str, query: Mapping[str, str] | None = None) -> Document:
        """Read an object, again while the server is away or busy.

        Raises `Unreachable`, `Forbidden` or `KubernetesError`.
        """
        # the last attempt may begin just before no more is tried
        with waiting(str(self), limited(_RETRY_SECONDS) + limited(transport.TIMEOUT_SECONDS)):
            return self._get(path, query)

    def _get(self, path: str, query: Mapping[str, str] | None) -> Document:
        deadline = time.monotonic() + limited(_RETRY_SECONDS)
        for pause in (*_RETRY_PAUSES, None):
            try:
                return self._request("GET", path, query)
            except (Unreachable, KubernetesError) as error:
                passing = (
                    error.status in (429, 500, 502, 503, 504)
                    if isinstance(error, KubernetesError)
                    else may_pass(error.__cause__)
                )
                if pause is None or not passing or time.monotonic() + pause > deadline:
                    raise
            time.sleep(pause)
        raise AssertionError("the last attempt returns or raises")

    def items(self, path: str, query: Mapping[str, str] | None = None) -> Iterator[Document]:
        """Read all objects of a collection, page by page."""
        page = dict(query or {}, limit=str(_PAGE))
        while True:
            answer = self.get(path, page)
            yield from answer.get("items") or []
            if not (token := (answer.get("metadata") or {}).get("continue")):
                return
            page["continue"] = token

    def patch(self, path: str, patch: list[Any], field_manager: str) -> Document:
        """Send a JSON Patch once, and return the object as it then is.

        The caller looks at the object before sending the patch again. The API server compares the
        texts of a `test` with its own as bytes. So they are written as it writes them.
        """
        body = exact_json.dumps(patch).translate(GO_ESCAPES).encode()
        return self._request(
            "PATCH", path, {"fieldManager": field_manager}, body, "application/json-patch+json"
        )

    def delete(self, path: str, uid: str) -> None:
        """Delete the object that has this UID."""
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        self._request("DELETE", path, None, exact_json.dumps(options).encode(), "application/json")

    def _request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: bytes | None = None,
        content_type: str | None = None,
    ) -> Document:
        status, kind, content = self._exchange(method, path, query, body, content_type)
        if status == 401 and self.connection.user.get("exec"):
            with self._lock:  # the plugin's credential has expired meanwhile
                self._credential = None
                self._drop_connections()
            status, kind, content = self._exchange(method, path, query, body, content_type)
        if status < 300:
            try:
                document = exact_json.loads(content)
            except ValueError:
                raise Unreachable(
                    f"{self} answered {method} {path} with something that is not JSON: check that"
                    f" {self.connection.server} is a Kubernetes API"
                ) from None
            return dict(document)
        raise self._refusal(method, path, status, kind, content)

    def _exchange(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None,
        body: bytes | None,
        content_type: str | None,
    ) -> tuple[int, str, bytes]:
        headers = {"Accept": "application/json", "User-Agent": "alb-mutual-tls"}
        if content_type:
            headers["Content-Type"] = content_type
        with self._lock:
            if self._too_slow is not None:  # many resources ask for the same, and each would wait
                raise self._too_slow
            if self._credential is None:
                try:
                    credential = self.connection.credential()
                except PluginTooSlow as error:
                    self._too_slow = error
                    raise
                self._context = self._tls(credential)
                self._credential = credential
            credential, reused = self._credential, self._idle.pop() if self._idle else None
        if credential.token:
            headers["Authorization"] = f"Bearer {credential.token}"
        elif credential.password:
            headers["Authorization"] = (
                "Basic " + base64.b64encode(":".join(credential.password).encode()).decode()
            )
        target = f"{self._url.path.rstrip('/')}{path}" + (f"?{urlencode(query)}" if query else "")
        connection = reused or self._connect()
        try:
            try:
                connection.request(method, target, body, headers)
                response = connection.getresponse()
            except (http.client.RemoteDisconnected, ConnectionError, ssl.SSLError):
                if reused is None or method != "GET":
                    raise
                connection.close()  # kept alive for too long
                connection = self._connect()
                connection.request(method, target, body, headers)
                response = connection.getresponse()
            content = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise self._unreachable(error) from error
        if response.will_close:
            connection.close()
        else:
            with self._lock:
                self._idle.append(connection)
        return response.status, response.headers.get("Content-Type", ""), content

    def _connect(self) -> HttpsConnection:
        url = self._url
        context, name = (
            (self._context if url.scheme == "https" else None),
            self.connection.server_name or url.host,
        )
        proxy = self.connection.proxy or environment_proxy(url.scheme, url.host)
        if not proxy:
            return HttpsConnection(url.host, url.port, context, name)
        try:
            address = urls.parse(proxy if "//" in proxy else f"http://{proxy.strip()}")
        except ValueError as fault:
            raise UserError(
                f"the proxy for {self} is set to a value, {fault}: correct HTTPS_PROXY, or exclude the host"
                " with NO_PROXY"
            ) from None
        if address.scheme != "http":
            raise UserError(
                f"the proxy {address.scheme}://{address.host} for {self} is not an http:// proxy: use one, or"
                " exclude the host with NO_PROXY"
            )
        connection = HttpsConnection(address.host, address.port, context, name)
        login = address.login and {
            "Proxy-Authorization": "Basic " + base64.b64encode(address.login.encode()).decode()
        }
        connection.set_tunnel(url.host, url.port, login or {})
        return connection

    def _drop_connections(self) -> None:
        for connection in self._idle:
            connection.close()
        self._idle.clear()

    def close(self) -> None:
        """Close idle connections."""
        with self._lock:
            self._drop_connections()

    def _tls(self, credential: KubernetesCredential) -> ssl.SSLContext:
        where = f"context {self.connection.context} of {self.connection.origin}"
        authorities = (
            None if self.connection.authorities is None else trusted_certificates(self.connection.authorities)
        )
        if authorities == b"":
            raise UserError(
                f"certificate-authority of {where} holds no certificate: fetch the kubeconfig anew"
            )
        context = ssl.create_default_context(cadata=authorities)
        if self.connection.insecure:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        elif self.connection.authorities:
            context.verify_flags &= (
                ~ssl.VERIFY_X509_STRICT
            )  # cluster CAs are often made without the extensions that strict checks ask for
        if credential.certificate and credential.private_key:
            with (
                tempfile.NamedTemporaryFile() as file
            ):  # readable by its owner only; ssl can load a key from nowhere else
                file.write(credential.certificate + b"\n" + credential.private_key)
                file.flush()
                try:
                    context.load_cert_chain(
                        file.name, password=self._no_password
                    )  # else OpenSSL asks at the terminal
                except ssl.SSLError:
                    raise UserError(
                        f"the client certificate and key of {where} do not belong together or cannot be read:"
                        " fetch the kubeconfig anew"
                    ) from None
        return context

    def _no_password(self) -> str:
        where = f"context {self.connection.context} of {self.connection.origin}"
        raise UserError(
            f"client-key of {where} is encrypted, which kubectl refuses too: give one without "
            "a password, for instance what openssl pkey -in FILE writes"
        )

    def _unreachable(self, error: Exception) -> UserError:
        if isinstance(error, ssl.SSLCertVerificationError):
            reason = (
                f"its certificate is not trusted ({error.verify_message}): fetch its kubeconfig anew, as this"
                " one is of another cluster or has the wrong certificate-authority"
            )
        elif isinstance(error, ssl.SSLError):
            reason = (
                f"the TLS handshake failed ({error.reason or error}): check the server address and the client"
                " certificate in the kubeconfig"
            )
        elif isinstance(error, socket.gaierror):
            reason = (
                "its name cannot be resolved: check the server address in the kubeconfig, and the network"
            )
        elif isinstance(error, TimeoutError):
            seconds = limited(transport.TIMEOUT_SECONDS)
            reason = (
                f"no answer within {seconds:g} s: check the network, and the allow-list of the API server"
            )
        else:
            reason = (
                f"{getattr(error, 'strerror', None) or type(error).__name__}: check the server address in the"
                " kubeconfig, and the network"
            )
        return Unreachable(f"{self} cannot be reached: {reason}")

    def _refusal(self, method: str, path: str, status: int, kind: str, content: bytes) -> KubernetesError:
        message, is_status = content.decode("utf-8", "replace").strip()[:500], False
        if kind.startswith("application/json"):
            try:
                answer = exact_json.loads(content)
                is_status = isinstance(answer, dict) and answer.get("kind") == "Status"
                message = str(answer.get("message") or message) if is_status else message
            except ValueError:
                pass
        if status == 401:
            return KubernetesError(
                f"{self} does not accept the credential of the kubeconfig (HTTP 401): fetch a new kubeconfig,"
                " or log in again",
                status,
                message,
            )
        if denied := re.search(
            r'User "([^"]*)" cannot (\S+) resource "([^"]*)" in API group "([^"]*)"', message
        ):
            user, verb, resource, group = denied.groups()
            return Forbidden(
                f'{self} forbids user "{user}" to {verb} {resource}: grant the verb {verb} on {resource}'
                f' (apiGroup "{group}") in a ClusterRole',
                status,
                message,
            )
        said = " ".join(message.split()) or "no message"
        sentence = (
            f"{self} refused {method} {path} with HTTP {status}: {said}; put right what it names, or ask"
            " whoever runs the cluster"
        )
        return (Forbidden if status == 403 and "webhook" not in message else KubernetesError)(
            sentence, status, message, is_status or status != 404
        )


def path_of(*parts: str) -> str:
    """An API path; every part is escaped."""
    return "/" + "/".join(quote(part, safe="") for part in parts)
