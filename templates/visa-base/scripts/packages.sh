#!/bin/bash
# Debian's packages of a remote desktop, in one go: each transaction of apt takes half a minute without KVM. A
# bootstrapped base brings them already (base_packages in manifest.yml). Runs in the guest; safe to run twice.
#
#   VISA_PACKAGES  names, separated by blanks
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

read -ra packages <<<"$VISA_PACKAGES"
for package in "${packages[@]}"; do
  [[ $package =~ ^[a-z0-9][a-z0-9+.-]+$ ]] ||
    { echo "packages: \"$package\" is not a package of Debian, such as firefox-esr" >&2; exit 1; }
done
apt-get install -y --no-install-recommends "${packages[@]}"
