"""CAS's certificate application repositories and their CA certificates.

CAS is Certificate Management Service, API 2020-04-07. The API has no idempotency token, names are
not unique, and lists lag behind. So everything is looked for before it is made. It is looked for
again before a call whose answer got lost is repeated.

Ids are opaque. `WarehouseInstanceId` names a repository for CreateWarehouse and DeleteWarehouse.
The long `WhId` names the same repository for UploadPCACert and ListCert.
https://www.alibabacloud.com/help/en/ssl-certificate/developer-reference/api-cas-2020-04-07-overview
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar
from urllib.parse import quote

from alb_mutual_tls.alibaba.answers import PRIVATE_CA, ApiError, ServiceFailed, Throttled
from alb_mutual_tls.alibaba.openapi import OpenApi
from alb_mutual_tls.alibaba.polling import Wait
from alb_mutual_tls.alibaba.warehouse import (
    MADE_TYPE,
    ListedCertificate,
    Repository,
    choose_repository,
    may_be,
    not_after,
    of_private_ca,
    usable,
)
from alb_mutual_tls.errors import Unreachable, UserError
from alb_mutual_tls.pki.bundle import fingerprints, split

T = TypeVar("T")

SETTLING = 8.0  # seconds that lists may lag behind what was done
_PAGE = 50
_LONGEST_QUERY = 6_000  # characters; gateways and proxies commonly end a URL at 8,000


class Cas:
    """Repositories and CA certificates of one account.

    `pause` sleeps for a number of seconds (and may raise, to end a wait).
    """

    def __init__(self, api: OpenApi, pause: Callable[[float], None] = time.sleep) -> None:
        self._api = api
        self._pause = pause

    # --- repositories

    def repositories(self, query: Mapping[str, str] | None = None) -> list[Repository]:
        """All repositories that CAS lists for a filter (`Name` is fuzzy, `InstanceId`)."""
        return [
            Repository(
                instance_id=str(item.get("InstanceId", "")),
                warehouse_id=str(item.get("WhId", "")),
                name=str(item.get("Name", "")),
                type=str(item.get("Type", "")),
            )
            for item in self._pages("ListCertWarehouse", "CertWarehouseList", dict(query or {}))
        ]

    def repository(self, instance_id: str, name: str) -> Repository | None:
        """Return the repository with an id.

        Returns None only when CAS keeps leaving it out, both in filtered lists and in the full
        list. Raises `UserError` as `usable` does.
        """

        def look() -> Repository | None:
            for query in (
                {"InstanceId": instance_id},
                {"Name": name},
                {},
            ):  # renamed, and the filter is not what it is taken for
                repositories = [item for item in self.repositories(query) if item.instance_id == instance_id]
                if repositories:
                    return usable(repositories[0])
            return None

        return self._eventually(look, SETTLING / 2)

    def find_repository(self, name: str, *, configured: bool) -> Repository | None:
        """Return the repository with exactly this name, or None.

        Raises `UserError` as `choose_repository` does.
        """
        return choose_repository(self.repositories({"Name": name}), name, configured=configured)

    def make_repository(self, name: str) -> Repository:
        """Make a repository and wait until CAS lists it.

        The caller has looked for it already and did not find it.
        """

        def make() -> Callable[[Repository], bool]:
            instance_id = str(
                self._api.write("CreateWarehouse", {"Name": name, "Type": MADE_TYPE}).get(
                    "WarehouseInstanceId", ""
                )
            )
            return lambda item: item.instance_id == instance_id

        def find() -> Callable[[Repository], bool] | None:
            repository = choose_repository(self.repositories({"Name": name}), name, configured=False)
            return (lambda item: item.instance_id == repository.instance_id) if repository else None

        is_ours = self._once(make, find)

        def listed() -> Repository | None:
            return next((item for item in self.repositories({"Name": name}) if is_ours(item)), None)

        # That the list shows the id that CreateWarehouse returned is inferred. Since there was none
        # of this name before, the one there is now is it.
        repository = self._eventually(listed, SETTLING * 3) or self.find_repository(name, configured=True)
        if repository is None:
            raise UserError(
                f"CAS made the repository {name} but does not list it yet: run pulumi up again, which will"
                " find it"
            )
        return usable(repository)

    def delete_repository(self, instance_id: str, name: str) -> None:
        """Delete a repository; one already gone is not an error."""
        self._remove(
            lambda: self._api.write("DeleteWarehouse", {"WarehouseInstanceId": instance_id}),
            lambda: any(item.instance_id == instance_id for item in self.repositories({"Name": name})),
        )

    # --- certificates

    def certificates(self, warehouse_id: str) -> list[ListedCertificate]:
        """The certificates in a repository."""
        return [
            ListedCertificate(
                identifier=str(item.get("Identifier", "")),
                common_name=str(item.get("CommonName") or ""),
                not_after=int(item["AfterDate"]) if str(item.get("AfterDate") or "").isdigit() else None,
            )
            for item in self._pages("ListCert", "CertList", {"WarehouseId": warehouse_id})
            if str(item.get("WhId", warehouse_id)) == warehouse_id
        ]

    def remaining(self, warehouse_id: str) -> list[ListedCertificate]:
        """Return what is left in a repository that should be empty.

        Lists may lag behind a deletion, so it looks again for up to `SETTLING` seconds.
        """
        left: list[ListedCertificate] = []

        def empty() -> bool | None:
            nonlocal left
            left = self.certificates(warehouse_id)
            return None if left else True

        self._eventually(empty, SETTLING)
        return left

    def content(self, identifier: str, warehouse_id: str) -> str | None:
        """The PEM text of a certificate; None only when it is really gone.

        No error code for an unknown certificate is documented, so a refusal means "gone" only if
        the repository does not list it either.
        """
        try:
            return str(
                self._api.read("DescribeWarehouseCert", {"CertIdentifier": identifier}).get("Content") or ""
            )
        except ApiError as error:
            if (
                type(error) is not ApiError
            ):  # credentials, permission, throttling or 5xx say nothing about the certificate
                raise
            refusal = error

        def look() -> bool | None:
            return True if self._is_listed(identifier, warehouse_id) else None

        if self._eventually(look, SETTLING / 2):
            raise refusal
        return None

    def described(self, identifier: str) -> str | None:
        """Return the PEM text of a certificate, or None.

        None means that CAS refuses to describe it, as it does for a certificate it does not have.
        """
        try:
            return str(
                self._api.read("DescribeWarehouseCert", {"CertIdentifier": identifier}).get("Content") or ""
            )
        except ApiError as error:
            if type(error) is ApiError:
                return None
            raise

    def ca_certificate(self, identifier: str) -> str | None:
        """Return the PEM text of an uploaded or private CA certificate, or None.

        Private ones belong to CAS's private CA service. None means that CAS refuses to describe the
        certificate as either kind.

        https://www.alibabacloud.com/help/en/ssl-certificate/developer-reference/api-cas-2020-06-30-describecacertificate
        """
        uploaded = self.described(identifier)
        if uploaded is not None:
            return uploaded
        try:
            answer = self._api.of(PRIVATE_CA).read("DescribeCACertificate", {"Identifier": identifier})
        except ApiError as error:
            if type(error) is ApiError:
                return None
            raise
        return of_private_ca(answer)

    def find_certificate(self, warehouse_id: str, pem: str) -> str | None:
        """Return the id of a certificate with the same content, or None.

        Only this repository is searched. Contents are the same when the SHA-256 values of all DERs
        are.
        """
        wanted = set(fingerprints(pem))
        end = not_after(pem)
        for item in self.certificates(warehouse_id):
            if not may_be(item, end):
                continue
            content = self.described(item.identifier)
            if content is not None and set(fingerprints(content)) == wanted:
                return item.identifier
        return None

    def upload(self, warehouse_id: str, name: str, pem: str) -> str:
        """Upload a CA certificate, with its chain if any, and return its id.

        The caller has looked for it already and did not find it. Raises `UserError` for a text with
        a private key, which is never sent.
        """
        if "PRIVATE KEY" in pem:
            raise UserError(
                f"the certificate {name} contains a private key, which must not leave this machine: remove it"
                " from the PEM text"
            )
        text = "".join(split(pem))
        query: dict[str, Any] = {"WarehouseId": warehouse_id, "Name": name}
        body = None
        if len(quote(text)) > _LONGEST_QUERY:
            body = {"Cert": text}
        else:
            query["Cert"] = text

        def send() -> str:
            identifier = self._api.write("UploadPCACert", query, body).get("Identifier")
            if not identifier:
                raise ServiceFailed(
                    f"CAS answered the upload of {name} without an id: run pulumi up again, which will look"
                    " for it"
                )
            return str(identifier)

        return self._once(send, lambda: self.find_certificate(warehouse_id, pem))

    def delete_certificate(self, identifier: str, warehouse_id: str) -> None:
        """Delete a CA certificate; one already gone is not an error."""
        self._remove(
            lambda: self._api.write("DeletePCACert", {"Identifier": identifier}),
            lambda: self._is_listed(identifier, warehouse_id),
        )

    # --- shared steps

    def _is_listed(self, identifier: str, warehouse_id: str) -> bool:
        try:
            return any(item.identifier == identifier for item in self.certificates(warehouse_id))
        except ApiError as error:
            if type(error) is ApiError and not any(
                item.warehouse_id == warehouse_id for item in self.repositories()
            ):
                return False  # the repository is gone, and with it what was in it
            raise

    def _pages(self, action: str, key: str, query: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        page, seen = 1, 0
        while True:
            answer = self._api.read(action, {**query, "CurrentPage": page, "ShowSize": _PAGE})
            items = answer.get(key) or []
            yield from items
            seen += len(items)
            total = answer.get("TotalCount")
            if not items or (seen >= int(total) if total is not None else len(items) < _PAGE):
                return
            page += 1

    def _once(self, act: Callable[[], T], find: Callable[[], T | None]) -> T:
        """Do something exactly once, even when an answer gets lost.

        After a lost answer it looks for the result before it acts again.
        """
        lost = False
        for attempt in self._api.attempts():
            with attempt:
                if lost:
                    result = self._eventually(find, SETTLING)
                    if result is not None:
                        return result
                try:
                    return act()
                except Unreachable as error:
                    lost = lost or not isinstance(error, Throttled)
                    raise
        raise AssertionError("the last attempt raises")

    def _remove(self, act: Callable[[], object], is_there: Callable[[], bool]) -> None:
        lost = False
        for attempt in self._api.attempts():
            with attempt:
                if lost and not is_there():
                    return
                try:
                    act()
                except Unreachable as error:
                    lost = lost or not isinstance(error, Throttled)
                    raise
                except ApiError as error:
                    # what an earlier attempt has deleted may stand in lists for a while
                    if type(error) is ApiError and self._eventually(
                        lambda: None if is_there() else True, SETTLING if lost else 0.0
                    ):
                        return
                    raise
                return

    def _eventually(self, look: Callable[[], T | None], seconds: float) -> T | None:
        """Look until something is found, with growing pauses.

        Returns None when nothing was found within `seconds`.
        """
        wait = Wait(seconds, self._pause)
        while (result := look()) is None and not wait.over:
            wait.pause()
        return result
