"""Read from kubeconfig files how to reach one cluster, with client-go's rules.

KUBECONFIG may list several files, and credential plugins (exec) are known.

This is not lightkube's reader. That one takes neither several files nor
`client.authentication.k8s.io/v1`. It takes no plugins that answer with a client certificate, as
ACK's `ack-ram-tool credential-plugin get-credential` does. It ignores `tls-server-name`, and its
import costs every provider process 0.3 s.
"""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from alb_mutual_tls.cluster import urls
from alb_mutual_tls.cluster.connection import Connection, data_of, read_file
from alb_mutual_tls.cluster.credential import BYTE_ORDER_MARK, shown_name, text_of
from alb_mutual_tls.cluster.first_document import NotYaml, decoded, first_document
from alb_mutual_tls.errors import UserError


def load(
    kubeconfig: str | None, context: str | None, environment: Mapping[str, str] = os.environ
) -> Connection:
    """Read the kubeconfig and choose the context.

    `kubeconfig`: a path (relative to the working directory), or the kubeconfig itself, as
    `kubernetes:kubeconfig` may be either; without it the files of KUBECONFIG, else ~/.kube/config.
    `context`: without it the file's current-context. Raises `UserError`.
    """
    documents, origin = _documents(kubeconfig, environment)
    known = _names(documents, "contexts")
    if not known:
        _refuse_other_files(documents, origin)
    names = (text_of(document, "current-context", origin, number=True) for document, _ in documents)
    name = context or next(filter(None, names), None)
    exist = ", ".join(known)
    if not name:
        raise UserError(
            f"{origin} has no current-context, and none is configured; it has {exist}: set kubernetes:context"
            " to one of them"
        )
    shown = shown_name(name)
    source = _named(documents, "contexts", "context", name, origin)
    if source is None:
        raise UserError(
            f"{origin} has no context {shown}, it has {exist}: set kubernetes:context to one of them, or"
            " kubernetes:kubeconfig to another file"
        )
    where = f"context {shown} of {origin}"
    cluster_name, user_name = (
        text_of(source[0], key, where, number=True) or "" for key in ("cluster", "user")
    )
    cluster = _named(documents, "clusters", "cluster", cluster_name, origin)
    if cluster is None:
        raise UserError(
            f"context {shown} of {origin} names the cluster {shown_name(cluster_name)}, which is not in it:"
            " correct the kubeconfig"
        )
    user = _named(documents, "users", "user", user_name, origin) if user_name else ({}, Path())
    if user is None:
        raise UserError(
            f"context {shown} of {origin} names the user {shown_name(user_name)}, which is not in it: correct"
            " the kubeconfig"
        )
    return _connection(shown, origin, cluster, user)


Source = tuple[dict[str, Any], Path]


def _connection(context: str, origin: str, cluster: Source, user: Source) -> Connection:
    settings, directory = cluster
    where = f"the cluster of context {context} in {origin}"
    insecure = settings.get("insecure-skip-tls-verify")
    if not isinstance(insecure, bool | None):
        raise UserError(
            f"insecure-skip-tls-verify of {where} is neither true nor false: correct the kubeconfig"
        )
    authorities = data_of(settings, "certificate-authority", directory, where)
    if insecure and authorities is not None:
        raise UserError(
            f"{where} has certificate-authority beside insecure-skip-tls-verify, as kubectl refuses it:"
            " remove one of the two"
        )
    server_name, proxy = text_of(settings, "tls-server-name", where), text_of(settings, "proxy-url", where)
    try:
        server_name = urls.ascii_host(server_name) if server_name else None
    except ValueError:
        raise UserError(f"tls-server-name of {where} is not a host name: correct the kubeconfig") from None
    try:
        if proxy:
            urls.parse(proxy if "//" in proxy else f"http://{proxy}")
    except ValueError as fault:
        raise UserError(
            f"{where} has a proxy-url, {fault}: correct the kubeconfig"
        ) from None  # it may hold a password
    return Connection(
        context=context,
        origin=origin,
        server=_server(text_of(settings, "server", where) or "", where),
        authorities=authorities,
        insecure=insecure is True,
        server_name=server_name,
        proxy=proxy,
        user=user[0],
        directory=user[1],
        cluster_info=settings,
    )


