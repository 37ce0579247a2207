"""The stack: its configuration, mutual authentication on its listeners, its outputs."""

import os
import signal
import sys

if not sys.flags.utf8_mode and sys.getfilesystemencoding() != "utf-8":
    # The engine speaks UTF-8 whatever the locale says; in de_DE.ISO-8859-1 a "Café" of the
    # configuration would be certified as "CafÃ©".
    os.environ["PYTHONUTF8"] = "1"
    os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606  # this very program once more

import pulumi
from pulumi.runtime.config import CONFIG, is_config_secret

from alb_mutual_tls.tokens import PROJECT
from components.guard import after, require_account
from components.mutual_tls import AlbMutualTls
from components.providers import providers
from components.registration import light_registration
from components.settings import SettingsError, parse

# Ctrl-C: else the SDK waits for the engine, which waits for the SDK, until the engine kills it
# after 5 seconds.
signal.signal(signal.SIGINT, signal.SIG_DFL)

# Paths of certificates and requests in a stack file count from its own directory, also where `main`
# of Pulumi.yaml names this program from elsewhere.
os.chdir(pulumi.get_root_directory() or ".")

try:
    settings = parse(CONFIG.get(), is_config_secret, pulumi.get_project())
except SettingsError as error:
    raise pulumi.RunError(
        f"the configuration of stack {pulumi.get_stack()} cannot be used:\n{error}"
    ) from None
require_account(settings.provider, default_provider=not settings.needs_explicit("alicloud"))
if settings.shown:
    pulumi.log.warn(
        f"{', '.join(settings.shown)}: set with --secret, but names, AlbConfigs and ports, certificates and"
        " their ids, the account, numbers and switches stand in the state in the clear all the same"
        " (docs/environments.md, who can read what)"
    )

with light_registration():
    mutual_tls = AlbMutualTls(
        PROJECT,
        settings.arguments,
        after(providers(settings), settings.provider),
        secret_arguments=settings.secrets,
    )

pulumi.export("caCertificateId", mutual_tls.ca_certificate_id)
pulumi.export("caCertificatePem", mutual_tls.ca_certificate_pem)
pulumi.export("listeners", mutual_tls.listeners)
