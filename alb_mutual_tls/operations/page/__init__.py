"""The page of `mtls report`: what `mtls verify` and `mtls status` found, for people to look at."""