def _server(server: str, where: str) -> str:
    try:
        url = urls.parse(server)
        if url.scheme not in ("https", "http"):
            raise ValueError("not a URL")
        if url.login is not None:
            raise ValueError("which holds a user name")
    except ValueError as fault:
        shown = repr(re.sub("//.*@", "//...@", server)[:100])
        raise UserError(f"{where} has {shown} as server, {fault}: correct the kubeconfig") from None
    return url.scheme + server[len(url.scheme) :].rstrip("/")


def contexts(
    kubeconfig: str | None, environment: Mapping[str, str] = os.environ
) -> tuple[list[str], str | None]:
    """The contexts of a kubeconfig, found as `load` finds it, and the current one.

    Raises `UserError` as `load` does.
    """
    documents, origin = _documents(kubeconfig, environment)
    current = (text_of(document, "current-context", origin, number=True) for document, _ in documents)
    return _names(documents, "contexts"), next(filter(None, current), None)


def _documents(kubeconfig: str | None, environment: Mapping[str, str]) -> tuple[list[Source], str]:
    if kubeconfig is not None and ("\n" in kubeconfig or kubeconfig.lstrip().startswith("{")):
        origin = "the kubeconfig in kubernetes:kubeconfig"
        return [(_parse(kubeconfig.removeprefix(BYTE_ORDER_MARK), origin), Path.cwd())], origin
    if kubeconfig is not None:
        paths, said = [_expanded(kubeconfig)], "kubernetes:kubeconfig"
    elif environment.get("KUBECONFIG"):
        paths, said = (
            [Path(part) for part in environment["KUBECONFIG"].split(os.pathsep) if part],
            "KUBECONFIG",
        )
    else:
        paths, said = (
            [_expanded("~/.kube/config")],
            "the default, as neither kubernetes:kubeconfig nor KUBECONFIG is set",
        )
    present = [path for path in paths if os.path.isfile(path)]  # noqa: PTH113  # Path.is_file raises where a directory may not be looked into
    if not present:
        missing = ", ".join(map(str, paths))
        raise UserError(
            f"there is no kubeconfig at {missing} ({said}): set kubernetes:kubeconfig or KUBECONFIG to the"
            " file of the cluster"
        )
    origin = "kubeconfig " + os.pathsep.join(map(str, present))
    return [
        (_parse(decoded(read_file(path, "the kubeconfig")), f"kubeconfig {path}"), path.parent)
        for path in present
    ], origin


def _expanded(path: str) -> Path:
    return Path(os.path.expanduser(path))  # noqa: PTH111  # Path.expanduser raises where there is no such user


def _parse(text: str, origin: str) -> dict[str, Any]:
    try:
        document = first_document(text)
    except NotYaml as error:
        line = "" if error.line is None else f" (line {error.line})"
        raise UserError(
            f"{origin} is not YAML{line}: correct it, or fetch it anew from the console"
        ) from None
    if document is None:
        return {}  # one of several files may be empty
    if not isinstance(document, dict):
        raise _no_kubeconfig(origin)
    return document


def _no_kubeconfig(origin: str) -> UserError:
    return UserError(
        f"{origin} is not a kubeconfig (it has no clusters and contexts): set kubernetes:kubeconfig to the"
        " right file"
    )


def _refuse_other_files(documents: list[Source], origin: str) -> None:
    if any(isinstance(document.get("config"), str) for document, _ in documents):
        raise UserError(
            f"{origin} is the answer of DescribeClusterUserKubeconfig, whose field config holds the"
            " kubeconfig: write the text of that field alone to a file, or let ./mtls kubeconfig fetch one"
        )
    raise _no_kubeconfig(origin)


def _entries(document: Mapping[str, Any], section: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the entries of a section with their names.

    kubectl does not accept numbers as names. That is not a reason to leave them out here.
    """
    entries = document.get(section)
    objects = [entry for entry in entries if isinstance(entry, dict)] if isinstance(entries, list) else []
    return [
        (str(entry["name"]), entry) for entry in objects if isinstance(entry.get("name"), str | int | float)
    ]


def _names(documents: list[Source], section: str) -> list[str]:
    return list(
        dict.fromkeys(
            shown_name(name) for document, _ in documents for name, _ in _entries(document, section)
        )
    )


def _named(documents: list[Source], section: str, field: str, wanted: str, origin: str) -> Source | None:
    for document, directory in documents:
        for name, entry in _entries(document, section):
            if name == wanted:
                content = entry.get(field) or {}
                if not isinstance(content, dict):
                    raise UserError(
                        f"{field} {shown_name(name)} of {origin} is not an object: correct the kubeconfig"
                    )
                return content, directory
    return None
