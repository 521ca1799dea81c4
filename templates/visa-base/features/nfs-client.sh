#!/bin/bash
# The client of NFS 4, for features that mount something. Version 3 would need rpcbind, which listens to the whole network.
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

systemctl --quiet mask rpcbind.socket rpcbind.service rpc-statd.service
apt-get install -y --no-install-recommends nfs-common
