import * as pulumi from "@pulumi/pulumi";
import * as albmtls from "@pulumi/albmtls";

const config = new pulumi.Config();

const place = new albmtls.Provider("albmtls", config.requireObject<albmtls.ProviderArgs>("provider"));

const mutualTls = new albmtls.AlbMutualTls(
    "mtls",
    {
        caEnabled: config.getBoolean("caEnabled"),
        listeners: { https: { albConfig: "alb", port: 443 } },
        clients: {
            partner: { validityDays: 30, keyAlgorithm: albmtls.KeyAlgorithm.EcdsaP384 },
        },
        deletionProtection: config.getBoolean("deletionProtection"),
    },
    { provider: place },
);

export const caCertificateId = mutualTls.caCertificateId;
export const notAfter = mutualTls.clientCertificates.apply((clients) => clients["partner"].notAfter);
export const clientPrivateKeys = mutualTls.clientPrivateKeys;
