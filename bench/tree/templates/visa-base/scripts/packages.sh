#!/bin/bash
# The second layer: some 20 MB of packages.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

apt-get -qq update
apt-get -qq --yes install --no-install-recommends git rsync vim >/dev/null
