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

    def data(file: str) -> str:
        return base64.b64encode((layout.pki / file).read_bytes()).decode()

    return f"""\
apiVersion: v1
kind: Config
current-context: {NAME}
clusters:
- name: {NAME}
  cluster:
    server: {layout.apiserver_url}
    certificate-authority-data: {data("kube-ca.crt")}
contexts:
- name: {NAME}
  context:
    cluster: {NAME}
    user: {user}
    namespace: default
users:
- name: {user}
  user:
    client-certificate-data: {data(f"{pair}.crt")}
    client-key-data: {data(f"{pair}.key")}
"""
