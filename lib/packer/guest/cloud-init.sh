#!/bin/bash
# Makes a Debian or Ubuntu that an installer left without cloud-init ready for the layers above it, and for OpenStack: both
# give a machine its key, its name and its network by a config drive. Runs in the guest, after prepare.sh; safe to run twice.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

apt-get install -qq --yes --no-install-recommends cloud-init cloud-guest-utils openssh-server >/dev/null
mkdir -p /etc/cloud/cloud.cfg.d
cat >/etc/cloud/cloud.cfg.d/90_visa.cfg <<'END'
datasource_list: [ConfigDrive, OpenStack, None]
apt:
  preserve_sources_list: true
users: []
END
# The network is cloud-init's: what the installer wrote is for the card of this machine.
if [[ -e /etc/network/interfaces ]]; then
    printf 'source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\n' >/etc/network/interfaces
fi
rm -f /etc/netplan/*-installer-config.yaml
