#!/bin/bash
# Folders of file servers (NFS), mounted when they are first used: no boot waits for them, and a server that is away costs
# whoever looks 30 s.
#
#   VISA_DATA_MOUNTS_BASE64  in base64, lines of "server:/path /mountpoint [mount options]"; # begins a comment
set -euo pipefail
export DEBIAN_FRONTEND=noninteractive

fail() {
  echo "data-mounts: line $number of data_mounts: $*" >&2
  exit 1
}

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
entries=()
declare -A seen
number=0
while read -r source mountpoint options rest; do
  number=$((number + 1))
  if [[ ! $source || $source == \#* ]]; then continue; fi
  [[ $source =~ ^([A-Za-z0-9.-]+|\[[0-9a-fA-F:]+\]):/[A-Za-z0-9._/@+-]*$ ]] ||
    fail "\"$source\" is not a folder of a server, such as files.example.org:/data"
  [[ $mountpoint =~ ^(/[A-Za-z0-9_][A-Za-z0-9._@+-]*)+$ ]] || fail "\"$mountpoint\" is not a folder to mount on"
  case $mountpoint in
    /home | /root | /bin | /boot | /dev | /etc | /lib* | /proc | /run | /sbin | /sys | /tmp | /usr | /var | \
      /boot/* | /dev/* | /etc/* | /proc/* | /run/* | /sys/* | /usr/* | /var/*)
      fail "\"$mountpoint\" belongs to the system: use one such as /data"
      ;;
  esac
  [[ ! ${seen[$mountpoint]:-} ]] || fail "\"$mountpoint\" is there twice"
  seen[$mountpoint]=yes
  [[ ! $rest && ${options:-ro} =~ ^[A-Za-z0-9_.,=:/@-]+$ ]] ||
    fail "\"$options $rest\" are no mount options, such as ro,vers=4.2"
  entries+=("$source $mountpoint nfs nosuid,nodev,nofail,_netdev,x-systemd.automount,x-systemd.mount-timeout=30s,x-systemd.idle-timeout=10min,${options:-ro} 0 0")
done < <(base64 --decode <<<"$VISA_DATA_MOUNTS_BASE64" | tr -d '\r' && echo)

bash "$here/../nfs-client.sh"
sed -i '/^# visa data-mounts begin$/,/^# visa data-mounts end$/d' /etc/fstab
{
  echo "# visa data-mounts begin"
  printf '%s\n' "${entries[@]}"
  echo "# visa data-mounts end"
} >>/etc/fstab
