#!/bin/bash
# First step of every build, in the guest: waits for the first boot to end and lets packages in. Whatever it changes is
# marked "visa-build" and undone by seal.sh. Safe to run twice.
#
# Environment, each may be empty:
#   VISA_BUILD_PROXY, VISA_BUILD_NO_PROXY  HTTP proxy for the time of the build, and hosts that go without it
#   VISA_BUILD_MIRROR                      Debian mirror for the time of the build
#   VISA_BUILD_LISTS                       "own": the template's first command fetches apt's lists
# /var/tmp/visa-build/ca.crt holds certificates to trust for the time of the build; it may be empty or missing.
set -euo pipefail

proxy=${VISA_BUILD_PROXY:-}
no_proxy_hosts=${VISA_BUILD_NO_PROXY:-}
mirror=${VISA_BUILD_MIRROR:-}
mirror=${mirror%/}
folder=/var/tmp/visa-build
bundle=/etc/ssl/certs/ca-certificates.crt

# Whether cloud-init runs in this boot: its generator says so.
has_cloud_init() { [[ -e /run/cloud-init/enabled ]]; }

wait_for_first_boot() {
    local code=0 tries=0
    # Its own command takes as long to start as a stage of the boot, which without KVM is many seconds.
    while [[ ! -e /run/cloud-init/result.json ]] && ((tries++ < 4500)); do sleep 0.2; done
    if grep -qs '"errors": \[\]' /run/cloud-init/result.json; then return 0; fi
    timeout $((901 - tries / 5)) cloud-init status --wait >/dev/null || code=$?
    # 2: done, with warnings (cloud-init 23.4 and later).
    if [[ $code != 0 && $code != 2 ]]; then
        cloud-init status --long >&2 || true
        echo "prepare: cloud-init failed on the build machine" >&2
        exit 1
    fi
}

# The root file system gets the disk's size, as cloud-init gives it.
grow_root() {
    local source type part disk code=0
    read -r source type < <(findmnt --noheadings --output SOURCE,FSTYPE /)
    part=$(readlink -f "/sys/class/block/${source##*/}") disk=${part%/*}
    [[ $type == ext4 && -e $part/partition ]] && command -v growpart >/dev/null || return 0
    # In sectors of 512 bytes. Less than 2 MiB at the end is no room.
    (($(<"$disk/size") - $(<"$part/start") - $(<"$part/size") >= 4096)) || return 0
    growpart "/dev/${disk##*/}" "$(<"$part/partition")" >/dev/null || code=$?
    case $code in
        0) resize2fs "$source" 2>/dev/null ;;
        # There is none to be had.
        1) ;;
        *) echo "prepare: the root file system was not given the disk's size" >&2 && exit 1 ;;
    esac
}

# Undoes an earlier run of this script, for a second run with other values.
unmark() {
    local file
    for file in /etc/environment /root/.bashrc "$bundle"; do
        if [[ -e $file ]]; then sed -i '/^# visa-build begin$/,/^# visa-build end$/d' "$file"; fi
    done
    for file in "${sources[@]}"; do sed -i '/^# visa-build: /{s///;n;d}' "$file"; done
    rm -f /usr/local/share/ca-certificates/visa-build-*.crt
}

# Nothing of the image's own may run beside the build and hold its locks.
stop_timers() {
    # Not masked: a template could then not disable them, for systemctl leaves masked units as they are.
    systemctl --quiet stop apt-daily.timer apt-daily-upgrade.timer apt-daily.service apt-daily-upgrade.service \
        unattended-upgrades.service 2>/dev/null || true
}

