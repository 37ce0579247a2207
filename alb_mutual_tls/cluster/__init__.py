"""Reach the Kubernetes cluster: kubeconfigs, API requests, AlbConfig documents."""
