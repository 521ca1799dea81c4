#!/bin/bash
# The first layer: package sources, a locale, a few tools.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

cat >/etc/apt/sources.list <<END
deb $MIRROR bookworm main
deb $MIRROR bookworm-updates main
deb $MIRROR-security bookworm-security main
END
apt-get -qq update
apt-get -qq --yes install --no-install-recommends bash-completion nano unzip >/dev/null
echo 'en_GB.UTF-8 UTF-8' >/etc/locale.gen
locale-gen
echo LANG=en_GB.UTF-8 >/etc/default/locale
