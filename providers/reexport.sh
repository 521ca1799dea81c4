#!/usr/bin/env bash
# Writes dist/openstack/<name>.{js,d.ts}: the bindings as `cdktf-visa-images/openstack/<name>`. Part of `npm run build`.
#
# They are bundled into our tarball and so lie in our own node_modules, where a consumer's import does not look for them;
# and the target of a subpath export may not have "node_modules" in it. Hence one line for each, from where they resolve.
#
# They are a package of their own for Node too, whose `#cdktf` is its copy of lib/framework.ts.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
rm -rf "$root/dist/openstack"
mkdir -p "$root/dist/openstack"
for folder in "$root"/providers/openstack/src/*/; do
  name=$(basename "$folder")
  echo "export * from \"@cdktf/provider-openstack/lib/$name\";" >"$root/dist/openstack/$name.d.ts"
  echo "module.exports = require(\"@cdktf/provider-openstack/lib/$name\");" >"$root/dist/openstack/$name.js"
done
cp "$root/dist/lib/framework.js" "$root/providers/openstack/lib/framework.js"
