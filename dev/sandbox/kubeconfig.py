"""The sandbox's kubeconfigs: each a single file with all that is in it."""

from __future__ import annotations

import base64

from dev.sandbox.layout import NAME, Layout, write_atomically


def write(layout: Layout) -> None:
    """The administrator's, and the controller's."""
    write_atomically(layout.kubeconfig, text(layout, "admin", NAME))
    write_atomically(layout.controller_kubeconfig, text(layout, "controller", "alb-ingress-controller"))


def text(layout: Layout, pair: str, user: str) -> str:
    """A kubeconfig.

    Args:
        pair: name of the certificate and key in `pki`.
        user: name of the user entry; cluster and context have the sandbox's name.
    """
    certificate, key = (
        (layout.pki / f"{pair}.{kind}").read_text(encoding="utf-8") for kind in ("crt", "key")
    )
    return of_user(layout, certificate, key, user, layout.apiserver_url)


def of_user(layout: Layout, certificate: str, key: str, user: str, server: str) -> str:
    """Return a kubeconfig with a client certificate and its key (PEM).

    It is for an address of the API server.
    """

    def data(content: str) -> str:
        return base64.b64encode(content.encode()).decode()

    return f"""\
apiVersion: v1
kind: Config
current-context: {NAME}
clusters:
- name: {NAME}
  cluster:
    server: {server}
    certificate-authority-data: {data((layout.pki / "kube-ca.crt").read_text(encoding="utf-8"))}
contexts:
- name: {NAME}
  context:
    cluster: {NAME}
    user: "{user}"
    namespace: default
users:
- name: "{user}"
  user:
    client-certificate-data: {data(certificate)}
    client-key-data: {data(key)}
"""