set_apt() {
    {
        echo 'Acquire::Languages "none";'
        echo 'Acquire::PDiffs "false";'
        echo 'Acquire::Retries "5";'
        echo 'DPkg::Lock::Timeout "300";'
        if [[ $proxy ]]; then
            printf 'Acquire::http::Proxy "%s";\nAcquire::https::Proxy "%s";\n' "$proxy" "$proxy"
            local host
            for host in ${no_proxy_hosts//,/ }; do
                printf 'Acquire::http::Proxy::%s "DIRECT";\nAcquire::https::Proxy::%s "DIRECT";\n' "$host" "$host"
            done
        fi
    } >/etc/apt/apt.conf.d/99visa-build
    # A build that is cut off is thrown away, disk and all: nothing is gained by syncing each file.
    echo force-unsafe-io >/etc/dpkg/dpkg.cfg.d/visa-build
}

# Replaces the addresses that match a pattern in the package sources: replace_source PATTERN ADDRESS. The line that was
# there is kept before the new one, as a comment. The pattern has one group.
replace_source() {
    local pattern="$1/?([[:space:]]|\$)" address=${2//[&#\\]/\\&} file
    for file in "${sources[@]}"; do
        sed -i -E "\\#^(deb(-src)?[[:space:]]|URIs:).*$pattern#{h;s/^/# visa-build: /;p;g;s#$pattern#$address\\2#g}" "$file"
    done
}

set_mirror() {
    local id suite
    # shellcheck source=/dev/null
    id=$(. /etc/os-release && echo "$ID") suite=$(. /etc/os-release && echo "${VERSION_CODENAME:-}")
    [[ $mirror && $id == debian ]] || return 0
    replace_source '(mirror\+file:[^[:space:]]*/debian\.list|https?://[^[:space:]/]*\.debian\.org/debian)' "$mirror"
    # Not every mirror has the security updates beside the archive.
    if /usr/lib/apt/apt-helper download-file "$mirror-security/dists/$suite-security/InRelease" \
        "$folder/InRelease" >/dev/null 2>&1; then
        replace_source \
            '(mirror\+file:[^[:space:]]*/debian-security\.list|https?://[^[:space:]/]*\.debian\.org/debian-security)' \
            "$mirror-security"
    fi
}

# The bundle is what nearly every program reads, and appending to it takes no time, where update-ca-certificates takes
# half a minute without KVM. The files are for a template that runs that program itself.
trust_certificates() {
    [[ -s $folder/ca.crt ]] || return 0
    mkdir -p /usr/local/share/ca-certificates "${bundle%/*}"
    awk '/BEGIN CERTIFICATE/ { n++ } n { print > sprintf("/usr/local/share/ca-certificates/visa-build-%03d.crt", n) }' \
        "$folder/ca.crt"
    [[ -e $bundle ]] || { : >"$bundle" && echo "$bundle" >>"$folder/created"; }
    {
        echo "# visa-build begin"
        cat "$folder/ca.crt"
        printf '\n# visa-build end\n'
    } >>"$bundle"
}

set_environment() {
    local name file variables=()
    if [[ -s $folder/ca.crt ]]; then
        for name in PIP_CERT REQUESTS_CA_BUNDLE SSL_CERT_FILE CURL_CA_BUNDLE NODE_EXTRA_CA_CERTS; do
            variables+=("$name=$bundle")
        done
    fi
    if [[ $proxy ]]; then
        for name in http_proxy https_proxy HTTP_PROXY HTTPS_PROXY; do variables+=("$name=$proxy"); done
        for name in no_proxy NO_PROXY; do variables+=("$name=$no_proxy_hosts"); done
    fi
    [[ ${#variables[@]} != 0 ]] || return 0
    for file in /etc/environment /root/.bashrc; do
        {
            echo "# visa-build begin"
            for name in "${variables[@]}"; do
                # PAM reads the first for whoever logs in; bash the second, before each command that comes by ssh, also
                # on the connection that is open now.
                if [[ $file == /root/.bashrc ]]; then printf 'export %q\n' "$name"; else printf '%s\n' "$name"; fi
            done
            echo "# visa-build end"
            cat "$file"
        } >"$folder/new"
        cat "$folder/new" >"$file"
    done
}

shopt -s nullglob
sources=()
for file in /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources}; do
    if [[ -e $file ]]; then sources+=("$file"); fi
done
mkdir -p "$folder"
if has_cloud_init; then wait_for_first_boot; else grow_root; fi
stop_timers
for file in /etc/environment /root/.bashrc; do
    # Seal takes away what was not there before.
    [[ -e $file ]] || { : >"$file" && echo "$file" >>"$folder/created"; }
done
unmark
set_apt
trust_certificates
set_mirror
set_environment
if [[ ${VISA_BUILD_LISTS:-} != own ]]; then apt-get -qq update; fi
