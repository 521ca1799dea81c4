#!/bin/bash
# The owner's home is a folder of the facility's file server (NFS 4), mounted before anyone can log in. While the server
# is away the machine is not ready, and there is no empty home to log in to. What the server gives is owned by numbers:
# the owner's account has to have the right one, so use it with features/ldap.
#
#   VISA_NFS_HOMES  "server:/export [mount options]"
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

fail() {
  echo "nfs-homes: $*" >&2
  exit 1
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
read -r export options rest <<<"$VISA_NFS_HOMES"
[[ $export =~ ^([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):/[A-Za-z0-9._/@+-]*$ ]] ||
  fail "nfs_homes is \"$export\", expected a folder such as files.example.org:/home"
[[ ! $rest && ${options:-rw} =~ ^[A-Za-z0-9_.,=:/@-]+$ ]] || fail "\"$options $rest\" are no mount options, such as vers=4.2,sec=sys"

bash "$here/../nfs-client.sh"
install -m 0755 "$here/visa-home" /usr/local/sbin/visa-home
install -d -m 0755 /etc/visa
printf '%s %s\n' "$export" "nosuid,nodev,retry=0${options:+,$options}" >/etc/visa/nfs-homes
chmod 0644 /etc/visa/nfs-homes
