"""`mtls inspect`: what files hold, and whether a listener accepts it."""
