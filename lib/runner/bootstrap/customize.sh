#!/bin/sh
# Shapes the new system before it is packed: customize.sh ROOT. Called by mmdebstrap, as root of a namespace.
# Environment: VISA_BASE_UUID, the id of the root file system; SOURCE_DATE_EPOCH, the latest date of a file.
set -eu
root=$1

# Only for the bootstrap itself.
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"

# The mirror of the build is no business of the image: its sources are on the one that apt's own example names.
# shellcheck source=/dev/null
suite=$(. "$root/etc/os-release" && echo "$VERSION_CODENAME")
archive=$(grep -rhoE 'https?://[^ ]+/debian( |/|$)' "$root/usr/share/doc/apt/examples" | head -n 1)
archive=${archive%[ /]}
[ -n "$archive" ] || { echo "customize: apt's examples name no mirror of Debian" >&2; exit 1; }
# With a keyring that is named, apt need not put one together from many files at each update.
signed="[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]"
cat >"$root/etc/apt/sources.list" <<END
deb $signed $archive $suite main
deb $signed $archive $suite-updates main
deb $signed $archive-security $suite-security main
END
rm -f "$root"/etc/apt/sources.list.d/0000*

echo "UUID=$VISA_BASE_UUID / ext4 errors=remount-ro 0 1" >"$root/etc/fstab"
echo localhost >"$root/etc/hostname"
printf '127.0.0.1 localhost\n::1 localhost ip6-localhost ip6-loopback\n' >"$root/etc/hosts"
chroot "$root" passwd --quiet --lock root

# Python compiles for reproducible disks (SOURCE_DATE_EPOCH) so that each start of a program reads and hashes the sources of
# all that it loads. By the sources' dates, as it does without, cloud-init's four starts take a quarter less. Their dates
# are what the disk will have.
chroot "$root" python3 -I - "$SOURCE_DATE_EPOCH" <<'END'
import importlib.util, os, pathlib, struct, sys
epoch = int(sys.argv[1])
for compiled in pathlib.Path("/usr").rglob("__pycache__/*.pyc"):
    code = compiled.read_bytes()
    try:
        source = pathlib.Path(importlib.util.source_from_cache(str(compiled)))
        status = source.stat()
    except (ValueError, FileNotFoundError):
        continue
    # Bit 0: by a hash; bit 1: the hash is looked at.
    if code[:4] == importlib.util.MAGIC_NUMBER and code[4:8] == bytes([3, 0, 0, 0]):
        date = min(int(status.st_mtime), epoch)
        os.utime(source, (date, date))
        compiled.write_bytes(code[:4] + bytes(4) + struct.pack("<II", date, status.st_size) + code[16:])
END

# GRUB: a core that finds its configuration by the file system's id, wherever the disk is attached.
mkdir -p "$root/boot/grub"
arguments="root=UUID=$VISA_BASE_UUID ro console=tty0 console=ttyS0,115200"
cat >"$root/boot/grub/core.cfg" <<END
search --no-floppy --fs-uuid --set=root $VISA_BASE_UUID
set prefix=(\$root)/boot/grub
END
chroot "$root" grub-mkimage --format=i386-pc --prefix=/boot/grub --config=/boot/grub/core.cfg \
    --output=/boot/grub/core.img biosdisk part_gpt ext2 normal linux search search_fs_uuid serial terminal echo
rm "$root/boot/grub/core.cfg"
cat >"$root/boot/grub/grub.cfg" <<END
serial --unit=0 --speed=115200
terminal_output console serial
set timeout=0
set prefix=(\$root)/boot/grub
menuentry Debian {
    linux /vmlinuz $arguments
    initrd /initrd.img
}
END

mkdir -p "$root/etc/cloud/cloud.cfg.d"
cat >"$root/etc/cloud/cloud.cfg.d/90_visa.cfg" <<'END'
# OpenStack gives an instance its data by a config drive or by the metadata service.
datasource_list: [ConfigDrive, OpenStack, None]
# Package sources are the image's, not made anew at the first boot.
apt:
  preserve_sources_list: true
# So is the locale.
locale: false
# An instance has one user, its owner, and that one is VISA's: no user of the distribution's name takes its number.
users: []
# It tells the package grub-pc about the disk, which takes seconds, and there is no grub-pc.
grub_dpkg:
  enabled: false
# Keys of the kinds that are in use, and not shown on the console, which takes seconds.
ssh_genkeytypes: [ed25519, ecdsa]
ssh:
  emit_keys_to_console: false
system_info:
  network:
    renderers: [networkd]
END

# The build boots without cloud-init, which configures the network elsewhere. Its machine has the card that QEMU gives by
# itself, and no cloud's has this address.
mkdir -p "$root/etc/systemd/network"
cat >"$root/etc/systemd/network/80-visa-qemu.network" <<'END'
[Match]
MACAddress=52:54:00:12:34:56

[Network]
DHCP=ipv4
LinkLocalAddressing=no
IPv6AcceptRA=no
END

chroot "$root" systemctl --quiet enable systemd-networkd.service systemd-resolved.service ssh.service
# Of use with LVM alone, and slow.
chroot "$root" systemctl --quiet disable e2scrub_reap.service e2scrub_all.timer
# It would answer the whole network under names of its own (port 5355).
mkdir -p "$root/etc/systemd/resolved.conf.d"
printf '[Resolve]\nLLMNR=no\nMulticastDNS=no\n' >"$root/etc/systemd/resolved.conf.d/90-visa.conf"
# Name resolution is systemd-resolved's; mmdebstrap leaves the host's file.
ln -sf ../run/systemd/resolve/stub-resolv.conf "$root/etc/resolv.conf"

# Made anew on each machine.
rm -f "$root"/etc/ssh/ssh_host_* "$root/var/lib/dbus/machine-id" "$root/var/lib/systemd/random-seed"
: >"$root/etc/machine-id"
