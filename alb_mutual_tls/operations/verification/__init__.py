"""`mtls verify`: real handshakes, and what they prove."""
