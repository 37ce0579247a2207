"""For all tests."""

import signal

import hypothesis
import pulumi  # noqa: F401  # before alb_mutual_tls.provider.protocol, which otherwise enters the SDK's packages as empty modules

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # Shells start what they put into the background so, and the programs that tests interrupt would inherit it.
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long one example takes says something of the machine's load and nothing of the code.
hypothesis.settings.register_profile("any machine", deadline=None)
hypothesis.settings.load_profile("any machine")
