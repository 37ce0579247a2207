"""The private key that a certificate or request is made with: `privateKeyPem`, or
`privateKeyPemWo`, which never gets into state.
"""

from __future__ import annotations

from dataclasses import dataclass

from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties
from dev.toolchain.plugins.tls import pem
from dev.toolchain.plugins.tls.inputs import Input, Kind


@dataclass(frozen=True)
class KeyInput:
    """The three inputs of a key; `name` is that of the plain one."""

    name: str

    @property
    def inputs(self) -> tuple[Input, ...]:
        """The plain key, the write-only key, and the number that says when the write-only key has
        changed.
        """
        return (
            Input(self.name, Kind.TEXT, hidden=True),
            Input(f"{self.name}Wo", Kind.TEXT, hidden=True, write_only=True),
            Input(f"{self.name}WoVersion", Kind.NUMBER),
        )

    @property
    def secrets(self) -> frozenset[str]:
        """The properties that hold a key."""
        return frozenset({self.name, f"{self.name}Wo"})

    def failures(self, inputs: Properties) -> list[CheckFailure]:
        """Exactly one of the two keys must be given, and a readable one."""
        plain, write_only, version = (inputs.get(item.name) for item in self.inputs)
        if (plain is None) == (write_only is None):
            return [
                CheckFailure(
                    "",
                    f"{'both' if plain is not None else 'none'} of {self.name} and {self.name}Wo given: give"
                    " exactly one of them",
                )
            ]
        if write_only is not None and version is None:
            return [
                CheckFailure(
                    "",
                    f"{self.name}Wo is given without {self.name}WoVersion: give the version too, and raise it"
                    " when the key changes",
                )
            ]
        if version is not None and write_only is None:
            return [
                CheckFailure("", f"{self.name}WoVersion is given without {self.name}Wo: give both or none")
            ]
        try:
            self.key(inputs)
        except pem.NotUsable as error:
            return [CheckFailure("", str(error))]
        return []

    def key(self, inputs: Properties) -> pem.SigningKey | None:
        """The key, `None` while it is not known; raises `pem.NotUsable`."""
        name = self.name if inputs.get(self.name) is not None else f"{self.name}Wo"
        return None if inputs[name] is UNKNOWN else pem.private_key(inputs[name], name)

    def known_key(self, inputs: Properties) -> pem.SigningKey:
        """The key of inputs that are all known."""
        key = self.key(inputs)
        assert key is not None
        return key
