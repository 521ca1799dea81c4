#!/bin/bash
# Installs the facility features that are switched on, each a folder with an install.sh that reads the same environment.
# Runs in the guest; safe to run twice.
#
#   VISA_PROXY, VISA_NO_PROXY                             features/proxy
#   VISA_CA_CERTIFICATES_BASE64                           features/ca-certificates
#   VISA_APT_SOURCES_BASE64, VISA_APT_SOURCES_KEY_BASE64  features/apt-sources
set -euo pipefail

features=/var/tmp/visa-build/features

# feature NAME SWITCH: on if the switch is not empty.
feature() {
  if [[ ! $2 ]]; then return; fi
  echo "features: $1"
  bash "$features/$1/install.sh"
}

# In this order: a mirror may be behind the proxy, and have a certificate of the facility's.
feature proxy "${VISA_PROXY:-}"
feature ca-certificates "${VISA_CA_CERTIFICATES_BASE64:-}"
feature apt-sources "${VISA_APT_SOURCES_BASE64:-}"
