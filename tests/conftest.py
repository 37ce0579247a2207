"""For all tests."""

import os
import signal

import pulumi  # noqa: F401  # before alb_mutual_tls.plugin.protocol, which otherwise enters the SDK's packages as empty modules

from tests.examples import load_profile
from tests.started import _below, pytest_collection_modifyitems  # noqa: F401

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Shells start what they put into the background so, and the programs that tests interrupt would
    # inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ.pop("COLUMNS", None)  # of whoever runs the tests: output is as wide as it comes

load_profile()
