/** What is signed of a release: an in-toto Statement v1 with SLSA's provenance v1, from what its artifact says of itself. */
import type { ArtifactManifest } from "../../runner/cache/cache";
import { type Provenance, provenanceProperties } from "../provenance";
import { refusal } from "./dsse";

const STATEMENT = "https://in-toto.io/Statement/v1";
const PROVENANCE = "https://slsa.dev/provenance/v1";

/** Names the shape of `externalParameters`: another one gets another name. docs/know.md says what is in it. */
export const BUILD_TYPE = "urn:cdktf-visa-images:build:v1";

/** A thing and its digests, as in-toto describes it. */
export interface ResourceDescriptor {
  readonly name?: string;
  readonly uri?: string;
  readonly digest?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, unknown>>;
}

/** An in-toto statement with SLSA's provenance. */
export interface ProvenanceStatement {
  readonly _type: typeof STATEMENT;
  readonly subject: readonly ResourceDescriptor[];
  readonly predicateType: typeof PROVENANCE;
  readonly predicate: {
    readonly buildDefinition: {
      readonly buildType: string;
      readonly externalParameters: { readonly template: string; readonly inputs: Readonly<Record<string, string>> };
      readonly internalParameters: {
        readonly fingerprint: string;
        readonly release: string;
        readonly image: string;
        readonly accelerator?: string;
      };
      readonly resolvedDependencies: readonly ResourceDescriptor[];
    };
    readonly runDetails: {
      readonly builder: { readonly id: string; readonly version: Readonly<Record<string, string>> };
      readonly metadata: { readonly startedOn: string; readonly finishedOn: string };
      readonly byproducts: readonly ResourceDescriptor[];
    };
  };
}

/** What a statement is made from. */
export interface StatementFacts {
  /** The image's name in Glance, and the SHA-512 of its bytes. */
  readonly imageName: string;
  readonly sha512: string;
  /** Its release's 12 digits. */
  readonly release: string;
  /** `<stack>/<id>`. */
  readonly image: string;
  readonly provenance: Provenance;
  /** The manifests of the layers below, the nearest first. */
  readonly below: readonly ArtifactManifest[];
  /** A URI that says who builds. */
  readonly builder: string;
}

/** The statement of a release: the same for the same facts. */
export function provenanceStatement(facts: StatementFacts): ProvenanceStatement {
  const { manifest, manifestFile, sbom, report } = facts.provenance;
  const { createdAt, durationSeconds, source } = manifest;
  return {
    _type: STATEMENT,
    subject: [{ name: facts.imageName, digest: { sha512: facts.sha512 }, annotations: signedProperties(facts) }],
    predicateType: PROVENANCE,
    predicate: {
      buildDefinition: {
        buildType: BUILD_TYPE,
        externalParameters: { template: manifest.template, inputs: manifest.inputs },
        internalParameters: {
          fingerprint: manifest.fingerprint,
          ...{ release: facts.release, image: facts.image },
          ...(manifest.accelerator && { accelerator: manifest.accelerator }),
        },
        resolvedDependencies: [
          ...gitSource(manifest),
          ...(source ? [downloaded(source)] : []),
          ...facts.below.map(layer),
        ],
      },
      runDetails: {
        builder: { id: facts.builder, version: { "cdktf-visa-images": manifest.packageVersion, ...manifest.tools } },
        metadata: {
          startedOn: new Date(Date.parse(createdAt) - durationSeconds * 1000).toISOString(),
          finishedOn: createdAt,
        },
        byproducts: [
          { name: "manifest.json", digest: { sha256: manifestFile.sha256 } },
          { name: "disk.qcow2", digest: { sha256: manifest.disk.sha256 } },
          ...(sbom ? [{ name: "sbom.cdx.json", digest: { sha256: sbom.sha256 } }] : []),
          ...(report ? [{ name: "report.json", digest: { sha256: report.sha256 } }] : []),
        ],
      },
    },
  };
}

/** What the image in Glance says of itself, and is not to say otherwise later. A later report of it may be another one. */
function signedProperties({ provenance, release }: StatementFacts): Record<string, string> {
  const { fingerprint, template } = provenance.manifest;
  const { visa_report_sha256: _, ...properties } = provenanceProperties(provenance);
  return { visa_fingerprint: fingerprint, visa_template: template, visa_release: release, ...properties };
}

function gitSource({ git }: ArtifactManifest): ResourceDescriptor[] {
  if (!git) return [];
  return [{ name: "source", digest: { gitCommit: git.commit }, annotations: { modified: git.modified } }];
}

function downloaded(source: NonNullable<ArtifactManifest["source"]>): ResourceDescriptor {
  const { glance, imageId, imageName, sha512, properties } = source;
  const uri = `${glance}/v2/images/${imageId}`;
  return { name: `image ${imageName}`, uri, digest: { sha512 }, annotations: { ...properties } };
}

function layer({ template, fingerprint, disk }: ArtifactManifest): ResourceDescriptor {
  return { name: `layer ${template}`, digest: { sha256: disk.sha256 }, annotations: { fingerprint } };
}

/**
 * What a signed payload says, as far as it is a statement of ours.
 *
 * @param from where it is from, for the message
 * @throws VisaImageError for another statement: signed, and not about a build of an image
 */
export function asProvenanceStatement(value: unknown, from: string): ProvenanceStatement {
  const statement = value as Partial<ProvenanceStatement> | null;
  const { predicateType, predicate } = statement ?? {};
  if (statement?._type !== STATEMENT || predicateType !== PROVENANCE) {
    throw refusal(`${from} is signed, but says "${predicateType ?? statement?._type}", expected "${PROVENANCE}"`);
  }
  const { buildDefinition, runDetails } = predicate ?? {};
  if (buildDefinition?.buildType !== BUILD_TYPE) {
    throw refusal(
      `${from} is signed, but of a build of the type "${buildDefinition?.buildType}", expected "${BUILD_TYPE}"`,
    );
  }
  const whole =
    typeof statement.subject?.[0]?.digest?.sha512 === "string" &&
    typeof buildDefinition.externalParameters?.template === "string" &&
    typeof buildDefinition.internalParameters?.fingerprint === "string" &&
    Array.isArray(buildDefinition.resolvedDependencies) &&
    typeof runDetails?.builder?.id === "string" &&
    typeof runDetails.metadata?.finishedOn === "string" &&
    Array.isArray(runDetails.byproducts);
  if (!whole) throw refusal(`${from} is signed, but lacks what a statement of this package has`);
  return statement as ProvenanceStatement;
}
