"""The Kubernetes cluster: kubeconfigs, requests to its API server, AlbConfigs as documents."""
