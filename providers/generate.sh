#!/usr/bin/env bash
# Generates the OpenStack bindings from the provider's schema, with cdktf's own generator: `npm run bindings`.
#
#   providers/generate.sh [CHECKOUT-LOCAL terraform.rc]
#
# Terraform must be on PATH and find version 1.54.1 of the provider: in its registry, or in a filesystem mirror that
# the given CLI configuration, else TF_CLI_CONFIG_FILE, else .embedded/terraform.rc (made by `npm run setup`) names.
# The result is committed, so only a new version of the provider asks for this. Running it twice changes nothing.
set -euo pipefail

version=1.54.1
# What the bindings ask Terraform for: the same arguments work from 1.54.1 to the last 3.x.
range='>= 1.54.1, < 4.0.0'
# Gone in version 3: left out, so that whatever compiles works with both.
gone=(
  blockstorage-quotaset-v2 blockstorage-volume-attach-v2 blockstorage-volume-v1 blockstorage-volume-v2
  compute-floatingip-associate-v2 compute-floatingip-v2 compute-secgroup-v2
  fw-firewall-v1 fw-policy-v1 fw-rule-v1
  lb-member-v1 lb-monitor-v1 lb-pool-v1 lb-vip-v1
  data-openstack-blockstorage-snapshot-v2 data-openstack-blockstorage-volume-v2 data-openstack-fw-policy-v1
)

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
configuration=${1:-${TF_CLI_CONFIG_FILE:-}}
if [[ -z $configuration && -f $root/.embedded/terraform.rc ]]; then
  configuration=$root/.embedded/terraform.rc
fi

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

cat >"$scratch/cdktf.json" <<JSON
{
  "language": "typescript",
  "app": "true",
  "projectId": "visa-images-bindings",
  "sendCrashReports": "false",
  "codeMakerOutput": "generated",
  "terraformProviders": ["terraform-provider-openstack/openstack@$version"]
}
JSON

if ! (
  cd "$scratch"
  if [[ -n $configuration ]]; then export TF_CLI_CONFIG_FILE=$configuration; fi
  CHECKPOINT_DISABLE=1 CI=1 "$root/node_modules/.bin/cdktf" get --force >"$scratch/log" 2>&1
); then
  cat "$scratch/log" >&2
  echo "generate: cdktf get failed: is version $version of the provider in the registry or mirror that" \
    "\"${configuration:-the default CLI configuration}\" names? (\`npm run setup\` makes a mirror)" >&2
  exit 1
fi

generated=$scratch/generated/providers/openstack
for name in "${gone[@]}"; do
  rm -r "${generated:?}/$name"
  sed -i "\\#'./$name'#d" "$generated/index.ts" "$generated/lazy-index.ts"
done
sed -i "s/providerVersion: '$version'/providerVersion: '$range'/" "$generated/provider/index.ts"
grep -q "providerVersion: '$range'" "$generated/provider/index.ts"

# cdktf, or cdktn: lib/framework.ts.
find "$generated" -name '*.ts' -exec sed -i "s/from 'cdktf'/from '#cdktf'/" {} +

rm -rf "$root/providers/openstack/src"
mkdir -p "$root/providers/openstack"
mv "$generated" "$root/providers/openstack/src"
echo "generated $(find "$root/providers/openstack/src" -name index.ts | wc -l) files in providers/openstack/src; now run \`npm run build\`"
