"""The plugin `alicloud`, which stands in for pulumi-alicloud 4.0.0.

It does so where that cannot be had, for one function and for the sandbox's STS only.

It serves `alicloud:index/getAccount:getAccount` with a real, signed GetCallerIdentity, and no
resource type.

Known, from the sources of aliyun/terraform-provider-alicloud (alicloud/connectivity/client.go,
provider.go and data_source_alicloud_account.go):

- The account is asked for at STS, at `endpoints` `sts` where that is set, with `protocol`, and the
  answer is kept for the life of the process.
- It is not asked for where the configuration, ALICLOUD_ACCOUNT_ID or ALIBABA_CLOUD_ACCOUNT_ID names
  one: that is the answer then, whoever has the credentials.
- Keys come from the configuration, else from ALICLOUD_..., ALIBABA_CLOUD_... or ALIBABACLOUD_...
  variables.

Not known, or other than the real plugin:

- The real plugin signs in the older way (HMAC-SHA1, version 1.0), which the sandbox does not take;
  the stand-in signs with ACS3-HMAC-SHA256.
- Profiles, roles, an ECS instance's role and a credentials URI are refused instead of used.
- The real plugin may ask for more when it is configured; the stand-in asks for nothing before the
  function is called.
"""
