"""The plugin `kubernetes`, which stands in for pulumi-kubernetes 4.34.2.

It does so where that cannot be had, and serves nothing but the sandbox.

It makes one resource type, `kubernetes:core/v1:Secret`, on the real API server of the sandbox, with
the state that the real plugin would have made.

Known, from the sources of pulumi/pulumi-kubernetes (provider/pkg/provider, provider/pkg/await), its
pull request 4278, the SDK of 4.34.2, and side by side with a plugin built from those sources (`make
oracle`):

- Ids are `namespace/name`. The state holds the object as the API server has it, and `__inputs`,
  `__initialApiVersion`, `__fieldManager`.
- A create is a POST, so one that is there already is an error, unless the provider has
  `upsertExistingObjects`. That and an update are a server-side apply in the name of the field
  manager `pulumi-kubernetes-<8 hex digits>`, an update first takes over what kubectl and creates
  have written; `pulumi.com/patchForce: "true"` overrules everybody else.
- Previews are dry runs on the API server, and show the inputs where those are not known, where the
  permission or the namespace is missing, where the Secret is there already (which thus only the
  update refuses), and where the cluster does not answer or there is no kubeconfig.
- A diff compares the inputs with what was last read, in the shape of the former inputs. Name,
  namespace and type replace the resource, and so do `data` and `stringData` unless the provider has
  `enableSecretMutable`; what keeps its name is deleted before it is replaced. Of `data` or
  `metadata` that are not known yet, all that they held is listed as deleted.
- Another cluster in the provider's configuration replaces what was made: another
  `clusterIdentifier`, or where there is none, another cluster in the kubeconfig.
- A Secret that is missing when it is read is gone; a cluster that does not answer is an error. An
  update that fails leaves the Secret as it is found in the state, with the reason.

What is other than in the real plugin is listed, with the reason, in docs/oracle.md.
"""
