"""The words of the page, in English and Japanese."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Language(StrEnum):
    """A language that the page can be in."""

    ENGLISH = "en"
    JAPANESE = "ja"


WORDS: Final[Mapping[str, tuple[str, str]]] = {
    "title": ("Mutual TLS report", "相互TLS認証レポート"),
    "skip": ("Skip to the content", "本文へ移動"),
    "contents": ("Contents", "目次"),
    "result": ("Result", "結果"),
    "held": ("As it should be", "正常"),
    "held-line": (
        "Everything that was looked at is as it should be.",
        "確認した項目はすべて期待どおりです。",
    ),
    "fell-line": (
        "Something is not as it should be: {count}.",
        "期待どおりでない点があります: {count}。",
    ),
    "undecided-line": (
        "Nothing is known to be wrong, but something could not be decided: {count}.",
        "異常は見つかっていませんが、判定できない点があります: {count}。",
    ),
    "points": ("{number} points", "{number}件"),
    "point": ("1 point", "1件"),
    "do": ("What to do", "対応"),
    "do-nothing": ("Nothing to do now.", "今すぐ必要な対応はありません。"),
    "next": (
        "Next: {what} ends on {when}, in {days} days.",
        "次の期限: {what}が{when}に終了します(残り{days}日)。",
    ),
    "next-past": ("{what} ended on {when}.", "{what}は{when}に終了しました。"),
    "english": ("", "説明文は、ツールが出力した英語の原文です。"),
    "fell short": ("falls short", "不合格"),
    "not decided": ("not decided", "判定不能"),
    "not offered": ("not offered", "未対応"),
    "not checked": ("not checked", "未確認"),
    "let in": ("let in", "許可"),
    "rejected": ("rejected", "拒否"),
    "redirected to HTTPS": ("redirected to HTTPS", "HTTPSへ転送"),
    "none": ("none", "なし"),
    "missing": ("not in this report", "このレポートには含まれません"),
    "missing-verify": (
        "The results of mtls verify are not in this report.",
        "mtls verifyの結果は、このレポートには含まれません。",
    ),
    "missing-status": (
        "The results of mtls status are not in this report.",
        "mtls statusの結果は、このレポートには含まれません。",
    ),
    "map": ("Who leads where", "全体図"),
    "map-note": (
        "From the listener to the CA that it trusts, the authorities of the stack and their clients.",
        "リスナーから、信頼するCA、スタックの認証局、クライアントまでのつながりです。",
    ),
    "listener": ("Listener", "リスナー"),
    "listeners": ("Listeners", "リスナー"),
    "trusted-ca": ("Trusted CA", "信頼するCA"),
    "authorities": ("Authorities", "認証局"),
    "authority": ("Authority", "認証局"),
    "clients": ("Clients", "クライアント"),
    "client": ("Client", "クライアント"),
    "bypasses": ("Ways around", "迂回経路"),
    "on": ("demands client certificates", "クライアント証明書を要求"),
    "meant-on": ("is to demand client certificates", "クライアント証明書を要求する設定"),
    "meant-off": ("is to let everybody in", "誰でも許可する設定"),
    "demands": ("demands certificates", "証明書を要求"),
    "off": ("off: lets everybody in", "無効: 誰でも許可"),
    "unseen": ("not seen", "未確認"),
    "changing": ("changing", "変更中"),
    "as-wished": ("as desired", "設定どおり"),
    "other-ca": ("not the desired CA", "設定と異なるCA"),
    "trusts": ("trusts", "信頼"),
    "signs": ("signs", "発行"),
    "cross-signs": ("cross-signs", "相互署名"),
    "trusted": ("trusted", "信頼"),
    "issuing": ("issuing", "発行"),
    "role": ("Role", "役割"),
    "no-role": ("no role", "役割なし"),
    "more": ("and {number} more", "ほか{number}件"),
    "no-bypass": ("none was tried", "試行なし"),
    "matrix": ("Who was let in", "接続試験の結果"),
    "matrix-note": (
        "Each case was tried at the listener, in each TLS version by itself.",
        "各ケースを、TLSのバージョンごとにリスナーへ接続して確認しました。",
    ),
    "case": ("Case", "ケース"),
    "sent": ("sent", "送信"),
    "expected": ("expected", "期待"),
    "answered": ("answered", "応答"),
    "clear": ("without TLS", "TLSなし"),
    "many": ("{number} clients with the same result", "同じ結果のクライアント{number}件"),
    "http": ("HTTP {status}", "HTTP {status}"),
    "http-to": ("HTTP {status}, to {location}", "HTTP {status}、転送先 {location}"),
    "alert": ("TLS alert {alert}", "TLSアラート {alert}"),
    "version not offered": ("this TLS version is not offered", "このTLSバージョンは未対応"),
    "server certificate invalid": ("server certificate invalid", "サーバー証明書が無効"),
    "connection failed": ("connection failed", "接続失敗"),
    "no session": ("no TLS session to resume", "再開できるTLSセッションなし"),
    "desired": ("desired", "設定"),
    "in-albconfig": ("AlbConfig", "AlbConfig"),
    "in-alb": ("ALB", "ALB"),
    "flips": ("Ready for the flip?", "信頼先の切り替えの準備"),
    "flip": ("{component}: from {trusted} to {issuing}", "{component}: {trusted}から{issuing}へ"),
    "ready": ("ready", "準備完了"),
    "not-ready": ("not ready", "未完了"),
    "timeline": ("What ends when", "期限"),
    "timeline-note": (
        "Bars end where certificates end; a diamond is the day from which pulumi up renews.",
        "バーの右端が証明書の期限です。ひし形は、pulumi upが更新を始める日です。",
    ),
    "timeline-text": ("{name} ends on {when}.", "{name}は{when}に終了。"),
    "today": ("now", "現在"),
    "renewal": ("renewal from", "更新開始"),
    "renewal-none": ("ends with its authority", "認証局とともに終了"),
    "renewal-due": ("due now", "更新期限到来"),
    "unknown": ("not known", "不明"),
    "ends": ("Ends", "期限"),
    "days": ("{days} days left", "残り{days}日"),
    "day": ("1 day left", "残り1日"),
    "ended": ("ended", "終了済み"),
    "cross-over": (
        "Shaded: the cross-over of the rotation, {trusted} to {issuing}; the flip must come before {when}.",
        "色付きの範囲はローテーションの移行期間です({trusted}から{issuing})。{when}より前に切り替えてください。",
    ),
    "outstanding": ("Removed, and still let in", "削除済みでも有効な証明書"),
    "outstanding-note": (
        "ALB knows no revocation: these certificates are accepted until they end, or until a cut-off.",
        "ALBは失効を扱えません。期限まで、または緊急の信頼先変更まで受け入れられます。",
    ),
    "outstanding-none": (
        "No removed, renewed or replaced certificate is still accepted.",
        "削除・更新・置換された証明書で、今も受け入れられるものはありません。",
    ),
    "outstanding-others": (
        "Not accepted any more, as the listeners trust another CA now: {number}.",
        "信頼するCAが変わり、すでに受け入れられないもの: {number}件。",
    ),
    "still-counted": ("Removed, and still let in: {number}.", "削除済みでも有効な証明書: {number}件。"),
    "still": ("still let in", "今も許可"),
    "removed": ("removed", "削除"),
    "renewed": ("renewed", "更新"),
    "replaced": ("replaced", "置換"),
    "since": ("since {when}", "{when}から"),
    "serial": ("serial number", "シリアル番号"),
    "fingerprint": ("SHA-256 of the certificate", "証明書のSHA-256"),
    "subject": ("subject", "サブジェクト"),
    "details": ("In detail", "詳細"),
    "known": ("To be known", "留意事項"),
    "about": ("About this report", "このレポートについて"),
    "made": ("Made", "作成日時"),
    "checked": ("Status read", "状態の確認日時"),
    "stack": ("Stack", "スタック"),
    "cluster": ("Cluster (UID)", "クラスター(UID)"),
    "account": ("Account", "アカウント"),
    "region": ("Region", "リージョン"),
    "tool": ("Tool", "ツール"),
    "json": ("JSON documents", "JSON文書"),
    "json-version": ("mtls {kind}: version {version}", "mtls {kind}: バージョン{version}"),
    "secret": (
        "This page holds no private key and no other secret, and loads nothing from a network.",
        "このページは秘密鍵などの秘密情報を含まず、ネットワークから何も読み込みません。",
    ),
}

SENT: Final[Mapping[str, tuple[str, str]]] = {
    "client": ("its certificate, with its chain", "証明書とチェーン"),
    "client-with-of-certificates": ("only the start of its chain", "チェーンの先頭部分のみ"),
    "client-of-authority": (
        "a certificate that the authority has just signed",
        "認証局が今発行した証明書",
    ),
    "no-certificate": ("no certificate", "証明書なし"),
    "foreign-ca": ("a certificate of an unknown CA", "未知のCAの証明書"),
    "self-signed-with-the-ca-name": (
        "a forged certificate that bears the CA's name",
        "CAの名前をかたる自己署名証明書",
    ),
    "tampered-signature": ("a client's certificate, signature changed", "署名を改ざんした証明書"),
    "expired": ("a certificate that has ended", "期限切れの証明書"),
    "serverauth-only": ("a certificate for servers only", "サーバー専用の証明書"),
    "not-yet-valid": ("a certificate of the future", "有効期間前の証明書"),
    "wrong-server-name": (
        "no certificate, and a name that nobody serves",
        "証明書なし、提供されていないサーバー名",
    ),
    "resumed-session": (
        "no certificate, and a TLS session from before",
        "証明書なし、既存のTLSセッション",
    ),
    "resumed-session-of-another-server-name": (
        "no certificate, and a TLS session of another name",
        "証明書なし、別のサーバー名のTLSセッション",
    ),
    "resumed-session-of-https": (
        "no certificate, and a TLS session of another listener",
        "証明書なし、別のリスナーのTLSセッション",
    ),
    "resumed-session-from-before": (
        "no certificate, and a TLS session from before it was on",
        "証明書なし、有効化前のTLSセッション",
    ),
    "bypass-http": ("plain HTTP, no certificate", "平文のHTTP、証明書なし"),
    "bypass-https": ("HTTPS, no certificate", "HTTPS、証明書なし"),
    "bypass-quic": ("nothing: QUIC is not tried", "なし: QUICは試行しません"),
}
"""What each kind of case sends, by the identifier that the document of `mtls verify` has."""


@dataclass(frozen=True)
class Words:
    """The words of one language."""

    language: Language

    def __call__(self, word: str, **values: object) -> str:
        """A word or a sentence, with values put in."""
        said = self._pick(WORDS[word])
        return said.format(**values) if values else said

    def sent(self, case: str) -> str:
        """What a kind of case sends; empty for one that is not known here."""
        return self._pick(SENT[case]) if case in SENT else ""

    def points(self, number: int) -> str:
        """A number of points."""
        return self("point") if number == 1 else self("points", number=number)

    def left(self, days: int) -> str:
        """How long a certificate has."""
        if days < 0:
            return self("ended")
        return self("day") if days == 1 else self("days", days=days)

    def _pick(self, pair: tuple[str, str]) -> str:
        return pair[0] if self.language is Language.ENGLISH else pair[1]
