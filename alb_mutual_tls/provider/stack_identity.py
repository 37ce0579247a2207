"""`StackIdentity`: a random value that is made once.

It lives in the state, so that it survives the renaming of a stack.
"""

from __future__ import annotations

import re
import secrets

from alb_mutual_tls import tokens
from alb_mutual_tls.errors import UserError
from alb_mutual_tls.plugin.handler import Difference, Reading
from alb_mutual_tls.plugin.request import Request
from alb_mutual_tls.provider.inputs import unexpected
from alb_mutual_tls.wire import UNKNOWN, CheckFailure, Properties


class StackIdentity:
    """The handler. The value is eight hex digits.

    The names of what a stack makes in the cloud, and its claims on listeners, carry them.
    """

    token = tokens.STACK_IDENTITY
    secret_outputs: frozenset[str] = frozenset()

    def check(
        self, request: Request, old_inputs: Properties, inputs: Properties
    ) -> tuple[Properties, list[CheckFailure]]:
        return {}, unexpected("StackIdentity", inputs, ())

    def diff(
        self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Difference:
        return Difference(stables=("identity",))

    def create(self, request: Request, inputs: Properties) -> tuple[str, Properties]:
        if request.preview:
            return "", {"identity": UNKNOWN}
        identity = secrets.token_hex(4)
        return identity, {"identity": identity}

    def read(self, request: Request, id: str, inputs: Properties, state: Properties) -> Reading | None:
        """The id is the value; an import may bring one from another state."""
        if not state and not re.fullmatch("[0-9a-f]{8}", id):
            raise UserError(
                f"the identity {id} cannot be imported: give the 8 hexadecimal digits of a former state's"
                " StackIdentity"
            )
        return Reading(id, {"identity": id}, {})

    def update(
        self, request: Request, id: str, state: Properties, old_inputs: Properties, inputs: Properties
    ) -> Properties:
        return {"identity": id}

    def delete(self, request: Request, id: str, inputs: Properties, state: Properties) -> None:
        """There is nothing outside the state."""
