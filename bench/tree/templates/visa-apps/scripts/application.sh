#!/bin/bash
# The last layer: one small application.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

apt-get -qq update
apt-get -qq --yes install --no-install-recommends jq >/dev/null
mkdir -p /usr/local/share/applications
cat >/usr/local/share/applications/jq.desktop <<END
[Desktop Entry]
Type=Application
Name=jq
Exec=jq
Terminal=true
END
