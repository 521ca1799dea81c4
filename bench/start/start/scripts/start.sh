#!/bin/bash
# Lets the original's flow in, which has no config drive and logs in by root's password.
set -euo pipefail

printf 'root:%s\n' "$ROOT_PASSWORD" | chpasswd
echo 'PermitRootLogin yes' >/etc/ssh/sshd_config.d/10-bench.conf
cat >/etc/systemd/network/90-bench.network <<'END'
[Match]
Name=en* eth*
[Network]
DHCP=yes
END
# Where cloud-init finds nothing it makes no host key.
cat >/etc/systemd/system/bench-host-key.service <<'END'
[Unit]
After=cloud-init.service
Before=ssh.service
ConditionPathExists=!/etc/ssh/ssh_host_ed25519_key
[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -q -t ed25519 -N "" -f /etc/ssh/ssh_host_ed25519_key
[Install]
WantedBy=multi-user.target
END
systemctl --quiet enable bench-host-key.service
