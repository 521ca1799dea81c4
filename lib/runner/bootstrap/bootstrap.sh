#!/usr/bin/env bash
# Makes a bootable Debian disk from packages: bootstrap.sh OUTPUT
#
# OUTPUT is a qcow2 file that must not exist; work files lie beside it while the script runs. It needs neither root nor
# a loop device: an ordinary user with a range in /etc/subuid and /etc/subgid will do. The disk boots on its own, by BIOS
# and by UEFI (Secure Boot too), and is shaped by the files beside this script: customize.sh runs inside the new system,
# filesystem.sh makes its file system.
#
# Environment:
#   VISA_BASE_SUITE            Debian suite                                                 (default: bookworm)
#   VISA_BASE_SIZE_GB          virtual size of the disk; the root file system grows later   (default: 4)
#   VISA_BASE_PACKAGES         more packages, separated by blanks. One that begins with linux-image replaces the default
#                              kernel, Debian's for clouds: half the boot time, but no AHCI, USB, sound and DRM
#   VISA_BASE_MIRROR           where packages come from now   (default: the one that apt's examples name; the image always has that)
#   VISA_BASE_SECURITY_MIRROR  the same for security updates  (default: the mirror's address with -security appended)
#   SOURCE_DATE_EPOCH          the date of files made here    (default: 0)
#   http_proxy, https_proxy, no_proxy, TMPDIR: as usual. TMPDIR needs about 1.5 GB; one that other users may not pass is
#   of no use to a user namespace, and /var/tmp takes its place
set -euo pipefail

die() {
    printf 'bootstrap: %s\n' "$*" >&2
    exit 1
}

# /usr/sbin is not on an ordinary user's PATH.
PATH=$PATH:/usr/sbin:/sbin
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
output=${1:?usage: bootstrap.sh OUTPUT}
suite=${VISA_BASE_SUITE:-bookworm}
size_gb=${VISA_BASE_SIZE_GB:-4}
mirror=${VISA_BASE_MIRROR:-$(grep -rhoEm1 'https?://[^ ]+/debian( |$)' /usr/share/doc/apt/examples 2>/dev/null | head -n 1 || true)}
mirror=${mirror%[ /]}
[[ $mirror ]] || die "no mirror of Debian is known: set VISA_BASE_MIRROR"
security_mirror=${VISA_BASE_SECURITY_MIRROR:-$mirror-security}
security_mirror=${security_mirror%/}
export SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-0}

[[ $suite =~ ^[a-z]+$ ]] || die "\"$suite\" is not a Debian suite: give its code name, for example bookworm"
[[ $size_gb =~ ^[1-9][0-9]*$ ]] || die "\"$size_gb\" is not a size in GiB: give a whole number"
[[ ! -e $output ]] || die "\"$output\" exists already"
for tool in mmdebstrap sfdisk mkfs.ext4 mkfs.fat mcopy qemu-img tar; do
    command -v "$tool" >/dev/null ||
        die "$tool is missing: apt-get install mmdebstrap fdisk e2fsprogs dosfstools mtools qemu-utils tar"
done
if [[ $EUID != 0 ]]; then
    command -v newuidmap >/dev/null || die "newuidmap is missing: apt-get install uidmap"
    for file in /etc/subuid /etc/subgid; do
        grep -qsE "^($(id -un)|$EUID):" "$file" ||
            die "no range for $(id -un) in $file: run, as root, usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $(id -un)"
    done
fi

packages=(
    systemd systemd-sysv systemd-resolved dbus libpam-systemd udev kmod initramfs-tools zstd
    grub-pc-bin grub2-common grub-efi-amd64-signed shim-signed e2fsprogs fdisk
    cloud-init cloud-guest-utils openssh-server sudo ca-certificates
    iproute2 procps netbase less locales tzdata
)
kernel=linux-image-cloud-amd64
read -ra extra <<<"${VISA_BASE_PACKAGES:-}"
for package in "${extra[@]}"; do
    [[ $package =~ ^[a-z0-9][a-z0-9+.-]+$ ]] || die "\"$package\" is not the name of a package"
    if [[ $package == linux-image-* ]]; then kernel=; fi
    packages+=("$package")
done
packages+=(${kernel:+"$kernel"})

# Whether the users of a namespace, who are strangers to the caller's folders, can get there.
passable() {
    local folder
    folder=$(realpath "$1") || return 1
    while [[ $folder != / ]]; do
        [[ $(stat -c %A "$folder") == *[xt] ]] || return 1
        folder=$(dirname "$folder")
    done
}

