"""`mtls status`: what is deployed, declared and enforced."""
