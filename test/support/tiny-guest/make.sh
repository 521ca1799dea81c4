#!/bin/bash
# Makes a guest of a few megabytes that Packer can build on in seconds, also without KVM:
#
#   make.sh FOLDER    ->  FOLDER/vmlinuz, FOLDER/initrd.gz, FOLDER/disk.qcow2
#
# Debian's cloud kernel, busybox and dropbear. It boots by -kernel and -initrd, mounts /dev/vda at /mnt, and lets root in
# by the key in the config drive's user data. Packages come from the host's own apt; no root is needed.
set -euo pipefail

out=$(mkdir -p "$1" && cd "$1" && pwd)
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

kernel=$(apt-cache depends linux-image-cloud-amd64 | awk '/Depends: linux-image/ { print $2; exit }')
(
  cd "$work"
  # As root apt warns that its own user cannot write here, which does no harm.
  apt-get download -qq "$kernel" busybox-static dropbear-bin libtomcrypt1 libtommath1 libgmp10 zlib1g libcrypt1 \
    libc6 openssh-client 2>/dev/null
  for package in *.deb; do dpkg -x "$package" root; done
)

root=$work/initrd
modules=$(echo "$work"/root/lib/modules/*/kernel)
mkdir -p "$root"/{bin,dev,proc,sys,tmp,run,mnt,cd,modules,etc/dropbear,root/.ssh,lib,lib64,var/log}
cp "$work/root/bin/busybox" "$work/root/usr/sbin/dropbear" "$work/root/usr/bin/scp" "$root/bin/"
for library in libtomcrypt.so.1 libtommath.so.1 libgmp.so.10 libz.so.1 libcrypt.so.1 libc.so.6; do
  cp -L "$(find "$work/root" -name "$library" | head -n 1)" "$root/lib/"
done
cp -L "$(find "$work/root" -name ld-linux-x86-64.so.2 | head -n 1)" "$root/lib64/"
while read -r module; do
  cp "$modules/$module" "$root/modules/"
done < "$here/modules"
sed 's|.*/||' "$here/modules" > "$root/modules/order"
echo 'root::0:0:root:/root:/bin/sh' > "$root/etc/passwd"
echo /bin/sh > "$root/etc/shells"
install -m 755 "$here/init" "$root/init"
ln -s busybox "$root/bin/sh"

(cd "$root" && find . | "$work/root/bin/busybox" cpio -o -H newc 2>/dev/null | gzip -1) > "$out/initrd.gz"
cp "$work"/root/boot/vmlinuz-* "$out/vmlinuz"
truncate -s 64M "$work/disk.raw"
/sbin/mkfs.ext4 -q -F "$work/disk.raw"
qemu-img convert -O qcow2 "$work/disk.raw" "$out/disk.qcow2"
