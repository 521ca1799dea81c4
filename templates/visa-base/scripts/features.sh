#!/bin/bash
# Installs the facility features that are switched on, each a folder with an install.sh that reads the same environment.
# Runs in the guest after the other scripts; safe to run twice.
#
#   VISA_LDAP_*              features/ldap
#   VISA_NFS_HOMES           features/nfs-homes
#   VISA_DATA_MOUNTS_BASE64  features/data-mounts
set -euo pipefail

features=/var/tmp/visa-build/features

# feature NAME SWITCH: on if the switch is not empty.
feature() {
  if [[ ! $2 ]]; then return; fi
  echo "features: $1"
  bash "$features/$1/install.sh"
}

feature ldap "${VISA_LDAP_URI:-}"
feature nfs-homes "${VISA_NFS_HOMES:-}"
feature data-mounts "${VISA_DATA_MOUNTS_BASE64:-}"
