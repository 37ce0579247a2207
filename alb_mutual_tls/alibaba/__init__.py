"""The outside world: the cluster's AlbConfig and Alibaba Cloud's APIs. No Pulumi."""
