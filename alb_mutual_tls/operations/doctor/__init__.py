"""`mtls doctor`: which Alibaba Cloud calls work, and which permissions lack."""
