#!/bin/bash
# One small application.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

apt-get -qq update
apt-get -qq --yes install --no-install-recommends tree >/dev/null
mkdir -p /usr/local/share/applications
cat >/usr/local/share/applications/tree.desktop <<END
[Desktop Entry]
Type=Application
Name=tree
Exec=tree
Terminal=true
END
