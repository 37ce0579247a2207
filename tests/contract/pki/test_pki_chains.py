"""Chains of certificates before everybody who decides: this program, `openssl verify` and nginx
(docs/chains.md).

"OpenSSL refuses it" and "seen on the sandbox" in the reasons of `mtls inspect` mean this.
"""

from __future__ import annotations

from datetime import timedelta

import pytest

from alb_mutual_tls.operations.inspection.explanation import explain
from alb_mutual_tls.operations.inspection.judgement import (
    Anchor,
    Basis,
    InspectionVerdict,
    JudgedAs,
    Judgement,
    Source,
)
from alb_mutual_tls.operations.inspection.pieces import read
from alb_mutual_tls.pki.certification_path import DEPTH_SEEN, deep
from dev.sandbox.cloud.nginx import VERIFY_DEPTH
from tests.contract.pki.chain_cases import CASES
from tests.contract.pki.chains import NOW, Case
from tests.contract.pki.chains_table import PAGE, Row, page, rows
from tests.unit.pki.material import pem

ONLY_DOCUMENTED = "Ed25519, which ALB does not document"
"""What nginx takes and we refuse."""


def judged(one: Case) -> Judgement:
    contents = read("".join(map(pem, one.chain)).encode(), lambda: None)
    moment = NOW + (one.after or timedelta(0))
    report = explain(
        [Source("client.pem", contents)], [Anchor("the CA", one.anchor)], moment, JudgedAs.CLIENT
    )
    return next(
        judgement
        for judgement in report.judgements
        if judgement.client.startswith(("client.pem", "certificate 1 "))
    )


@pytest.mark.parametrize("what", CASES)
def test_inspect_gives_one_reason_and_says_what_it_stands_on(what: str) -> None:
    one = CASES[what]
    judgement = judged(one)
    if one.says is None:
        assert judgement.reasons == ()
        return
    (reason,) = judgement.reasons
    assert one.says in reason.sentence
    basis = Basis.DOCUMENTED if what == ONLY_DOCUMENTED else Basis.SANDBOX if one.rule else Basis.OPENSSL
    assert (judgement.verdict, reason.basis) == (InspectionVerdict.REFUSED, basis)


@pytest.fixture(scope="module")
def found() -> dict[str, Row]:
    return rows()


def test_openssl_verify_and_nginx_decide_as_this_program_and_the_page_shows_it(found: dict[str, Row]) -> None:
    assert DEPTH_SEEN == VERIFY_DEPTH
    for what, row in found.items():
        one, ours = CASES[what], row.ours
        assert row.openssl == (None if ours.accepted else (ours.code, ours.depth)), what
        assert ours.accepted == (one.says is None or one.rule), what
        assert bool(row.rules) == one.rule, what
        let_in = (
            ours.accepted
            and (not row.rules or what == ONLY_DOCUMENTED)
            and deep(ours.depth_needed, beyond=VERIFY_DEPTH) is None
        )
        for version, verdict in row.nginx.items():
            assert verdict.accepted == let_in, f"{what}, {version}: {verdict.reason}"
    assert page(found) == PAGE.read_text()


def test_a_chain_longer_than_the_sandbox_follows_is_let_in_by_openssl_and_not_decided_by_us() -> None:
    for length, verdict in {
        4: InspectionVerdict.NOTHING,
        5: InspectionVerdict.NOTHING,
        6: InspectionVerdict.NOT_DECIDED,
        12: InspectionVerdict.NOT_DECIDED,
    }.items():
        judgement = judged(CASES[f"a chain of {length}"])
        assert judgement.verdict is verdict
        (words,) = judgement.undecided or judgement.notes
        assert f"its chain has {length} certificates" in words
        assert f"needs a verification depth of {length - 2}" in words
