#!/bin/sh
# Run by the installer at its end, with the new system in /target: makes that one a cloud image.
set -eu

# OpenStack gives an instance its data by a config drive or by the metadata service; the builds of the layers do too.
mkdir -p /target/etc/cloud/cloud.cfg.d
cat >/target/etc/cloud/cloud.cfg.d/90_visa.cfg <<'END'
datasource_list: [ConfigDrive, OpenStack, None]
apt:
  preserve_sources_list: true
users: []
END
# The network is cloud-init's: what the installer wrote is for the card of this machine.
printf 'source /etc/network/interfaces.d/*\nauto lo\niface lo inet loopback\n' >/target/etc/network/interfaces
