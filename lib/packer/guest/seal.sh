#!/bin/bash
# Last step of every build, in the guest: undoes prepare.sh and takes away whatever belongs to this one machine, so that
# each instance of the image starts anew. It leaves the session that runs it alone, and is safe to run twice.
set -euo pipefail
shopt -s nullglob dotglob

folder=/var/tmp/visa-build

undo_prepare() {
    local file
    for file in /etc/environment /root/.bashrc /etc/ssl/certs/ca-certificates.crt; do
        if [[ -e $file ]]; then sed -i '/^# visa-build begin$/,/^# visa-build end$/d' "$file"; fi
        if [[ -e $file && ! -s $file ]] && grep -qsxF "$file" "$folder/created"; then rm "$file"; fi
    done
    for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
        if grep -qs '^# visa-build: ' "$file"; then sed -i '/^# visa-build: /{s///;n;d}' "$file"; fi
    done
    rm -f /etc/apt/apt.conf.d/99visa-build /etc/dpkg/dpkg.cfg.d/visa-build
    rm -f /usr/local/share/ca-certificates/visa-build-*.crt
    # There are links only where a template ran update-ca-certificates, which then wrote the bundle anew as well.
    local links
    links=$(find /etc/ssl/certs -type l -lname '*visa-build-*' -print -delete)
    if [[ $links ]]; then update-ca-certificates >/dev/null 2>&1; fi
}

clean_packages() {
    apt-get clean
    rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/debconf/*-old /var/lib/dpkg/*-old
    mkdir -p /var/lib/apt/lists/partial
}

# What cloud-init made for the build machine. Its own "clean" leaves most of it before 23.4, and takes seconds to start
# without KVM.
clean_cloud_init() {
    command -v cloud-init >/dev/null || return 0
    local user script
    # Only a user that cloud-init made: one that a template made has no line there.
    if [[ -e /etc/sudoers.d/90-cloud-init-users ]]; then
        user=$(python3 -c 'import yaml
print(yaml.safe_load(open("/etc/cloud/cloud.cfg"))["system_info"]["default_user"]["name"])' 2>/dev/null || true)
        if [[ $user ]] && grep -q "^$user " /etc/sudoers.d/90-cloud-init-users; then
            userdel --remove "$user" 2>/dev/null || true
        fi
    fi
    # What other packages want cleaned with it.
    for script in /etc/cloud/clean.d/*; do
        if [[ -x $script ]]; then "$script" >/dev/null || true; fi
    done
    rm -rf /var/log/cloud-init*.log /etc/sudoers.d/90-cloud-init-users /etc/ssh/sshd_config.d/50-cloud-init.conf \
        /etc/netplan/50-cloud-init.yaml /etc/network/interfaces.d/50-cloud-init* \
        /etc/systemd/network/10-cloud-init-* /etc/udev/rules.d/*cloud-init*.rules /var/lib/cloud/*
    echo localhost >/etc/hostname
}

clean_identity() {
    # Empty, not missing: a missing one would make systemd apply its presets to every unit at the first boot.
    : >/etc/machine-id
    if [[ -f /var/lib/dbus/machine-id && ! -L /var/lib/dbus/machine-id ]]; then rm /var/lib/dbus/machine-id; fi
    rm -f /etc/ssh/ssh_host_* /etc/ssh/sshd_config.d/*visa-build* /root/.ssh/authorized_keys
    if [[ -d /root/.ssh ]]; then rmdir --ignore-fail-on-non-empty /root/.ssh; fi
    rm -f /etc/xrdp/rsakeys.ini /etc/xrdp/visa-key.pem /etc/xrdp/visa-cert.pem
    rm -f /var/lib/systemd/credential.secret /var/lib/dhcp/*.leases /var/lib/systemd/random-seed
}

# Whatever runs has its last words as it is stopped (sshd in wtmp, xrdp in its log, systemd in a new random seed): what
# empties the logs is stopped after all of them.
empty_logs_at_shutdown() {
    local running
    running=$(systemctl list-units --plain --no-legend --type=service,scope --state=active | awk '{ print $1 }' | tr '\n' ' ')
    cat >/run/systemd/system/visa-build-logs.service <<END
[Unit]
DefaultDependencies=no
Conflicts=shutdown.target
Before=shutdown.target user.slice $running
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/true
ExecStop=/usr/bin/find /var/log -type f -exec truncate --size 0 {} +
ExecStop=/bin/rm -f /var/lib/systemd/random-seed
END
    # A unit that systemd does not know yet needs no reload, which without KVM takes seconds.
    systemctl start visa-build-logs.service
    find /var/log -type f -exec truncate --size 0 {} +
}

clean_traces() {
    # From here on the journal stays in memory.
    journalctl --quiet --relinquish-var 2>/dev/null || true
    rm -rf /var/log/journal/*
    find /var/log -type f \( -name '*.gz' -o -name '*.xz' -o -name '*.old' -o -name '*.[0-9]' \) -delete
    empty_logs_at_shutdown
    rm -rf /root/.bash_history /root/.python_history /root/.lesshst /root/.viminfo /root/.wget-hsts /root/.cache \
        /root/.ansible /root/.npm
    # Left for systemd: folders that running services use.
    find /tmp /var/tmp -mindepth 1 -maxdepth 1 ! -name 'systemd-private-*' ! -path "$folder" ! -path "$0" \
        -exec rm -rf {} +
}

undo_prepare
clean_packages
clean_cloud_init
clean_identity
clean_traces
cd /
rm -rf "$folder"
fstrim --all --verbose || true
sync
