#!/usr/bin/env bash
# Installs the Debian packages that the variable `packages` of environment.yml names.
set -euo pipefail

export DEBIAN_FRONTEND=noninteractive
read -ra packages <<<"${PACKAGES:?}"
apt-get install --yes --no-install-recommends "${packages[@]}"