# Files of mapped users can only be removed by the namespace's root, and listed here.
remove() {
    local entries=("$1"/*)
    if [[ -e ${entries[0]} ]]; then mmdebstrap --unshare-helper rm -rf -- "${entries[@]}"; fi
    rmdir -- "$1"
}

clean_up() {
    rm -rf -- "$work"
    remove "$TMPDIR" || true
}

export TMPDIR=${TMPDIR:-/tmp}
if [[ $EUID != 0 ]] && ! passable "$TMPDIR"; then TMPDIR=/var/tmp; fi
# What a killed run left behind.
for folder in "$TMPDIR"/visa-base-"$EUID".*; do
    if [[ -O $folder && ! -L $folder ]] && ! kill -0 "$(cut -d. -f2 <<<"${folder##*/}")" 2>/dev/null; then
        remove "$folder" || true
    fi
done
work=$(mktemp -d "$output.XXXXXX")
TMPDIR=$(mktemp -d "$TMPDIR/visa-base-$EUID.$$.XXXXXX")
trap clean_up EXIT
# Strangers may make files in it, and find none that they did not make.
chmod 1733 "$TMPDIR"

# The same inputs get the same ids. Only this disk's own boot loader goes by them.
id=$(printf '%s\n' "$suite" "$size_gb" "${packages[@]}" | sha256sum)
uuid=${id:0:8}-${id:8:4}-4${id:13:3}-8${id:17:3}-${id:20:12}

printf 'bootstrap: %s from %s\n' "$suite" "$mirror"
sources=$work/sources.list
printf 'deb %s %s main\n' "$mirror" "$suite" "$mirror" "$suite-updates" "$security_mirror" "$suite-security" >"$sources"
umask 022
# Recommended packages are left out: mmdebstrap asks for none. Hook and helper below are users of a namespace who may not
# pass the caller's folders: they get texts and open files, no paths.
VISA_BASE_CUSTOMIZE=$(cat "$here/customize.sh")
export VISA_BASE_CUSTOMIZE VISA_BASE_UUID=$uuid
# shellcheck disable=SC2016 # mmdebstrap's shell expands the hook
HOME=/ mmdebstrap --quiet --mode=unshare --variant=minbase --architectures=amd64 \
    --include="${packages[*]}" \
    --aptopt='Acquire::Languages "none"' --aptopt='Acquire::Retries "5"' --dpkgopt=force-unsafe-io \
    --customize-hook='sh -c "$VISA_BASE_CUSTOMIZE" customize "$1"' \
    --skip=output/dev \
    "$suite" "$work/root.tar" - <"$sources"

# The runner reads this line: a build gets into this disk by credentials (lib/runner/guest/guest-access.ts), from
# systemd 252 on.
if tar -xOf "$work/root.tar" ./usr/lib/tmpfiles.d/provision.conf 2>/dev/null | grep -q 'ssh\.authorized_keys\.root'; then
    echo 'visa-login credentials'
fi

printf 'bootstrap: making a disk of %s GiB\n' "$size_gb"
disk=$work/disk.raw
truncate -s "${size_gb}G" "$disk"
# The numbers that Debian's cloud images have. GRUB's core for BIOS lies before the first MiB; the root file system is the
# last on the disk, so that it can grow. In sectors of 512 bytes.
core_start=34 efi_start=2048 efi_mib=64
root_start=$((efi_start + efi_mib * 2048))
sfdisk --quiet "$disk" <<-END
	label: gpt
	label-id: $uuid
	first-lba: $core_start
	14: start=$core_start, size=$((efi_start - core_start)), type=21686148-6449-6E6F-744E-656564454649, uuid=${uuid%??}14
	15: start=$efi_start, size=${efi_mib}MiB, type=uefi, uuid=${uuid%??}15
	1: start=$root_start, type=linux, uuid=${uuid%??}01
END

# BIOS: what grub-install would do, had it a device: the boot sector without the partition table, and the core.
tar -xOf "$work/root.tar" ./boot/grub/core.img >"$work/core.img"
[[ $(stat -c %s "$work/core.img") -le $(((efi_start - core_start) * 512)) ]] ||
    die "GRUB's core does not fit before the first partition"
tar -xOf "$work/root.tar" ./usr/lib/grub/i386-pc/boot.img >"$work/boot.img"
# patch FILE OFFSET BYTES...: in octal
patch() {
    local file=$1 offset=$2
    shift 2
    # shellcheck disable=SC2059 # the format is the bytes
    printf "$(printf '\\%s' "$@")" | dd of="$file" bs=1 seek=$((offset)) conv=notrunc status=none
}
octal() { printf '%03o' "$1"; }
# Bytes 0x66 and 0x67 make GRUB doubt the drive number that the BIOS passes; grub-install clears them for hard disks.
patch "$work/boot.img" 0x66 220 220
# Where the core is, and the second sector of it: both are 1 and 2 as they come.
patch "$work/boot.img" 0x5c "$(octal $core_start)"
patch "$work/core.img" 0x1f4 "$(octal $((core_start + 1)))"
dd if="$work/boot.img" of="$disk" bs=440 count=1 conv=notrunc status=none
dd if="$work/core.img" of="$disk" bs=512 seek=$core_start conv=notrunc status=none

# UEFI: Debian's signed shim and GRUB, at the path for a disk that no firmware knows yet. GRUB's one file there says where
# the other is.
mkdir -p "$work/efi/EFI/BOOT" "$work/efi/EFI/debian"
tar -xOf "$work/root.tar" ./usr/lib/shim/shimx64.efi.signed >"$work/efi/EFI/BOOT/BOOTX64.EFI"
tar -xOf "$work/root.tar" ./usr/lib/shim/mmx64.efi.signed >"$work/efi/EFI/BOOT/mmx64.efi"
tar -xOf "$work/root.tar" ./usr/lib/grub/x86_64-efi-signed/grubx64.efi.signed >"$work/efi/EFI/BOOT/grubx64.efi"
cat >"$work/efi/EFI/debian/grub.cfg" <<END
search --no-floppy --fs-uuid --set=root $uuid
set prefix=(\$root)/boot/grub
configfile \$prefix/grub.cfg
END
truncate -s "${efi_mib}M" "$work/efi.img"
mkfs.fat -F 32 -s 1 -n EFI -i "${id:0:8}" --invariant "$work/efi.img" >/dev/null
(cd "$work/efi" && mcopy -s -i "$work/efi.img" EFI ::)
dd if="$work/efi.img" of="$disk" bs=512 seek=$efi_start conv=sparse,notrunc status=none

# The last MiB is the partition table's second copy.
mmdebstrap --unshare-helper bash -c "$(cat "$here/filesystem.sh")" filesystem "$uuid" \
    $((size_gb * 1048576 - root_start / 2 - 1024)) $((root_start / 2048)) <"$work/root.tar" 1<>"$disk"

qemu-img convert -f raw -O qcow2 "$disk" "$work/disk.qcow2"
mv "$work/disk.qcow2" "$output"
