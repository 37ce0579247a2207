"""Many clients at once, whose keys the register makes: `clientGroups` of the configuration."""

from __future__ import annotations

from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import AfterValidator, Field, model_validator

from alb_mutual_tls.pki.profile import CLIENT_VALIDITY_DAYS, check_renewal, renewal_days

from .fields import NAMES, KeyAlgorithm, SubjectFields, named
from .models import Model

_MOST_NAMES: Final = 10_000
_MOST_BYTES: Final = 1_000_000


class ClientGroupArgs(Model):
    """Client certificates for many names, such as devices, each with a key of its own.

    The names come from `names`, or from the file `names_file`, one on a line. A member is called
    GROUP/NAME. Its common name is its name.
    """

    names: tuple[str, ...] | None = Field(
        default=None, strict=False, description="the names of the members; not beside namesFile"
    )
    names_file: str | None = Field(
        default=None,
        min_length=1,
        description=(
            "the path of a text file from the project's directory with a name on each line; blank lines and"
            " those that begin with # are left out"
        ),
    )
    subject: SubjectFields = Field(
        default_factory=dict,
        description="the subject of the certificates, but for commonName, which is each member's name",
    )
    key_algorithm: KeyAlgorithm = Field(
        default="ECDSA-P256", description="the kind of the keys; another one makes all keys anew"
    )
    validity_days: int = Field(
        default=90,
        ge=CLIENT_VALIDITY_DAYS.start,
        le=CLIENT_VALIDITY_DAYS.stop - 1,
        description="how many days a certificate lasts; ALB knows no revocation, so little is better",
    )
    renew_before_days: int | None = Field(
        default=None,
        ge=0,
        description=(
            "how many days before its end a certificate is issued anew; default 30, or a third of"
            " validityDays if that is less; 0 is eight hours"
        ),
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if (self.names is None) == (self.names_file is None):
            raise ValueError("gives not one of names and namesFile; set one of the two")
        if "commonName" in self.subject:
            raise ValueError("subject has commonName, which is each member's own name; remove it")
        if problem := check_renewal(self.validity_days, self.renewal_days()):
            raise ValueError(problem)
        if not self.members:
            raise ValueError("has no name; give at least one, or remove the group")
        if len(self.members) > _MOST_NAMES:
            raise ValueError(
                f"has {len(self.members)} names; give at most {_MOST_NAMES}, and the others to another group"
            )
        named(dict.fromkeys(self.members))
        # exported files would overwrite each other on some systems
        (name, count), *_ = Counter(map(str.casefold, self.members)).most_common(1)
        if count > 1:
            raise ValueError(f"the name {name!r} stands there {count} times, whatever its case; remove one")
        return self

    @cached_property
    def members(self) -> tuple[str, ...]:
        """The names."""
        return self.names if self.names is not None else _read(str(self.names_file))

    def subject_fields(self, member: str) -> dict[str, str]:
        """The subject's fields of a member."""
        return {"commonName": member, **self.subject}

    def renewal_days(self) -> int:
        """How many days before its end a certificate is renewed."""
        return renewal_days(self.validity_days, self.renew_before_days)

    @staticmethod
    def uri_prefix(group: str, identity: str) -> str:
        """What stands before a member's name in its URI name."""
        return f"spiffe://{identity}.alb-mutual-tls/client/{group}/"


def _read(path: str) -> tuple[str, ...]:
    try:
        with Path(path).expanduser().open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (OSError, ValueError, RuntimeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ValueError(
            f"namesFile {path!r} cannot be read ({reason}); give a path from the project's directory"
        ) from None
    if len(content) > _MOST_BYTES:
        raise ValueError(
            f"namesFile {path!r} has more than {_MOST_BYTES} bytes; give a file with a name on each line"
        )
    try:
        lines = [line.strip() for line in content.decode("utf-8-sig").splitlines()]
    except UnicodeDecodeError:
        raise ValueError(f"namesFile {path!r} is not text in UTF-8; save it as that") from None
    return tuple(line for line in lines if line and not line.startswith("#"))


ClientGroups = Annotated[dict[str, ClientGroupArgs], AfterValidator(named), Field(json_schema_extra=NAMES)]
