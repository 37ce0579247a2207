"""Writes a short-lived kubeconfig of Container Service.

The file has mode 0600, and never takes the place of one that this did not write.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from alb_mutual_tls.access.cloud import Cloud
from alb_mutual_tls.cluster import user_kubeconfig
from alb_mutual_tls.errors import UserError, WrongPlace
from alb_mutual_tls.operations.client_files import ClientFile, write
from alb_mutual_tls.text import printable

MARK: Final = "# Written by mtls kubeconfig"


def fetch(
    configuration: Mapping[str, Any],
    output: Path,
    *,
    cluster_id: str | None,
    private_address: bool,
    minutes: int,
    force: bool,
) -> tuple[str, str]:
    """Fetch and write it; returns the cluster's id and until when it is good.

    `configuration`: as `read_provider_keys` gives it. Nobody is asked before the cluster's id and
    the file are found to be right, and Container Service only after the account. Raises UserError.
    """
    cluster = chosen_cluster(cluster_id, configuration.get("ackClusterId"))
    replaced = force or is_ours(output)
    if not replaced and (output.exists() or output.is_symlink()):
        raise UserError(
            f"{output} exists and was not written by mtls kubeconfig: give another --output, or --force to"
            " replace it"
        )
    cloud = Cloud.of(configuration)
    if configuration.get("accountId"):
        cloud.account_id()
    kubeconfig = user_kubeconfig.fetch(cloud.cs(), cluster, private_address=private_address, minutes=minutes)
    expires = printable(
        kubeconfig.expires
    )  # one line: it stands in comments, of the file and of what a shell evaluates
    content = f"{MARK}: ACK cluster {cluster}, good until {expires}\n{kubeconfig.text.rstrip()}\n".encode()
    write([ClientFile(output.name, "kubeconfig", content)], output.parent, force=replaced)
    return cluster, expires


def chosen_cluster(given: str | None, configured: Any) -> str:
    """Return the id of the cluster that is meant.

    `given`: the option's value; `configured`: the stack's ackClusterId, which a given one must
    equal. Raises UserError when neither names a cluster, and WrongPlace when they differ.
    """
    if given is None and not configured:
        raise UserError(
            "no ACK cluster is named: give --cluster-id, or set ackClusterId in the stack (pulumi config set"
            " ackClusterId ID)"
        )
    if given is not None and configured and given != configured:
        raise WrongPlace(
            f"--cluster-id {given} is not the cluster of this stack, whose ackClusterId is {configured}:"
            " leave the option out, or choose the right --stack"
        )
    return str(given or configured)


def is_ours(file: Path) -> bool:
    """Whether this command wrote the file."""
    try:
        with file.open("rb") as content:
            return content.read(len(MARK)) == MARK.encode()
    except OSError:
        return False
