#!/bin/bash
# The second layer: a remote desktop, as VISA's images have.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

apt-get -qq update
apt-get -qq --yes install --no-install-recommends \
    xrdp xorgxrdp xfce4-session xfwm4 xfdesktop4 xfce4-panel xfce4-terminal python3-venv >/dev/null
